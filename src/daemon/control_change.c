/* What the operator does to the queue. */
#include "daemon/control_request.h"

#include "base/id.h"
#include "base/log.h"

#include <string.h>

static const char busy[] = "it is being tried at this moment";

/* In the order of StoreAction; what has none is to be deleted. */
static const struct {
    const char *name, *event;
} actions[] = {
    [STORE_RETRY] = { "retry", "retried" },
    [STORE_HOLD] = { "hold", "held" },
    [STORE_RELEASE] = { "release", "released" },
    { "delete", "deleted" },
};
enum { DELETE = STORE_RELEASE + 1 };

/* Lines outlive the entry: their strings are copies. */
static void
note(ControlRequest *request, const char *event, const Entry *entry, const char *recipient)
{
    JournalLine *line = g_new0(JournalLine, 1);

    line->event = event;
    line->id = g_strdup(entry->id);
    line->sender = g_strdup(*entry->envelope->sender ? entry->envelope->sender : "<>");
    line->recipient = g_strdup(recipient);
    line->message_id = g_strdup(entry->message_id);
    line->text = "by the operator";
    g_ptr_array_add(request->lines, line);
}

static void
line_free(JournalLine *line)
{
    g_free((char *) line->id);
    g_free((char *) line->sender);
    g_free((char *) line->recipient);
    g_free((char *) line->message_id);
    g_free(line);
}

typedef struct {
    ControlRequest *request;
    guint action;
    bool found, leased, held;
    gint64 hold_until_ms;
} Change;

static void
visit(const StoreRow *row, void *user)
{
    Change *change = user;
    const Entry *entry = row->entry;
    const GPtrArray *recipients = entry->envelope->recipients;

    change->found = true;
    change->leased = row->leased;
    change->held = entry->held != NULL;
    change->hold_until_ms = entry->envelope->hold_until_ms;
    if (change->action != DELETE) {
        note(change->request, actions[change->action].event, entry, NULL);
        return;
    }
    for (guint i = 0; i < recipients->len && i < entry->tries->len; i++)
        if (!g_array_index(entry->tries, EntryTry, i).closed)
            note(change->request, "deleted", entry, ((EnvelopeRecipient *) recipients->pdata[i])->address);
}

/* Why it is not done; NULL: it was, or error is set. */
static const char *
change_one(Store *store, Change *change, const char *id, GError **error)
{
    StoreQuery query = { .max = 1, .id = id, .held = -1 };
    g_autoptr(GError) cause = NULL;

    change->found = false;
    if (!store_each(store, &query, visit, change, error))
        return NULL;
    if (!change->found)
        return "no such entry";
    if (change->action == DELETE && change->leased)
        return busy;
    if (change->action == STORE_RETRY && change->held)
        return "it is held: release it";
    bool on_hold = change->hold_until_ms > change->request->now_ms;
    if (change->action == STORE_RETRY && on_hold)
        return "its sender holds it back: release it";
    if (change->action == STORE_RELEASE && !change->held && !on_hold)
        return "it is not held";
    bool done = change->action == DELETE ? store_remove(store, id, &cause)
                                         : store_change(store, id, (StoreAction) change->action,
                                                        change->request->now_ms, &cause);
    if (done)
        return NULL;
    if (g_error_matches(cause, STORE_ERROR, STORE_ERROR_GONE))
        return "no such entry";
    g_propagate_error(error, g_steal_pointer(&cause));
    return NULL;
}

static guint
action_of(const ControlRequest *request)
{
    const char *name = json_string(request->body, "action");
    guint i = 0;

    while (i < G_N_ELEMENTS(actions) && g_strcmp0(name, actions[i].name) != 0)
        i++;
    return i;
}

static void
take_id(const StoreRow *row, void *user)
{
    cJSON_AddItemToArray(user, cJSON_CreateString(row->entry->id));
}

