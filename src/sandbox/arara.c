#include "sandbox/arara.h"

#include <string.h>

#include "sandbox/arara_letter.h"
#include "sandbox/arara_time.h"
#include "sandbox/deliveries.h"
#include "sandbox/json_body.h"

#define BODY_BYTES (64 * 1024 * 1024)
#define TEXT_BYTES (32 * 1024 * 1024)
#define STATUS_ENTRIES 4000
#define CANCEL_SECONDS 120

struct Arara {
    Tokens *tokens;
    Crowd *crowd;
    Deliveries *deliveries;
};

typedef struct {
    char *client;               /* counted in */
    bool unauthorized;
    bool crowded;
    JsonBody *body;             /* of POST */
    gint64 now_us;
} AraraCall;

Arara *
arara_new(const Options *options)
{
    Arara *self = g_new0(Arara, 1);

    self->tokens = tokens_new(options->token_lifetime_s);
    self->crowd = crowd_new(options->arara_connections);
    self->deliveries = deliveries_new();
    return self;
}

void
arara_free(Arara *self)
{
    if (!self)
        return;
    tokens_free(self->tokens);
    crowd_free(self->crowd);
    deliveries_free(self->deliveries);
    g_free(self);
}

Tokens *
arara_tokens(const Arara *self)
{
    return self->tokens;
}

unsigned
arara_peak(const Arara *self)
{
    return crowd_peak(self->crowd);
}

/* The token in "Bearer T", or a bare one. */
static const char *
find_client(const Exchange *exchange)
{
    const char *token = exchange->authorization;

    if (!token)
        return NULL;
    if (g_ascii_strncasecmp(token, "Bearer ", 7) == 0)
        token += 7;
    return tokens_client(exchange->sandbox->arara->tokens, token);
}

/* The limit counts a client's requests from their head on. */
static void
arara_open(Exchange *exchange)
{
    AraraCall *call = g_new0(AraraCall, 1);
    const char *client = find_client(exchange);

    exchange->state = call;
    if (!client)
        call->unauthorized = true;
    else if (crowd_enter(exchange->sandbox->arara->crowd, client))
        call->client = g_strdup(client);
    else
        call->crowded = true;
}

static void
send_open(Exchange *exchange)
{
    JsonBodySettings settings = { box_folder(exchange->sandbox->box), BODY_BYTES, TEXT_BYTES };

    arara_open(exchange);
    AraraCall *call = exchange->state;
    if (call->client)
        call->body = json_body_new(&settings);
}

static void
send_feed(Exchange *exchange, const char *bytes, size_t n)
{
    AraraCall *call = exchange->state;

    if (call->body)
        json_body_feed(call->body, bytes, n);
}

static void
arara_close(Exchange *exchange)
{
    AraraCall *call = exchange->state;

    if (call->client)
        crowd_leave(exchange->sandbox->arara->crowd, call->client);
    json_body_free(call->body);
    g_free(call->client);
    g_free(call);
}

/* A failure of the request as a whole. */
static void
answer_message(Exchange *exchange, unsigned status, const char *message)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "message", message);
    g_string_append_printf(exchange->note, " error=\"%s\"", message);
    exchange->sandbox->refused++;
    answer_json(&exchange->answer, status, json);
}

unsigned
arara_error_status(const Exchange *exchange)
{
    const char *error = exchange->fault.error;
    const char *stroke = strrchr(error, '-');
    guint64 status;

    if (strcmp(error, "too-many") == 0)
        return exchange->sandbox->options->too_many_status;
    if (g_ascii_string_to_unsigned(stroke ? stroke + 1 : error, 10, 200, 599, &status, NULL))
        return (unsigned) status;
    return 200;
}

static void
answer_fault(Exchange *exchange)
{
    bool many = strcmp(exchange->fault.error, "too-many") == 0;

    answer_message(exchange, arara_error_status(exchange), many ? "Too Many Requests" : "Ordered by --fault");
}

