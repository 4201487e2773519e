#include "sandbox/arara.h"

#include "sandbox/arara_letter.h"
#include "sandbox/arara_time.h"
#include "sandbox/fate.h"
#include "sandbox/feedback.h"

#define STATUS_ENTRIES 4000
#define CANCEL_SECONDS 120

/* How a delivery's recipients are doing. */
typedef struct {
    guint success, failure, waiting;
} Counts;

static Counts
count_fates(const Exchange *exchange, const Delivery *delivery, gint64 now_us)
{
    const Sandbox *sandbox = exchange->sandbox;
    const LedgerRow *row = ledger_by_id(sandbox->ledger, delivery->id);
    Counts counts = { 0 };

    if (!row)
        return (Counts) { .success = delivery->recipients };
    for (guint i = 0; i < row->recipients; i++) {
        Fate fate;
        if (!fate_at(feedback_timing(sandbox->feedback), row, i, now_us, &fate))
            continue;
        counts.success += fate.kind == FATE_SUCCEEDED;
        counts.failure += fate.kind == FATE_FAILED;
        counts.waiting += fate.kind == FATE_QUEUED || fate.kind == FATE_DEFERRED;
    }
    return counts;
}

static bool
shows(const Exchange *exchange, const Delivery *delivery)
{
    const AraraCall *call = exchange->state;
    gint64 lag_us = (gint64) exchange->sandbox->options->status_lag_ms * 1000;

    return delivery && delivery->reserved_us + lag_us <= call->now_us;
}

static void
add_status(Exchange *exchange, cJSON *items, const Delivery *delivery)
{
    const AraraCall *call = exchange->state;
    cJSON *item = cJSON_CreateObject();
    Counts counts = { 0 };
    const char *status = delivery->deleted ? "deleted" : "reserved";

    if (!delivery->deleted && delivery->send_us <= call->now_us) {
        counts = count_fates(exchange, delivery, call->now_us);
        status = counts.waiting > 0 ? "sending" : "sent";
    }
    cJSON_AddStringToObject(item, "delivery_id", delivery->id);
    cJSON_AddStringToObject(item, "status", status);
    cJSON_AddNumberToObject(item, "success", counts.success);
    cJSON_AddNumberToObject(item, "failure", counts.failure);
    cJSON_AddItemToArray(items, item);
}

/* Two times, neither more nor less. */
static bool
read_period(GHashTable *arguments, gint64 *min_us, gint64 *max_us)
{
    const char *min = g_hash_table_lookup(arguments, "timemin");
    const char *max = g_hash_table_lookup(arguments, "timemax");

    return g_hash_table_size(arguments) == 2 && min && max && arara_time_read(min, min_us)
           && arara_time_read(max, max_us) && *min_us <= *max_us;
}

typedef void (*AddItems)(Exchange *exchange, cJSON *items, const Delivery *delivery);

/* What there is of a period, up to the API's cap, which leaves out the rest without a word. */
static void
answer_period(Exchange *exchange, gint64 min_us, gint64 max_us, AddItems add)
{
    const GPtrArray *all = deliveries_all(arara_deliveries(exchange->sandbox->arara));
    cJSON *items = cJSON_CreateArray();
    int count = 0;

    for (guint i = 0; i < all->len && count < STATUS_ENTRIES; i++) {
        const Delivery *delivery = all->pdata[i];
        /* Times have no seconds: the last minute counts to its end. */
        if (delivery->reserved_us < min_us || delivery->reserved_us >= max_us + G_TIME_SPAN_MINUTE
            || !shows(exchange, delivery))
            continue;
        add(exchange, items, delivery);
        count++;
    }
    arara_answer_items(exchange, items);
}

static void
list_answer(Exchange *exchange)
{
    const char *request_id = g_hash_table_lookup(exchange->arguments, "request_id");
    gint64 min_us;
    gint64 max_us;

    if (arara_answer_at_gate(exchange))
        return;
    if (exchange->fault.kind == FAULT_ERROR) {
        arara_answer_fault(exchange);
    } else if (request_id && g_hash_table_size(exchange->arguments) == 1 && arara_is_request_id(request_id)) {
        const Delivery *delivery = deliveries_by_request(arara_deliveries(exchange->sandbox->arara), request_id);
        cJSON *items = cJSON_CreateArray();
        if (shows(exchange, delivery))
            add_status(exchange, items, delivery);
        arara_answer_items(exchange, items);
    } else if (read_period(exchange->arguments, &min_us, &max_us)) {
        answer_period(exchange, min_us, max_us, add_status);
    } else {
        arara_answer_message(exchange, 400, "either request_id or timemin and timemax are needed");
    }
}

