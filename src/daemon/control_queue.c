/* What the operator sees of the queue. */
#include "daemon/control_request.h"

#include "base/id.h"

#include <string.h>

/* --- one entry ----------------------------------------------------------------------------------- */

static const char *
state_of(const StoreRow *row)
{
    if (row->entry->held)
        return "held";
    return row->leased ? "active" : "waiting";
}

/* What was said of the recipient who is worst off, which is why the mail is still here. */
static const Outcome *
last_outcome(const Entry *entry)
{
    const Outcome *last = NULL;

    for (guint i = 0; i < entry->outcomes->len && i < entry->tries->len; i++) {
        const Outcome *outcome = &g_array_index(entry->outcomes, Outcome, i);
        if (!g_array_index(entry->tries, EntryTry, i).closed && outcome->text)
            last = outcome;
    }
    return last;
}

static void
put_entry(cJSON *out, const StoreRow *row)
{
    const Entry *entry = row->entry;
    const Outcome *last = last_outcome(entry);

    control_put(out, "id", entry->id);
    control_put(out, "state", state_of(row));
    control_put_number(out, "arrived_ms", entry->arrived_ms);
    control_put_number(out, "size", row->bytes);
    control_put(out, "sender", entry->envelope->sender);
    control_put_number(out, "attempts", entry->attempts);
    control_put_number(out, "due_ms", entry->due_ms);
    control_put_number(out, "expires_ms", entry->expires_ms);
    if (entry->envelope->hold_until_ms)
        control_put_number(out, "hold_until_ms", entry->envelope->hold_until_ms);
    if (entry->envelope->priority)
        control_put_number(out, "priority", entry->envelope->priority);
    control_put(out, "held", entry->held);
    control_put(out, "text", last ? last->text : NULL);
    control_put_number(out, "open", entry_open(entry));
}

static void
visit_list(const StoreRow *row, void *user)
{
    ControlRequest *request = user;
    const Entry *entry = row->entry;
    cJSON *out = control_row(request), *open = cJSON_AddArrayToObject(out, "recipients");

    put_entry(out, row);
    for (guint i = 0; i < entry->envelope->recipients->len && i < entry->tries->len; i++) {
        const EnvelopeRecipient *to = entry->envelope->recipients->pdata[i];
        if (g_array_index(entry->tries, EntryTry, i).closed || cJSON_GetArraySize(open) == CONTROL_RECIPIENTS)
            continue;
        g_autofree char *valid = g_utf8_make_valid(to->address, -1);
        cJSON_AddItemToArray(open, cJSON_CreateString(valid));
    }
}

static bool
run_list(Store *store, void *user, GError **error)
{
    ControlRequest *request = user;
    StoreQuery query = control_query(request, CONTROL_PAGE);

    if (!store_each(store, &query, visit_list, request, error))
        return false;
    int n = cJSON_GetArraySize(request->rows);
    if (n == CONTROL_PAGE)
        control_put(request->last, "more", json_string(cJSON_GetArrayItem(request->rows, n - 1), "id"));
    return true;
}

void
control_list(ControlRequest *request)
{
    static const StoreTask task = { run_list, control_done };

    control_ask_store(request, &task);
}

/* --- show ---------------------------------------------------------------------------------------- */

static const char *
recipient_state(const EntryTry *try, const Outcome *outcome)
{
    if (!try->closed)
        return try->maybe_taken ? "unknown" : "waiting";
    if (outcome->verdict == OUTCOME_DELIVERED)
        return "delivered";
    return outcome->verdict == OUTCOME_PERMANENT ? "refused" : "given up";
}

