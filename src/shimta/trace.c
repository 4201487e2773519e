/* shimta trace: the life of a mail, from the journal, and its present state in the queue. */
#include "shimta/shimta.h"

#include "queue/journal_store.h"
#include "shimta/folder.h"
#include "shimta/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

static void
collect(const cJSON *row, void *user)
{
    if (json_string(row, "id"))
        g_ptr_array_add(user, g_strdup(json_string(row, "id")));
}

static void
print_line(const cJSON *row, void *user)
{
    static const char *const keys[] = { "recipient", "sender", "message_id", "remote_id", "account", "call", "dsn",
                                        "text" };
    const Task *task = user;

    if (task->json) {
        output_json(row);
        return;
    }
    g_autofree char *time = output_time(output_number(row, "at_ms")), *event = output_string(row, "event");
    printf("    %s.%03d  %-10s", time, (int) (output_number(row, "at_ms") % 1000), event);
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *value = output_string(row, keys[i]);
        if (json_string(row, keys[i]))
            printf(" %s=%s", keys[i], value);
    }
    putchar('\n');
}

static void
print_mail(const Task *task, const char *id)
{
    g_autofree char *clean = output_clean(id);

    if (!task->json)
        printf("%s\n", clean);
}

/* --- with the daemon ----------------------------------------------------------------------------- */

static int
print_lines(const Task *task, Link *link, const char *id)
{
    LinkReader reader = { print_line, (void *) task };
    gint64 after = 0;
    int status;

    do {
        g_autoptr(cJSON) last = NULL;
        cJSON *request = request_new("lines");
        cJSON_AddStringToObject(request, "id", id);
        cJSON_AddNumberToObject(request, "after", (double) after);
        status = task_ask(link, request, &reader, &last);
        after = output_number(last, "more");
    } while (status == EX_OK && after > 0);
    return status;
}

/* The first row is the entry, others are its recipients. */
static void
print_state(const cJSON *row, void *user)
{
    const Task *task = user;
    g_autofree char *state = output_string(row, "state"), *time = output_time(output_number(row, "due_ms"));
    g_autofree char *held = output_string(row, "held");
    g_autoptr(cJSON) now = cJSON_CreateObject();

    if (json_string(row, "recipient"))
        return;
    if (task->json) {
        cJSON_AddStringToObject(now, "id", json_string(row, "id"));
        cJSON_AddStringToObject(now, "state", state);
        cJSON_AddNumberToObject(now, "due_ms", (double) output_number(row, "due_ms"));
        output_json(now);
    } else if (strcmp(state, "waiting") == 0) {
        printf("    now in the queue, next try %s\n", time);
    } else {
        printf("    now in the queue: %s %s\n", state, json_string(row, "held") ? held : "");
    }
}

/* That it is not there any more is no trouble. */
static void
print_present(const Task *task, Link *link, const char *id)
{
    LinkReader reader = { print_state, (void *) task };
    g_autoptr(cJSON) request = request_new("show");

    cJSON_AddStringToObject(request, "id", id);
    cJSON_Delete(link_ask(link, request, &reader, NULL));
}

static int
trace_link(const Task *task, Link *link)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(cJSON) last = NULL;
    LinkReader reader = { collect, ids };
    cJSON *request = request_new("trace");

    cJSON_AddStringToObject(request, "what", task->args[0]);
    int status = task_ask(link, request, &reader, &last);
    guint n = MIN(ids->len, task->limit);
    for (guint i = n; i > 0 && status == EX_OK; i--) {
        print_mail(task, ids->pdata[i - 1]);
        status = print_lines(task, link, ids->pdata[i - 1]);
        if (status == EX_OK)
            print_present(task, link, ids->pdata[i - 1]);
    }
    if (status == EX_OK && n == 0) {
        complain("nothing is known of '%s'", task->args[0]);
        return 1;
    }
    if (ids->len > n || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(last, "more")))
        complain("there are earlier mails too; say --limit, at most 200");
    return status;
}

/* --- without it ---------------------------------------------------------------------------------- */

static void
print_stored(const JournalLine *line, gint64 row, void *user)
{
    g_autoptr(cJSON) out = cJSON_CreateObject();

    cJSON_AddNumberToObject(out, "at_ms", (double) line->at_ms);
    for (guint i = 0; i < JOURNAL_STRINGS; i++)
        if (journal_line_get(line, i))
            cJSON_AddStringToObject(out, journal_line_name(i), journal_line_get(line, i));
    print_line(out, user);
}

/* What a daemon that was killed has left. A file is locked while a daemon writes to it. */
static void
load_rest(JournalStore *store, const char *folder)
{
    g_autoptr(GArray) files = journal_files(folder);

    for (guint i = 0; i < files->len; i++) {
        guint64 number = g_array_index(files, guint64, i);
        g_autofree char *path = journal_file(folder, number);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        bool is_free = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0;
        bool loaded = is_free && journal_store_load(store, number, NULL);
        if (fd >= 0)
            close(fd);
        if (!loaded)
            return;
    }
}

static int
trace_stored(const Task *task, JournalStore *store)
{
    g_autoptr(GError) error = NULL;
    bool more = false;
    g_autoptr(GPtrArray) ids = journal_store_mails(store, task->args[0], task->limit, &more, &error);

    for (guint i = ids ? ids->len : 0; i > 0 && !error; i--) {
        JournalPage page = { ids->pdata[i - 1], 0, G_MAXUINT };
        print_mail(task, page.id);
        journal_store_lines(store, &page, print_stored, (void *) task, &error);
    }
    if (error)
        complain("%s", error->message);
    else if (ids->len == 0)
        complain("nothing is known of '%s'", task->args[0]);
    return error ? EX_IOERR : ids->len > 0 ? EX_OK : 1;
}

/* Nothing is changed while a daemon has the folder. The lock is not kept: the output may wait for its reader, and a
 * daemon that starts needs it. False: somebody has it. */
static bool
load_unless_used(void)
{
    int lock = journal_lock(".");
    g_autoptr(JournalStore) store = lock >= 0 ? journal_store_open(".", NULL) : NULL;

    if (store)
        load_rest(store, ".");
    g_clear_pointer(&store, journal_store_close);
    if (lock >= 0)
        close(lock);
    return lock >= 0;
}

static int
trace_folder(const Task *task, const char *why)
{
    g_autofree char *folder = g_build_filename(task->conf.state_dir, "journal", NULL);
    g_autoptr(GError) error = NULL;

    if (!folder_enter(folder) || access("journal.db", F_OK) < 0) {
        complain("no shimtad answers (%s), and there is no journal to read in '%s' (%s)", why, folder, g_strerror(errno));
        return EX_TEMPFAIL;
    }
    if (load_unless_used())
        complain("shimtad is not running (%s); this is what it has left", why);
    else
        complain("shimtad is running, but does not answer (%s); this is from its journal, which may lack the last seconds",
                 why);
    g_autoptr(JournalStore) store = journal_store_open_read(".", &error);
    if (!store) {
        complain("%s", error->message);
        return EX_IOERR;
    }
    return trace_stored(task, store);
}

int
trace_print(Task *task)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Link) link = link_open(task->conf.control_socket, &error);

    if (link)
        return trace_link(task, link);
    if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES))
        return trace_folder(task, error->message);
    complain("%s: only root and the user of shimtad may ask", error->message);
    return EX_TEMPFAIL;
}
