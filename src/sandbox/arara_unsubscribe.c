#include "sandbox/arara.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/json_shape.h"

enum { JAPAN_MINUTES = 9 * 60 };

static const ShapeMember enable_shape[] = { { "header-from", SHAPE_STRING, true }, { NULL } };
static const ShapeMember resubscribe_shape[] = {
    { "header-from", SHAPE_STRING, true }, { "to-addresses", SHAPE_ARRAY, true }, { NULL },
};

/* YYYY-MM-DD with or without an offset, Japan's then: when that day begins there. */
static bool
read_day(const char *text, gint64 *begin_us)
{
    int year, month, day, hour, minute;
    int minutes = JAPAN_MINUTES;
    char sign;
    char rest;
    int n = text ? sscanf(text, "%4d-%2d-%2d%c%2d:%2d%c", &year, &month, &day, &sign, &hour, &minute, &rest) : 0;

    if ((n != 3 && n != 6) || strlen(text) != (n == 3 ? 10 : 16) || text[4] != '-' || text[7] != '-')
        return false;
    if (n == 6) {
        if ((sign != '+' && sign != '-') || hour < 0 || hour > 14 || minute < 0 || minute > 59)
            return false;
        minutes = (hour * 60 + minute) * (sign == '-' ? -1 : 1);
    }
    g_autoptr(GDateTime) date = g_date_time_new_utc(year, month, day, 0, 0, 0);
    if (!date)
        return false;
    *begin_us = (g_date_time_to_unix(date) - minutes * 60) * G_USEC_PER_SEC;
    return true;
}

/* The fields of either list: with the service's own URL who it was, with an appended part that part. */
static cJSON *
entry_json(const Unsubscribe *entry)
{
    cJSON *item = cJSON_CreateObject();
    g_autofree char *time = arara_time_text(entry->time_us);

    cJSON_AddStringToObject(item, "header-from", entry->scope);
    if (entry->appended) {
        cJSON_AddStringToObject(item, "unsubscribe-url", entry->appended);
    } else {
        cJSON_AddStringToObject(item, "message-id", entry->message_id);
        cJSON_AddStringToObject(item, "to-address", entry->address);
        cJSON_AddBoolToObject(item, "filtered", !entry->lifted);
    }
    cJSON_AddStringToObject(item, "date", time);
    return item;
}

static void
answer_list(Exchange *exchange, bool appended)
{
    const AraraCall *call = exchange->state;
    const GPtrArray *all = unsubscribes_all(feedback_unsubscribes(exchange->sandbox->feedback));
    const char *from = g_hash_table_lookup(exchange->arguments, "header-from");
    gint64 begin_us;

    if (arara_answer_at_query_gate(exchange))
        return;
    if (g_hash_table_size(exchange->arguments) != 2 || !from || !strchr(from, '@')
        || !read_day(g_hash_table_lookup(exchange->arguments, "date"), &begin_us)) {
        arara_answer_message(exchange, 400, "header-from and date are needed");
        return;
    }
    cJSON *items = cJSON_CreateArray();
    for (guint i = 0; i < all->len; i++) {
        const Unsubscribe *entry = all->pdata[i];
        if (g_ascii_strcasecmp(entry->scope, from) == 0 && !entry->appended == !appended && entry->time_us >= begin_us
            && entry->time_us < begin_us + G_TIME_SPAN_DAY
            && call->now_us - entry->time_us < UNSUBSCRIBED_DAYS * G_TIME_SPAN_DAY)
            cJSON_AddItemToArray(items, entry_json(entry));
    }
    arara_answer_items(exchange, items);
}

static void
auto_answer(Exchange *exchange)
{
    answer_list(exchange, false);
}

static void
own_answer(Exchange *exchange)
{
    answer_list(exchange, true);
}

/* A body of that shape with an address as header-from; NULL and the refusal answered otherwise. */
static cJSON *
read_body(Exchange *exchange, const ShapeMember *shape)
{
    g_autoptr(GString) why = g_string_new(NULL);
    g_autoptr(cJSON) json = arara_read_json(exchange);

    if (!json)
        return NULL;
    if (shape_check(json, shape, "request", why) && strchr(shape_string(json, "header-from"), '@'))
        return g_steal_pointer(&json);
    arara_answer_message(exchange, 400, why->len ? why->str : "header-from is not an address");
    return NULL;
}

static void
enable_answer(Exchange *exchange)
{
    if (arara_answer_at_query_gate(exchange))
        return;
    g_autoptr(cJSON) json = read_body(exchange, enable_shape);
    if (!json)
        return;
    const char *from = shape_string(json, "header-from");
    if (!unsubscribes_enable(feedback_unsubscribes(exchange->sandbox->feedback), from)) {
        arara_answer_message(exchange, 500, "too many addresses");
        return;
    }
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "header-from", from);
    cJSON_AddStringToObject(answer, "unsubscribe-url", UNSUBSCRIBE_URL);
    answer_json(&exchange->answer, 200, answer);
}

static void
resubscribe_answer(Exchange *exchange)
{
    Unsubscribes *unsubscribes = feedback_unsubscribes(exchange->sandbox->feedback);
    const cJSON *address;

    if (arara_answer_at_query_gate(exchange))
        return;
    g_autoptr(cJSON) json = read_body(exchange, resubscribe_shape);
    if (!json)
        return;
    const cJSON *addresses = shape_get(json, "to-addresses");
    if (cJSON_GetArraySize(addresses) == 0) {
        arara_answer_message(exchange, 400, "to-addresses is empty");
        return;
    }
    cJSON_ArrayForEach(address, addresses)
        if (!cJSON_IsString(address) || !strchr(address->valuestring, '@')) {
            arara_answer_message(exchange, 400, "to-addresses needs addresses");
            return;
        }
    /* A pair that is unknown is no error. */
    cJSON_ArrayForEach(address, addresses)
        unsubscribes_lift(unsubscribes, shape_string(json, "header-from"), address->valuestring);
    answer_text(&exchange->answer, 204, "application/json", "");
}

const Endpoint arara_unsubscribe_endpoints[] = {
    { "POST", "/unsubscribe-receivers", API_QUERY, arara_query_open, arara_feed, enable_answer, arara_close },
    { "GET", "/unsubscribers/auto-assigned", API_QUERY, arara_query_open, arara_feed, auto_answer, arara_close },
    { "GET", "/unsubscribers/customer-assigned", API_QUERY, arara_query_open, arara_feed, own_answer, arara_close },
    { "PUT", "/re-subscribers", API_QUERY, arara_query_open, arara_feed, resubscribe_answer, arara_close },
    { NULL },
};