static void
put_recipient(cJSON *out, const Entry *entry, guint i)
{
    const EnvelopeRecipient *to = entry->envelope->recipients->pdata[i];
    const EntryTry *try = &g_array_index(entry->tries, EntryTry, i);
    const Outcome *outcome = &g_array_index(entry->outcomes, Outcome, i);

    control_put(out, "recipient", to->address);
    control_put(out, "state", recipient_state(try, outcome));
    control_put(out, "account", try->account);
    control_put(out, "call", try->call_key);
    control_put(out, "remote_id", outcome->remote_id);
    control_put(out, "orcpt", to->orcpt);
    control_put(out, "notify", to->notify);
    if (outcome->verdict == OUTCOME_OPEN)
        return;
    control_put_number(out, "code", outcome->code);
    control_put(out, "dsn", outcome->dsn);
    control_put(out, "text", outcome->text);
}

static void
put_details(cJSON *out, const Entry *entry)
{
    const Envelope *envelope = entry->envelope;

    control_put(out, "message_id", entry->message_id);
    control_put(out, "listener", envelope->listener);
    control_put(out, "client", envelope->client);
    control_put(out, "user", envelope->user);
    control_put(out, "ret", envelope->ret);
    control_put(out, "envid", envelope->envid);
    cJSON_AddBoolToObject(out, "bounce", entry->is_bounce);
    control_put_number(out, "recipients", envelope->recipients->len);
}

static void
visit_show(const StoreRow *row, void *user)
{
    ControlRequest *request = user;
    guint n = MIN(row->entry->envelope->recipients->len, row->entry->tries->len);
    guint first = (guint) MIN(control_number(request, "after"), n);
    guint end = MIN(n, first + CONTROL_PAGE);

    if (first == 0) {
        cJSON *out = control_row(request);
        put_entry(out, row);
        put_details(out, row->entry);
    }
    for (guint i = first; i < end; i++)
        put_recipient(control_row(request), row->entry, i);
    cJSON_AddBoolToObject(request->last, "found", true);
    if (end < n)
        control_put_number(request->last, "more", end);
}

/* The header as it stands in the mail, up to the empty line. Caller frees. */
static char *
header_of(const Spool *spool, GError **error)
{
    g_autoptr(GString) text = g_string_sized_new(CONTROL_HEADER_BYTES);
    gssize n;

    do {
        n = spool_read_at(spool, (gint64) text->len, text->str + text->len, CONTROL_HEADER_BYTES - text->len, error);
        if (n < 0)
            return NULL;
        g_string_set_size(text, text->len + (gsize) n);
    } while (n > 0 && text->len < CONTROL_HEADER_BYTES);
    const char *crlf = g_strstr_len(text->str, (gssize) text->len, "\r\n\r\n");
    const char *lf = g_strstr_len(text->str, (gssize) text->len, "\n\n");
    if (crlf && (!lf || crlf < lf))
        lf = crlf + 1;
    g_string_truncate(text, lf ? (gsize) (lf - text->str) + 1 : text->len);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool
run_show(Store *store, void *user, GError **error)
{
    ControlRequest *request = user;
    StoreQuery query = { .max = 1, .id = id_bare(json_string(request->body, "id")), .held = -1 };

    if (!store_each(store, &query, visit_show, request, error))
        return false;
    cJSON *first = cJSON_GetArrayItem(request->rows, 0);
    if (!first || control_number(request, "after") > 0)
        return true;
    g_autoptr(GError) cause = NULL; /* a damaged entry is shown as far as it can be read */
    g_autoptr(Entry) entry = store_load(store, query.id, &cause);
    g_autofree char *header = entry ? header_of(entry->spool, &cause) : NULL;
    control_put(first, "header", header);
    control_put(first, "damage", cause ? cause->message : NULL);
    return true;
}

static void
done_show(void *user, const GError *error)
{
    ControlRequest *request = user;
    bool found = cJSON_GetObjectItemCaseSensitive(request->last, "found") != NULL;

    control_answer(request, error ? error->message : found ? NULL : "no such entry");
}

void
control_show(ControlRequest *request)
{
    static const StoreTask task = { run_show, done_show };

    if (json_string(request->body, "id"))
        control_ask_store(request, &task);
    else
        control_answer(request, "which entry?");
}
