/* shimta queue: retry, hold, release, delete, flush. */
#include "shimta/shimta.h"

#include "shimta/output.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { BATCH = 100 };

typedef struct {
    const Task *task;
    guint64 done, failed;
} Change;

static void
change_row(const cJSON *row, void *user)
{
    Change *change = user;
    const char *why = json_string(row, "error");

    if (why)
        change->failed++;
    else
        change->done++;
    if (change->task->json)
        output_json(row);
    else if (why)
        complain("%s: %s", json_string(row, "id"), why);
}

static int
change_ids(Link *link, const char *action, const GPtrArray *ids, Change *change)
{
    LinkReader reader = { change_row, change };
    int status = EX_OK;

    for (guint i = 0; i < ids->len && status == EX_OK; i += BATCH) {
        cJSON *request = request_new("change"), *list = cJSON_AddArrayToObject(request, "ids");
        cJSON_AddStringToObject(request, "action", action);
        for (guint j = i; j < ids->len && j < i + BATCH; j++)
            cJSON_AddItemToArray(list, cJSON_CreateString(ids->pdata[j]));
        status = task_ask(link, request, &reader, NULL);
        output_progress(action, change->done);
    }
    return status;
}

/* All that fit; the daemon takes as many at a time as it likes. */
static int
change_all(Link *link, const char *action, Change *change)
{
    LinkReader reader = { change_row, change };
    g_autofree char *after = NULL;
    int status = EX_OK;

    do {
        g_autoptr(cJSON) last = NULL;
        cJSON *request = request_filtered("change", change->task);
        cJSON_AddStringToObject(request, "action", action);
        cJSON_AddTrueToObject(request, "chosen");
        if (after)
            cJSON_AddStringToObject(request, "after", after);
        status = task_ask(link, request, &reader, &last);
        output_progress(action, change->done);
        g_free(after);
        after = g_strdup(json_string(last, "more"));
    } while (after && status == EX_OK);
    return status;
}

/* An exit status: whether to go on. */
static int
confirm(const Task *task, const char *action)
{
    char answer[8] = "";

    if (task->yes || strcmp(action, "delete") != 0)
        return EX_OK;
    if (!isatty(STDIN_FILENO)) {
        complain("deleted mail is gone; say --yes");
        return EX_USAGE;
    }
    fprintf(stderr, "Delete %s? Nobody will be told. [y/N] ", task->args[0] ? "these entries" : "all that fit");
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y') ? EX_OK : 1;
}

static int
change_entries(Task *task, const char *action)
{
    bool chosen = task->all || task->sender || task->recipient || task->held;
    Change change = { .task = task };

    if (chosen == (task->args[0] != NULL)) {
        complain("%s what? Say ids, or --all, --sender, --recipient or --held", action);
        return EX_USAGE;
    }
    int status = confirm(task, action);
    if (status != EX_OK)
        return status;
    g_autoptr(Link) link = task_link(task);
    if (!link)
        return EX_TEMPFAIL;
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    for (guint i = 0; task->args[i]; i++)
        g_ptr_array_add(ids, task->args[i]);
    status = chosen ? change_all(link, action, &change) : change_ids(link, action, ids, &change);
    output_progress_end();
    if (!task->json && status == EX_OK && (chosen || change.done > 0))
        printf("%s: %" G_GUINT64_FORMAT "\n", action, change.done);
    return status != EX_OK ? status : change.failed > 0 ? 1 : EX_OK;
}

int
queue_retry(Task *task)
{
    bool flush = !task->held && (task->all || task->sender || task->recipient);

    return flush ? queue_flush(task) : change_entries(task, "retry");
}

int
queue_hold(Task *task)
{
    return change_entries(task, "hold");
}

int
queue_release(Task *task)
{
    if (task->all || task->sender || task->recipient)
        task->held = true;
    return change_entries(task, "release");
}

int
queue_delete(Task *task)
{
    return change_entries(task, "delete");
}

int
queue_flush(Task *task)
{
    g_autoptr(Link) link = task_link(task);
    gint64 n = 0;
    bool more = true;
    int status = link ? EX_OK : EX_TEMPFAIL;

    while (more && status == EX_OK) {
        g_autoptr(cJSON) last = NULL;
        status = task_ask(link, request_filtered("flush", task), NULL, &last);
        n += output_number(last, "n");
        more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(last, "more"));
        output_progress("due now", (guint64) n);
    }
    output_progress_end();
    if (status == EX_OK && task->json)
        printf("{\"due\":%" G_GINT64_FORMAT "}\n", n);
    else if (status == EX_OK)
        printf("%" G_GINT64_FORMAT " due now\n", n);
    return status;
}