/* What comes before any look at the request; true if that was all. */
static bool
answer_at_gate(Exchange *exchange)
{
    AraraCall *call = exchange->state;

    call->now_us = g_get_real_time();
    if (call->unauthorized)
        answer_message(exchange, 401, "Unauthorized");
    else if (call->crowded)
        answer_message(exchange, exchange->sandbox->options->too_many_status, "Too Many Requests");
    exchange->answer.prompt = call->crowded;
    return exchange->answer.status != 0;
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
    g_autofree char *id = deliveries_new_id(sandbox->arara->deliveries);
    BoxLabel label = { exchange->call, message_id, id, result->request_id };
    const char *kept = NULL;
    g_autoptr(GError) error = NULL;

    if (!letter_is_kept(letter, &kept) || !box_put(sandbox->box, letter, &label, &error)) {
        g_string_append_printf(exchange->note, " failed=\"%s\"", kept ? kept : error->message);
        return false;
    }
    ledger_add(sandbox->ledger, letter, exchange->call, id, result->request_id);
    result->delivery_id = g_strdup(id);
    Delivery *delivery = deliveries_add(sandbox->arara->deliveries, g_steal_pointer(&id), result->request_id,
                                        call->now_us, send_us);
    delivery->recipients = letter_recipients(letter);
    return true;
}

