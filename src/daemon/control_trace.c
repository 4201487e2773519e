/* What the operator sees of the past, and of the whole. */
#include "daemon/control_request.h"

#include "relay/report.h"
#include "relay/runner.h"

#include <unistd.h>

/* --- trace --------------------------------------------------------------------------------------- */

static bool
run_trace(JournalStore *store, void *user, GError **error)
{
    ControlRequest *request = user;
    bool more = false;
    g_autoptr(GPtrArray) mails = journal_store_mails(store, json_string(request->body, "what"), CONTROL_PAGE, &more,
                                                     error);

    for (guint i = 0; mails && i < mails->len; i++)
        control_put(control_row(request), "id", mails->pdata[i]);
    cJSON_AddBoolToObject(request->last, "more", more);
    return mails != NULL;
}

void
control_trace(ControlRequest *request)
{
    static const JournalTask task = { run_trace, control_done };

    if (json_string(request->body, "what"))
        control_ask_journal(request, &task);
    else
        control_answer(request, "what?");
}

static void
visit_line(const JournalLine *line, gint64 row, void *user)
{
    cJSON *out = control_row(user);

    control_put_number(out, "row", row);
    control_put_number(out, "at_ms", line->at_ms);
    for (guint i = 0; i < JOURNAL_STRINGS; i++)
        control_put(out, journal_line_name(i), journal_line_get(line, i));
}

static bool
run_lines(JournalStore *store, void *user, GError **error)
{
    ControlRequest *request = user;
    JournalPage page = { json_string(request->body, "id"), control_number(request, "after"), CONTROL_PAGE };

    if (!journal_store_lines(store, &page, visit_line, request, error))
        return false;
    int n = cJSON_GetArraySize(request->rows);
    const cJSON *last = n == CONTROL_PAGE ? cJSON_GetArrayItem(request->rows, n - 1) : NULL;
    if (last)
        cJSON_AddNumberToObject(request->last, "more", cJSON_GetObjectItemCaseSensitive(last, "row")->valuedouble);
    return true;
}

void
control_lines(ControlRequest *request)
{
    static const JournalTask task = { run_lines, control_done };

    if (json_string(request->body, "id"))
        control_ask_journal(request, &task);
    else
        control_answer(request, "which mail?");
}

/* --- stats --------------------------------------------------------------------------------------- */

static bool
run_store_stats(Store *store, void *user, GError **error)
{
    ControlRequest *request = user;
    cJSON *out = cJSON_AddObjectToObject(cJSON_GetArrayItem(request->rows, 0), "queue");
    StoreStats stats;

    if (!store_stats(store, request->now_ms, &stats, error))
        return false;
    control_put_number(out, "entries", (gint64) stats.entries);
    control_put_number(out, "held", (gint64) stats.held);
    control_put_number(out, "active", (gint64) stats.leased);
    control_put_number(out, "due", (gint64) stats.due);
    control_put_number(out, "bytes", stats.bytes);
    control_put_number(out, "oldest_ms", stats.oldest_ms);
    return true;
}

static bool
run_journal_stats(JournalStore *store, void *user, GError **error)
{
    ControlRequest *request = user;
    JournalStats stats;

    if (!journal_store_stats(store, &stats, error))
        return false;
    cJSON *out = cJSON_AddObjectToObject(cJSON_GetArrayItem(request->rows, 0), "journal");
    control_put_number(out, "bytes", stats.bytes);
    control_put_number(out, "oldest_ms", stats.oldest_ms);
    return true;
}

/* The rest is worth having where one part cannot be had. */
static void
done_journal_stats(void *user, const GError *error)
{
    ControlRequest *request = user;

    control_put(cJSON_GetArrayItem(request->rows, 0), "journal_error", error ? error->message : NULL);
    control_answer(request, NULL);
}

static void
done_store_stats(void *user, const GError *error)
{
    static const JournalTask task = { run_journal_stats, done_journal_stats };
    ControlRequest *request = user;

    control_put(cJSON_GetArrayItem(request->rows, 0), "queue_error", error ? error->message : NULL);
    if (request->hub.journal && request->client)
        journal_do(request->hub.journal, &task, request);
    else
        control_answer(request, NULL);
}

static void
put_count(const char *event, guint64 n, void *user)
{
    control_put_number(user, event, (gint64) n);
}

static void
put_account(const Provider *account, const ThrottleStats *stats, void *user)
{
    ControlRequest *request = user;
    cJSON *accounts = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(request->rows, 0), "accounts");
    cJSON *out = cJSON_CreateObject();

    cJSON_AddItemToArray(accounts, out);
    control_put(out, "name", account->name);
    control_put(out, "state", stats->paused_ms > 0 ? "paused" : stats->why ? "being tried" : "well");
    if (stats->paused_ms > 0)
        control_put_number(out, "until_ms", request->now_ms + stats->paused_ms);
    control_put(out, "why", stats->why);
    control_put_number(out, "calls", stats->calls);
    control_put_number(out, "waiting", stats->waiting);
    control_put_number(out, "pauses", (gint64) stats->pauses);
}

void
control_stats(ControlRequest *request)
{
    static const StoreTask task = { run_store_stats, done_store_stats };
    cJSON *out = control_row(request);

    control_put(out, "version", PACKAGE_VERSION);
    control_put_number(out, "pid", getpid());
    control_put_number(out, "started_ms", request->hub.started_ms);
    control_put_number(out, "now_ms", request->now_ms);
    control_put_number(out, "in_hand", relay_size(request->hub.relay));
    report_counts(put_count, cJSON_AddObjectToObject(out, "counts"));
    cJSON_AddArrayToObject(out, "accounts");
    relay_accounts(request->hub.relay, put_account, request);
    if (request->hub.store)
        store_thread_do(request->hub.store, &task, request);
    else
        done_store_stats(request, NULL);
}
