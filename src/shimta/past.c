#include "shimta/past.h"

#include "queue/journal_store.h"
#include "shimta/folder.h"
#include "shimta/output.h"
#include "shimta/shimta.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

struct Past {
    Link *link;          /* or else */
    JournalStore *store;
    int before;          /* the folder we were in; -1: we have not left it */
    uid_t uid;
    gid_t gid;
};

/* --- the folder ---------------------------------------------------------------------------------- */

static bool
enter(Past *self, const char *folder)
{
    self->uid = geteuid();
    self->gid = getegid();
    self->before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return folder_enter(folder) && access("journal.db", F_OK) == 0;
}

static void
leave(const Past *self)
{
    if (self->before < 0)
        return;
    bool back = seteuid(self->uid) == 0 && setegid(self->gid) == 0 && fchdir(self->before) == 0;
    close(self->before);
    if (!back)
        complain("the folder that was left cannot be entered again: %s", g_strerror(errno));
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

static Past *
open_folder(Past *self, const DaemonConf *conf, PastSource *source, int *status, GError **error)
{
    g_autofree char *folder = g_build_filename(conf->state_dir, "journal", NULL);
    g_autoptr(Past) past = self;

    if (!enter(past, folder)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "there is no journal to read in '%s' (%s)", folder,
                    g_strerror(errno));
        *status = EX_TEMPFAIL;
        return NULL;
    }
    *source = load_unless_used() ? PAST_LEFT : PAST_BEHIND;
    past->store = journal_store_open_read(".", error);
    *status = past->store ? EX_OK : EX_IOERR;
    return past->store ? g_steal_pointer(&past) : NULL;
}

/* --- either way ---------------------------------------------------------------------------------- */

Past *
past_open(const DaemonConf *conf, PastSource *source, char **why, int *status, GError **error)
{
    g_autoptr(Past) self = g_new0(Past, 1);
    g_autoptr(GError) cause = NULL;

    self->before = -1;
    *source = PAST_DAEMON;
    *why = NULL;
    *status = EX_OK;
    self->link = link_open(conf->control_socket, &cause);
    if (self->link)
        return g_steal_pointer(&self);
    *why = g_strdup(cause->message);
    if (!g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_ACCES))
        return open_folder(g_steal_pointer(&self), conf, source, status, error);
    *status = EX_TEMPFAIL;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_ACCES, "%s: only root and the user of shimtad may ask", cause->message);
    return NULL;
}

void
past_close(Past *self)
{
    if (!self)
        return;
    link_free(self->link);
    g_clear_pointer(&self->store, journal_store_close);
    leave(self);
    g_free(self);
}

Link *
past_link(Past *self)
{
    return self->link;
}

static void
collect(const cJSON *row, void *user)
{
    if (json_string(row, "id"))
        g_ptr_array_add(user, g_strdup(json_string(row, "id")));
}

GPtrArray *
past_mails(Past *self, const char *word, guint max, bool *more, GError **error)
{
    if (self->store)
        return journal_store_mails(self->store, word, max, more, error);
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(cJSON) request = request_new("trace");
    LinkReader reader = { collect, ids };
    cJSON_AddStringToObject(request, "what", word);
    g_autoptr(cJSON) last = link_ask(self->link, request, &reader, error);
    *more = ids->len > max || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(last, "more"));
    g_ptr_array_set_size(ids, (int) MIN(ids->len, max));
    return last ? g_steal_pointer(&ids) : NULL;
}

static void
pass_stored(const JournalLine *line, gint64 row, void *user)
{
    const LinkReader *reader = user;
    g_autoptr(cJSON) out = cJSON_CreateObject();

    cJSON_AddNumberToObject(out, "at_ms", (double) line->at_ms);
    for (guint i = 0; i < JOURNAL_STRINGS; i++)
        if (journal_line_get(line, i))
            cJSON_AddStringToObject(out, journal_line_name(i), journal_line_get(line, i));
    reader->row(out, reader->user);
}

bool
past_lines(Past *self, const char *id, const LinkReader *reader, GError **error)
{
    JournalPage all = { id, 0, G_MAXUINT };
    gint64 after = 0;

    if (self->store)
        return journal_store_lines(self->store, &all, pass_stored, (void *) reader, error);
    do {
        g_autoptr(cJSON) request = request_new("lines");
        cJSON_AddStringToObject(request, "id", id);
        cJSON_AddNumberToObject(request, "after", (double) after);
        g_autoptr(cJSON) last = link_ask(self->link, request, reader, error);
        if (!last)
            return false;
        after = output_number(last, "more");
    } while (after > 0);
    return true;
}
