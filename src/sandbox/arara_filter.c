#include "sandbox/arara.h"

#include <string.h>

#include "sandbox/json_shape.h"

enum { READ_MAX = 10000, UPDATE_MAX = 100, COUNT_MAX = 99 };

static const ShapeMember request_shape[] = { { "items", SHAPE_ARRAY, true }, { NULL } };
static const ShapeMember read_shape[] = { { "address", SHAPE_STRING, true }, { NULL } };
static const ShapeMember update_shape[] = {
    { "address", SHAPE_STRING, true }, { "count", SHAPE_NUMBER, false, 0, COUNT_MAX }, { NULL },
};

/* The items of a request, each of that shape; NULL and the refusal answered otherwise. */
static const cJSON *
read_items(Exchange *exchange, const cJSON *json, const ShapeMember *shape, int max)
{
    g_autoptr(GString) why = g_string_new(NULL);
    const cJSON *item;

    if (!shape_check(json, request_shape, "request", why)) {
        arara_answer_message(exchange, 400, why->str);
        return NULL;
    }
    const cJSON *items = shape_get(json, "items");
    int count = cJSON_GetArraySize(items);
    if (count == 0 || count > max) {
        arara_answer_message(exchange, count ? 413 : 400, count ? "too many items" : "items is empty");
        return NULL;
    }
    cJSON_ArrayForEach(item, items)
        if (!shape_check(item, shape, "items[]", why) || !strchr(shape_string(item, "address"), '@')) {
            arara_answer_message(exchange, 400, why->len ? why->str : "items[].address is not an address");
            return NULL;
        }
    return items;
}

/* An address that isn't in the filter is left out. */
static void
add_count(const Exchange *exchange, cJSON *list, const char *address)
{
    const FilterCount *count = error_filter_get(feedback_filter(exchange->sandbox->feedback), address);
    char number[16];

    if (!count)
        return;
    cJSON *item = cJSON_CreateObject();
    g_autofree char *registered = arara_time_text(count->registered_us);
    g_autofree char *updated = arara_time_text(count->updated_us);
    g_snprintf(number, sizeof number, "%u.%u", count->tenths / 10, count->tenths % 10);
    cJSON_AddStringToObject(item, "address", address);
    cJSON_AddRawToObject(item, "count", number);
    cJSON_AddStringToObject(item, "registered_date", registered);
    cJSON_AddStringToObject(item, "update_date", updated);
    cJSON_AddItemToArray(list, item);
}

static void
answer_counts(Exchange *exchange, const cJSON *items)
{
    cJSON *list = cJSON_CreateArray();
    const cJSON *item;

    cJSON_ArrayForEach(item, items)
        add_count(exchange, list, shape_string(item, "address"));
    arara_answer_items(exchange, list);
}

static void
read_answer(Exchange *exchange)
{
    if (arara_answer_at_query_gate(exchange))
        return;
    g_autoptr(cJSON) json = arara_read_json(exchange);
    const cJSON *items = json ? read_items(exchange, json, read_shape, READ_MAX) : NULL;
    if (items)
        answer_counts(exchange, items);
}

static void
update_answer(Exchange *exchange)
{
    ErrorFilter *filter = feedback_filter(exchange->sandbox->feedback);
    const cJSON *item;

    if (arara_answer_at_query_gate(exchange))
        return;
    const AraraCall *call = exchange->state;
    g_autoptr(cJSON) json = arara_read_json(exchange);
    const cJSON *items = json ? read_items(exchange, json, update_shape, UPDATE_MAX) : NULL;
    cJSON_ArrayForEach(item, items) {
        const cJSON *count = shape_get(item, "count");
        guint tenths = count ? (guint) count->valueint * 10 : 0;
        if (!error_filter_set(filter, shape_string(item, "address"), tenths, call->now_us)) {
            arara_answer_message(exchange, 500, "the filter is full");
            return;
        }
    }
    if (items)
        answer_counts(exchange, items);
}

const Endpoint arara_filter_endpoints[] = {
    { "POST", "/errorfilter", API_QUERY, arara_query_open, arara_feed, read_answer, arara_close },
    { "PUT", "/errorfilter", API_QUERY, arara_query_open, arara_feed, update_answer, arara_close },
    { NULL },
};
