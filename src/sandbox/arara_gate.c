#include "sandbox/arara.h"

#include <string.h>

#define QUERY_BYTES (4 * 1024 * 1024)
#define SELECTORS 10000

/* Real tokens are about as long. */
enum { TOKEN_UUIDS = 24 };

struct Arara {
    Tokens *tokens;
    Crowd *crowd;
    Deliveries *deliveries;
    Signing *signing;
};

Arara *
arara_new(const Options *options)
{
    Arara *self = g_new0(Arara, 1);

    self->tokens = tokens_new(options->token_lifetime_s, TOKEN_UUIDS);
    self->crowd = crowd_new(options->arara_connections);
    self->deliveries = deliveries_new();
    self->signing = signing_new(SELECTORS);
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
    signing_free(self->signing);
    g_free(self);
}

Deliveries *
arara_deliveries(const Arara *self)
{
    return self->deliveries;
}

Signing *
arara_signing(const Arara *self)
{
    return self->signing;
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
void
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

void
arara_query_open(Exchange *exchange)
{
    JsonBodySettings settings = { NULL, QUERY_BYTES, QUERY_BYTES };

    arara_open(exchange);
    AraraCall *call = exchange->state;
    exchange->sandbox->queries++;
    if (call->client)
        call->body = json_body_new(&settings);
}

void
arara_feed(Exchange *exchange, const char *bytes, size_t n)
{
    AraraCall *call = exchange->state;

    if (call->body)
        json_body_feed(call->body, bytes, n);
}

void
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
void
arara_answer_message(Exchange *exchange, unsigned status, const char *message)
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

void
arara_answer_fault(Exchange *exchange)
{
    bool many = strcmp(exchange->fault.error, "too-many") == 0;

    arara_answer_message(exchange, arara_error_status(exchange), many ? "Too Many Requests" : "Ordered by --fault");
}

/* What comes before any look at the request; true if that was all. */
bool
arara_answer_at_gate(Exchange *exchange)
{
    AraraCall *call = exchange->state;

    call->now_us = g_get_real_time();
    if (call->unauthorized)
        arara_answer_message(exchange, 401, "Unauthorized");
    else if (call->crowded)
        arara_answer_message(exchange, exchange->sandbox->options->too_many_status, "Too Many Requests");
    exchange->answer.prompt = call->crowded;
    return exchange->answer.status != 0;
}

bool
arara_answer_at_query_gate(Exchange *exchange)
{
    if (arara_answer_at_gate(exchange))
        return true;
    if (exchange->fault.kind != FAULT_ERROR)
        return false;
    arara_answer_fault(exchange);
    return true;
}

bool
arara_is_json(const Exchange *exchange)
{
    static const char json[] = "application/json";
    const char *type = exchange->content_type;

    return type && g_ascii_strncasecmp(type, json, strlen(json)) == 0 && strchr("; \t", type[strlen(json)]);
}

cJSON *
arara_read_json(Exchange *exchange)
{
    AraraCall *call = exchange->state;
    const char *why = NULL;

    if (!arara_is_json(exchange)) {
        arara_answer_message(exchange, 400, "Content-Type is not application/json");
        return NULL;
    }
    cJSON *json = json_body_parse(call->body, &why);
    if (!json)
        arara_answer_message(exchange, 400, why);
    return json;
}

void
arara_answer_items(Exchange *exchange, cJSON *items)
{
    cJSON *json = cJSON_CreateObject();
    int count = cJSON_GetArraySize(items);

    cJSON_AddItemToObject(json, "items", items);
    cJSON_AddNumberToObject(json, "count", count);
    answer_json(&exchange->answer, 200, json);
}

char *
arara_time_text(gint64 time_us)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_offset(9 * 3600);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) japan = g_date_time_to_timezone(utc, zone);

    return g_date_time_format(japan, "%Y-%m-%dT%H:%M+09:00");
}