static void
status_answer(Exchange *exchange)
{
    if (arara_answer_at_gate(exchange))
        return;
    const Delivery *delivery = deliveries_by_id(arara_deliveries(exchange->sandbox->arara), exchange->rest);
    if (exchange->fault.kind == FAULT_ERROR) {
        arara_answer_fault(exchange);
    } else if (!shows(exchange, delivery)) {
        arara_answer_message(exchange, 404, "delivery_id does not exist");
    } else {
        cJSON *items = cJSON_CreateArray();
        add_status(exchange, items, delivery);
        arara_answer_items(exchange, items);
    }
}

static void
delete_answer(Exchange *exchange)
{
    const AraraCall *call = exchange->state;

    if (arara_answer_at_gate(exchange))
        return;
    Delivery *delivery = deliveries_by_id(arara_deliveries(exchange->sandbox->arara), exchange->rest);
    if (exchange->fault.kind == FAULT_ERROR) {
        arara_answer_fault(exchange);
    } else if (!delivery) {
        arara_answer_message(exchange, 400, "delivery_id does not exist");
    } else if (delivery->deleted || delivery->send_us - call->now_us < CANCEL_SECONDS * G_USEC_PER_SEC) {
        arara_answer_message(exchange, 409, "delivery can no longer be cancelled");
    } else {
        cJSON *json = cJSON_CreateObject();
        cJSON *item = cJSON_CreateObject();
        delivery->deleted = true;
        box_remove(exchange->sandbox->box, delivery->id);
        LedgerRow *row = ledger_by_id(exchange->sandbox->ledger, delivery->id);
        if (row)
            row->cancelled = true;
        cJSON_AddStringToObject(item, "delivery_id", delivery->id);
        cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "items"), item);
        answer_json(&exchange->answer, 200, json);
    }
}

static const char *
kind_of(const LedgerRow *row, guint place)
{
    return place < row->tos ? "to" : place < row->tos + row->ccs ? "cc" : "bcc";
}

static void
add_result(cJSON *items, const LedgerRow *row, guint place, const Fate *fate)
{
    cJSON *item = cJSON_CreateObject();
    g_autofree char *time = arara_time_text(fate->time_us);
    static const char *const words[] = {
        [FATE_QUEUED] = "sending", [FATE_DEFERRED] = "sending", [FATE_SUCCEEDED] = "success", [FATE_FAILED] = "error",
    };

    cJSON_AddStringToObject(item, "delivery_id", row->id);
    cJSON_AddStringToObject(item, "type", kind_of(row, place));
    cJSON_AddStringToObject(item, "address", row->to[place]);
    cJSON_AddStringToObject(item, "header_from", row->from);
    cJSON_AddStringToObject(item, "status", words[fate->kind]);
    cJSON_AddStringToObject(item, "result", fate->reason);
    cJSON_AddStringToObject(item, "update_date", time);
    cJSON_AddItemToArray(items, item);
}

static void
add_results(Exchange *exchange, cJSON *items, const Delivery *delivery)
{
    const Sandbox *sandbox = exchange->sandbox;
    const AraraCall *call = exchange->state;
    const LedgerRow *row = ledger_by_id(sandbox->ledger, delivery->id);
    Fate fate;

    for (guint i = 0; row && i < row->recipients; i++)
        if (fate_at(feedback_timing(sandbox->feedback), row, i, call->now_us, &fate))
            add_result(items, row, i, &fate);
}

static void
results_answer(Exchange *exchange)
{
    const Delivery *delivery = deliveries_by_id(arara_deliveries(exchange->sandbox->arara), exchange->rest);

    if (arara_answer_at_query_gate(exchange))
        return;
    if (!shows(exchange, delivery)) {
        arara_answer_message(exchange, 404, "delivery_id does not exist");
        return;
    }
    cJSON *items = cJSON_CreateArray();
    add_results(exchange, items, delivery);
    arara_answer_items(exchange, items);
}

static void
results_list_answer(Exchange *exchange)
{
    gint64 min_us;
    gint64 max_us;

    if (arara_answer_at_query_gate(exchange))
        return;
    if (read_period(exchange->arguments, &min_us, &max_us))
        answer_period(exchange, min_us, max_us, add_results);
    else
        arara_answer_message(exchange, 400, "timemin and timemax are needed");
}

const Endpoint arara_status_endpoints[] = {
    { "GET", "/send", API_ARARA, arara_open, NULL, list_answer, arara_close },
    { "GET", "/send/*", API_ARARA, arara_open, NULL, status_answer, arara_close },
    { "DELETE", "/send/*", API_ARARA, arara_open, NULL, delete_answer, arara_close },
    { "GET", "/results", API_QUERY, arara_query_open, arara_feed, results_list_answer, arara_close },
    { "GET", "/results/*", API_QUERY, arara_query_open, arara_feed, results_answer, arara_close },
    { NULL },
};