/* A page of those that fit is one task, so that a long queue takes seconds. */
static bool
choose_ids(Store *store, ControlRequest *request, GError **error)
{
    StoreQuery query = control_query(request, CONTROL_CHANGES);
    cJSON *ids = cJSON_AddArrayToObject(request->body, "ids");

    if (!store_each(store, &query, take_id, ids, error))
        return false;
    int n = cJSON_GetArraySize(ids);
    if (n == CONTROL_CHANGES)
        control_put(request->last, "more", cJSON_GetStringValue(cJSON_GetArrayItem(ids, n - 1)));
    return true;
}

static bool
run_change(Store *store, void *user, GError **error)
{
    ControlRequest *request = user;
    Change change = { .request = request, .action = action_of(request) };
    GError *cause = NULL;
    const cJSON *item;

    if (!cJSON_HasObjectItem(request->body, "ids") && !choose_ids(store, request, error))
        return false;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(request->body, "ids")) {
        const char *id = id_bare(cJSON_GetStringValue(item));
        guint lines = request->lines->len;
        const char *why = id ? change_one(store, &change, id, &cause) : "not an id";
        cJSON *row = control_row(request);

        control_put(row, "id", id);
        control_put(row, "error", why);
        while ((why || cause) && request->lines->len > lines)
            line_free(g_ptr_array_steal_index(request->lines, request->lines->len - 1));
        if (cause) {
            g_propagate_error(error, cause);
            return false;
        }
    }
    return true;
}

static void
done_change(void *user, const GError *error)
{
    ControlRequest *request = user;

    for (guint i = 0; i < request->lines->len; i++) {
        JournalLine *line = request->lines->pdata[i];
        if (!error) {
            log_event(LOG_NOTICE, line->event, "id", line->id, "from", line->sender, "to", line->recipient,
                      "text", line->text, NULL);
            if (request->client) /* journal and relay are there as long as the socket */
                journal_write(request->hub.journal, line);
            if (request->client && action_of(request) == DELETE)
                relay_forget(request->hub.relay, line->id);
        }
        line_free(line);
    }
    g_ptr_array_set_size(request->lines, 0);
    if (error) /* nothing of it was done */
        while (cJSON_GetArraySize(request->rows) > 0)
            cJSON_DeleteItemFromArray(request->rows, 0);
    if (!error && request->client)
        request->hub.wake(request->hub.relay);
    control_answer(request, error ? error->message : NULL);
}

void
control_change(ControlRequest *request)
{
    static const StoreTask task = { run_change, done_change };
    int n = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(request->body, "ids"));

    if (action_of(request) == G_N_ELEMENTS(actions))
        control_answer(request, "no such action");
    else if (!cJSON_HasObjectItem(request->body, "ids") && !cJSON_HasObjectItem(request->body, "chosen"))
        control_answer(request, "which entries?");
    else if (n > CONTROL_PAGE)
        control_answer(request, "too many ids at once");
    else
        control_ask_store(request, &task);
}

/* --- flush --------------------------------------------------------------------------------------- */

static bool
run_flush(Store *store, void *user, GError **error)
{
    ControlRequest *request = user;
    guint n = 0;
    StoreQuery query = {
        .max = CONTROL_PAGE * 5,
        .sender = json_string(request->body, "sender"),
        .recipient = json_string(request->body, "recipient"),
        .held = 0,
    };

    if (!store_flush(store, &query, request->now_ms, &n, error))
        return false;
    control_put_number(request->last, "n", n);
    cJSON_AddBoolToObject(request->last, "more", n == query.max);
    return true;
}

static void
done_flush(void *user, const GError *error)
{
    ControlRequest *request = user;

    const cJSON *n = cJSON_GetObjectItemCaseSensitive(request->last, "n");

    if (!error) /* the mails' own next lines tell the rest */
        log_event(LOG_NOTICE, "flushed", "sender", json_string(request->body, "sender"), "recipient",
                  json_string(request->body, "recipient"), "n", LOG_NUM(n ? (gint64) n->valuedouble : 0), NULL);
    if (!error && request->client)
        request->hub.wake(request->hub.relay);
    control_answer(request, error ? error->message : NULL);
}

void
control_flush(ControlRequest *request)
{
    static const StoreTask task = { run_flush, done_flush };

    control_ask_store(request, &task);
}