/* One delivery from its JSON to its result. */
static void
accept_delivery(Exchange *exchange, const cJSON *json, Result *result, GString *why)
{
    const AraraCall *call = exchange->state;
    Deliveries *deliveries = exchange->sandbox->arara->deliveries;
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

static bool
is_json_type(const char *type)
{
    static const char json[] = "application/json";

    return type && g_ascii_strncasecmp(type, json, strlen(json)) == 0 && strchr("; \t", type[strlen(json)]);
}

static void
send_answer(Exchange *exchange)
{
    AraraCall *call = exchange->state;
    const char *why = NULL;
    bool whole = exchange->fault.kind == FAULT_ERROR && !g_ascii_isdigit(*exchange->fault.error);

    if (answer_at_gate(exchange))
        return;
    if (whole) {
        answer_fault(exchange);
        return;
    }
    if (!is_json_type(exchange->content_type)) {
        answer_message(exchange, 400, "Content-Type is not application/json");
        return;
    }
    g_autoptr(cJSON) json = json_body_parse(call->body, &why);
    const cJSON *deliveries = cJSON_GetObjectItemCaseSensitive(json, "delivery");
    if (!json)
        answer_message(exchange, 400, why);
    else if (!cJSON_IsArray(deliveries) || cJSON_GetArraySize(json) != 1)
        answer_message(exchange, 400, "delivery is required, as an array, and nothing else");
    else if (cJSON_GetArraySize(deliveries) == 0)
        answer_message(exchange, 400, "delivery is empty");
    else
        answer_items(exchange, deliveries);
}

static const char *
status_word(const Delivery *delivery, gint64 now_us)
{
    if (delivery->deleted)
        return "deleted";
    return delivery->send_us > now_us ? "reserved" : "sending";
}

static bool
shows(const Exchange *exchange, const Delivery *delivery)
{
    const AraraCall *call = exchange->state;
    gint64 lag_us = (gint64) exchange->sandbox->options->status_lag_ms * 1000;

    return delivery && delivery->reserved_us + lag_us <= call->now_us;
}

static void
add_status(cJSON *items, const Delivery *delivery, gint64 now_us)
{
    cJSON *item = cJSON_CreateObject();
    bool sent = !delivery->deleted && delivery->send_us <= now_us;

    cJSON_AddStringToObject(item, "delivery_id", delivery->id);
    cJSON_AddStringToObject(item, "status", status_word(delivery, now_us));
    cJSON_AddNumberToObject(item, "success", sent ? delivery->recipients : 0);
    cJSON_AddNumberToObject(item, "failure", 0);
    cJSON_AddItemToArray(items, item);
}

static void
answer_status(Exchange *exchange, cJSON *items)
{
    cJSON *json = cJSON_CreateObject();
    int count = cJSON_GetArraySize(items);

    cJSON_AddItemToObject(json, "items", items);
    cJSON_AddNumberToObject(json, "count", count);
    answer_json(&exchange->answer, 200, json);
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

static void
answer_period(Exchange *exchange, gint64 min_us, gint64 max_us)
{
    const AraraCall *call = exchange->state;
    const GPtrArray *all = deliveries_all(exchange->sandbox->arara->deliveries);
    cJSON *items = cJSON_CreateArray();
    unsigned count = 0;

    for (guint i = 0; i < all->len && count < STATUS_ENTRIES; i++) {
        const Delivery *delivery = all->pdata[i];
        /* Times have no seconds: the last minute counts to its end. */
        if (delivery->reserved_us < min_us || delivery->reserved_us >= max_us + G_TIME_SPAN_MINUTE
            || !shows(exchange, delivery))
            continue;
        add_status(items, delivery, call->now_us);
        count++;
    }
    answer_status(exchange, items);
}

static void
list_answer(Exchange *exchange)
{
    const AraraCall *call = exchange->state;
    const char *request_id = g_hash_table_lookup(exchange->arguments, "request_id");
    gint64 min_us;
    gint64 max_us;

    if (answer_at_gate(exchange))
        return;
    if (exchange->fault.kind == FAULT_ERROR) {
        answer_fault(exchange);
    } else if (request_id && g_hash_table_size(exchange->arguments) == 1 && arara_is_request_id(request_id)) {
        const Delivery *delivery = deliveries_by_request(exchange->sandbox->arara->deliveries, request_id);
        cJSON *items = cJSON_CreateArray();
        if (shows(exchange, delivery))
            add_status(items, delivery, call->now_us);
        answer_status(exchange, items);
    } else if (read_period(exchange->arguments, &min_us, &max_us)) {
        answer_period(exchange, min_us, max_us);
    } else {
        answer_message(exchange, 400, "either request_id or timemin and timemax are needed");
    }
}

static void
status_answer(Exchange *exchange)
{
    const AraraCall *call = exchange->state;

    if (answer_at_gate(exchange))
        return;
    const Delivery *delivery = deliveries_by_id(exchange->sandbox->arara->deliveries, exchange->rest);
    if (exchange->fault.kind == FAULT_ERROR) {
        answer_fault(exchange);
    } else if (!shows(exchange, delivery)) {
        answer_message(exchange, 404, "delivery_id does not exist");
    } else {
        cJSON *items = cJSON_CreateArray();
        add_status(items, delivery, call->now_us);
        answer_status(exchange, items);
    }
}

static void
delete_answer(Exchange *exchange)
{
    const AraraCall *call = exchange->state;

    if (answer_at_gate(exchange))
        return;
    Delivery *delivery = deliveries_by_id(exchange->sandbox->arara->deliveries, exchange->rest);
    if (exchange->fault.kind == FAULT_ERROR) {
        answer_fault(exchange);
    } else if (!delivery) {
        answer_message(exchange, 400, "delivery_id does not exist");
    } else if (delivery->deleted || delivery->send_us - call->now_us < CANCEL_SECONDS * G_USEC_PER_SEC) {
        answer_message(exchange, 409, "delivery can no longer be cancelled");
    } else {
        cJSON *json = cJSON_CreateObject();
        cJSON *item = cJSON_CreateObject();
        delivery->deleted = true;
        box_remove(exchange->sandbox->box, delivery->id);
        cJSON_AddStringToObject(item, "delivery_id", delivery->id);
        cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "items"), item);
        answer_json(&exchange->answer, 200, json);
    }
}

const Endpoint arara_endpoints[] = {
    { "POST", "/send", API_ARARA, send_open, send_feed, send_answer, arara_close },
    { "GET", "/send", API_ARARA, arara_open, NULL, list_answer, arara_close },
    { "GET", "/send/*", API_ARARA, arara_open, NULL, status_answer, arara_close },
    { "DELETE", "/send/*", API_ARARA, arara_open, NULL, delete_answer, arara_close },
    { NULL },
};
