#include "sandbox/arara.h"

#include <string.h>

#include "sandbox/arara_letter.h"

#define BODY_BYTES (64 * 1024 * 1024)
#define TEXT_BYTES (32 * 1024 * 1024)

static void
send_open(Exchange *exchange)
{
    JsonBodySettings settings = { box_folder(exchange->sandbox->box), BODY_BYTES, TEXT_BYTES };

    arara_open(exchange);
    AraraCall *call = exchange->state;
    if (call->client)
        call->body = json_body_new(&settings);
}

typedef struct {
    const char *code;
    const char *message;
    char *delivery_id;          /* or NULL */
    const char *request_id;     /* likewise */
} Result;

static cJSON *
result_json(const Result *result)
{
    cJSON *item = cJSON_CreateObject();
    cJSON *inner = cJSON_AddObjectToObject(item, "result");

    cJSON_AddStringToObject(inner, "code", result->code);
    cJSON_AddStringToObject(inner, "message", result->message);
    if (result->delivery_id)
        cJSON_AddStringToObject(item, "delivery_id", result->delivery_id);
    if (result->request_id)
        cJSON_AddStringToObject(item, "request_id", result->request_id);
    return item;
}

/* Keeps the letter, and with it the delivery. */
static bool
keep(Exchange *exchange, const Letter *letter, Result *result, gint64 send_us)
{
    Sandbox *sandbox = exchange->sandbox;
    const AraraCall *call = exchange->state;
    g_autofree char *message_id = letter->separate ? NULL : box_message_id();
    g_autofree char *id = deliveries_new_id(arara_deliveries(sandbox->arara));
    BoxLabel label = { exchange->call, message_id, id, result->request_id };
    const char *kept = NULL;
    g_autoptr(GError) error = NULL;

    if (!letter_is_kept(letter, &kept) || !box_put(sandbox->box, letter, &label, &error)) {
        g_string_append_printf(exchange->note, " failed=\"%s\"", kept ? kept : error->message);
        return false;
    }
    LedgerRow *row = ledger_add(sandbox->ledger, letter, exchange->call, id, result->request_id);
    row->due_us = MAX(send_us, row->time_us);
    feedback_admit(sandbox->feedback, row, letter->error_count);
    result->delivery_id = g_strdup(id);
    Delivery *delivery = deliveries_add(arara_deliveries(sandbox->arara), g_steal_pointer(&id), result->request_id,
                                        call->now_us, send_us);
    delivery->recipients = letter_recipients(letter);
    return true;
}

/* One delivery from its JSON to its result. */
static void
accept_delivery(Exchange *exchange, const cJSON *json, Result *result, GString *why)
{
    const AraraCall *call = exchange->state;
    Deliveries *deliveries = arara_deliveries(exchange->sandbox->arara);
    AraraReader reader = { call->body, exchange->sandbox->options, call->now_us };
    gint64 send_us = 0;

    if (result->request_id && deliveries_is_used(deliveries, result->request_id)) {
        *result = (Result) { "409", "This RequestID is already exists.", NULL, result->request_id };
        /* Nobody says that it is the first one's, and it isn't. */
        result->delivery_id = deliveries_new_id(deliveries);
        return;
    }
    g_autoptr(Letter) letter = arara_letter_read(&reader, json, &send_us, why);
    if (!letter) {
        result->code = "400";
        result->message = why->str;
        if (result->request_id && arara_is_request_id(result->request_id))
            deliveries_use(deliveries, result->request_id);
    } else if (!keep(exchange, letter, result, send_us)) {
        result->code = "500";
        result->message = "Temporary failure.";
    } else {
        result->code = "201";
        result->message = "success";
    }
}

/* Adds the item of one delivery; true if it was accepted. */
static bool
answer_delivery(Exchange *exchange, const cJSON *json, cJSON *items)
{
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(json, "settings");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(settings, "request_id"));
    g_autoptr(GString) why = g_string_new(NULL);
    Result result = { .request_id = id };

    if (exchange->fault.kind == FAULT_ERROR) {
        result.code = exchange->fault.error;
        result.message = "Ordered by --fault.";
    } else {
        accept_delivery(exchange, json, &result, why);
    }
    bool accepted = strcmp(result.code, "201") == 0;
    g_string_append_printf(exchange->note, " result=%s", result.code);
    if (why->len > 0) {
        g_autofree char *text = g_strescape(why->str, NULL);
        g_string_append_printf(exchange->note, " why=\"%s\"", text);
    }
    /* Nobody promises an order: the last comes first. */
    cJSON_InsertItemInArray(items, 0, result_json(&result));
    g_free(result.delivery_id);
    return accepted;
}

static void
answer_items(Exchange *exchange, const cJSON *deliveries)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *items = cJSON_AddArrayToObject(json, "items");
    const cJSON *delivery;

    cJSON_ArrayForEach(delivery, deliveries)
        if (answer_delivery(exchange, delivery, items))
            exchange->answer.accepted = true;
    cJSON_AddNumberToObject(json, "count", cJSON_GetArraySize(items));
    if (exchange->answer.accepted)
        exchange->sandbox->accepted++;
    else
        exchange->sandbox->refused++;
    answer_json(&exchange->answer, 200, json);
}

static void
send_answer(Exchange *exchange)
{
    AraraCall *call = exchange->state;
    const char *why = NULL;
    bool whole = exchange->fault.kind == FAULT_ERROR && !g_ascii_isdigit(*exchange->fault.error);

    if (arara_answer_at_gate(exchange))
        return;
    if (whole) {
        arara_answer_fault(exchange);
        return;
    }
    if (!arara_is_json(exchange)) {
        arara_answer_message(exchange, 400, "Content-Type is not application/json");
        return;
    }
    g_autoptr(cJSON) json = json_body_parse(call->body, &why);
    const cJSON *deliveries = cJSON_GetObjectItemCaseSensitive(json, "delivery");
    if (!json)
        arara_answer_message(exchange, 400, why);
    else if (!cJSON_IsArray(deliveries) || cJSON_GetArraySize(json) != 1)
        arara_answer_message(exchange, 400, "delivery is required, as an array, and nothing else");
    else if (cJSON_GetArraySize(deliveries) == 0)
        arara_answer_message(exchange, 400, "delivery is empty");
    else
        answer_items(exchange, deliveries);
}

const Endpoint arara_endpoints[] = {
    { "POST", "/send", API_ARARA, send_open, arara_feed, send_answer, arara_close },
    { NULL },
};
