#include "daemon/control_request.h"

void
control_put(cJSON *object, const char *name, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    if (valid)
        cJSON_AddStringToObject(object, name, valid);
}

/* Exact up to 2^53, which no time, size or count here reaches. */
void
control_put_number(cJSON *object, const char *name, gint64 number)
{
    cJSON_AddNumberToObject(object, name, (double) number);
}

cJSON *
control_row(ControlRequest *request)
{
    cJSON *row = cJSON_CreateObject();

    cJSON_AddItemToArray(request->rows, row);
    return row;
}

gint64
control_number(const ControlRequest *request, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(request->body, name);
    double value = cJSON_IsNumber(item) ? item->valuedouble : 0;

    return value > 0 && value < 9e15 ? (gint64) value : 0;
}

StoreQuery
control_query(const ControlRequest *request, guint max)
{
    const cJSON *held = cJSON_GetObjectItemCaseSensitive(request->body, "held");

    return (StoreQuery) {
        .after = json_string(request->body, "after"),
        .max = max,
        .sender = json_string(request->body, "sender"),
        .recipient = json_string(request->body, "recipient"),
        .held = cJSON_IsTrue(held) ? 1 : cJSON_IsFalse(held) ? 0 : -1,
    };
}

void
control_done(void *user, const GError *error)
{
    control_answer(user, error ? error->message : NULL);
}

void
control_ask_store(ControlRequest *request, const StoreTask *task)
{
    if (request->hub.store)
        store_thread_do(request->hub.store, task, request);
    else
        control_answer(request, "there is no queue (queue = none)");
}

void
control_ask_journal(ControlRequest *request, const JournalTask *task)
{
    if (request->hub.journal)
        journal_do(request->hub.journal, task, request);
    else
        control_answer(request, "there is no journal");
}
