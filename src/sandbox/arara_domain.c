#include "sandbox/arara.h"

#include <string.h>

#include "sandbox/arara_time.h"
#include "sandbox/json_shape.h"

enum { DOMAINS_MAX = 50 };

static const ShapeMember request_shape[] = { { "domains", SHAPE_ARRAY, true }, { NULL } };
static const ShapeMember register_shape[] = {
    { "sign_domain", SHAPE_STRING, true }, { "selector", SHAPE_STRING, false },
    { "key_len", SHAPE_NUMBER, false, 1024, 2048 }, { "start_date", SHAPE_STRING, false },
    { "default", SHAPE_NUMBER, false, 0, 1 }, { "enable", SHAPE_NUMBER, false, 0, 1 }, { NULL },
};
static const ShapeMember update_shape[] = {
    { "start_date", SHAPE_STRING, false }, { "default", SHAPE_NUMBER, false, 0, 1 },
    { "enable", SHAPE_NUMBER, false, 0, 1 }, { NULL },
};

/* Labels of letters, digits and hyphens, max_labels at most. */
static bool
is_name(const char *text, guint min_labels, guint max_labels)
{
    g_auto(GStrv) labels = g_strsplit(text, ".", -1);
    guint n = g_strv_length(labels);

    if (n < min_labels || n > max_labels || strlen(text) > 253)
        return false;
    for (char **label = labels; *label; label++) {
        size_t length = strlen(*label);
        if (length == 0 || length > 63 || **label == '-' || (*label)[length - 1] == '-')
            return false;
        for (const char *c = *label; *c; c++)
            if (!g_ascii_isalnum(*c) && *c != '-')
                return false;
    }
    return true;
}

/* A day, or a time as Arara writes them everywhere. */
static bool
is_start_date(const char *text)
{
    g_autofree char *time = g_strconcat(text, "T00:00+09:00", NULL);
    gint64 time_us;

    return arara_time_read(text, &time_us) || arara_time_read(time, &time_us);
}

/* Why one of "domains" cannot be had; NULL: it can. shape is that of the call. */
static const char *
find_fault(const cJSON *item, const ShapeMember *shape, GString *why)
{
    const char *start = NULL;
    const cJSON *bits;

    if (!shape_check(item, shape, "domains[]", why))
        return why->str;
    start = shape_string(item, "start_date");
    bits = shape_get(item, "key_len");
    if (start && !is_start_date(start))
        return "domains[].start_date is no date";
    if (shape == update_shape)
        return item->child ? NULL : "one of start_date, default and enable is needed";
    if (!is_name(shape_string(item, "sign_domain"), 2, 127))
        return "domains[].sign_domain is no domain";
    if (shape_string(item, "selector") && !is_name(shape_string(item, "selector"), 1, 8))
        return "domains[].selector is none";
    if (bits && bits->valueint != 1024 && bits->valueint != 2048)
        return "domains[].key_len is neither 1024 nor 2048";
    return NULL;
}

/* The elements of the body's "domains", each of that shape; NULL and the refusal answered otherwise. */
static const cJSON *
read_domains(Exchange *exchange, const cJSON *json, const ShapeMember *shape, int max)
{
    g_autoptr(GString) why = g_string_new(NULL);
    const cJSON *item;

    if (!shape_check(json, request_shape, "request", why)) {
        arara_answer_message(exchange, 400, why->str);
        return NULL;
    }
    const cJSON *items = shape_get(json, "domains");
    int count = cJSON_GetArraySize(items);
    if (count == 0 || count > max) {
        arara_answer_message(exchange, 400, count ? "too many domains" : "domains is empty");
        return NULL;
    }
    cJSON_ArrayForEach(item, items) {
        const char *fault = find_fault(item, shape, why);
        if (fault) {
            arara_answer_message(exchange, 400, fault);
            return NULL;
        }
    }
    return items;
}

static void
set_up(Signing *signing, SigningKey *key, const cJSON *item)
{
    const cJSON *is_default = shape_get(item, "default");
    const cJSON *enable = shape_get(item, "enable");

    if (shape_get(item, "start_date"))
        signing_set_start(key, shape_string(item, "start_date"));
    if (is_default)
        signing_set_default(signing, key, is_default->valueint == 1);
    if (enable)
        key->enabled = enable->valueint == 1;
}

static void
add_settings(cJSON *json, const SigningKey *key)
{
    cJSON_AddStringToObject(json, "start_date", key->start_date ? key->start_date : "");
    cJSON_AddNumberToObject(json, "default", key->is_default);
    cJSON_AddNumberToObject(json, "enable", key->enabled);
}

/* A new selector with what goes into DNS. */
static cJSON *
new_key_json(const SigningKey *key)
{
    cJSON *json = cJSON_CreateObject();
    g_autofree char *name = g_strdup_printf("%s._domainkey.%s", key->selector, key->domain);
    g_autofree char *time = arara_time_text(key->registered_us);

    cJSON_AddStringToObject(json, "sign_domain", key->domain);
    cJSON_AddStringToObject(json, "selector", key->selector);
    cJSON_AddNumberToObject(json, "key_len", key->key_bits);
    add_settings(json, key);
    cJSON *dns = cJSON_AddObjectToObject(json, "dns");
    cJSON_AddStringToObject(dns, "name", name);
    cJSON_AddStringToObject(dns, "type", "TXT");
    cJSON_AddStringToObject(dns, "value", key->record);
    cJSON_AddStringToObject(json, "registered_date", time);
    return json;
}

static bool
is_registered_twice(const Signing *signing, const cJSON *items)
{
    const cJSON *item;
    const cJSON *other;

    cJSON_ArrayForEach(item, items) {
        const char *selector = shape_string(item, "selector");
        const char *domain = shape_string(item, "sign_domain");
        if (!selector)
            continue;
        if (signing_find(signing, domain, selector))
            return true;
        for (other = item->next; other; other = other->next)
            if (g_ascii_strcasecmp(domain, shape_string(other, "sign_domain")) == 0 && shape_string(other, "selector")
                && g_ascii_strcasecmp(selector, shape_string(other, "selector")) == 0)
                return true;
    }
    return false;
}

static void
register_answer(Exchange *exchange)
{
    Signing *signing = arara_signing(exchange->sandbox->arara);
    const cJSON *item;

    if (arara_answer_at_query_gate(exchange))
        return;
    const AraraCall *call = exchange->state;
    g_autoptr(cJSON) json = arara_read_json(exchange);
    const cJSON *items = json ? read_domains(exchange, json, register_shape, DOMAINS_MAX) : NULL;
    if (!items)
        return;
    if (is_registered_twice(signing, items)) {
        arara_answer_message(exchange, 400, "the selector is already registered");
        return;
    }
    if (signing_room(signing) < (guint) cJSON_GetArraySize(items)) {
        arara_answer_message(exchange, 500, "too many selectors");
        return;
    }
    cJSON *list = cJSON_CreateArray();
    cJSON_ArrayForEach(item, items) {
        const cJSON *bits = shape_get(item, "key_len");
        SigningKey *key = signing_add(signing, shape_string(item, "sign_domain"), shape_string(item, "selector"),
                                      bits ? (guint) bits->valueint : 1024, call->now_us);
        set_up(signing, key, item);
        cJSON_AddItemToArray(list, new_key_json(key));
    }
    arara_answer_items(exchange, list);
}

/* DNS needs its time to show a selector: --status-lag. */
static const char *
status_of(const Exchange *exchange, const SigningKey *key)
{
    const AraraCall *call = exchange->state;
    gint64 lag_us = (gint64) exchange->sandbox->options->status_lag_ms * 1000;

    return key->registered_us + lag_us <= call->now_us ? "OK" : "NG";
}

static cJSON *
add_domain(cJSON *items, const char *domain)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddItemToArray(items, json);
    cJSON_AddStringToObject(json, "domain", domain);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "dns"), "status", "OK");
    cJSON *spf = cJSON_AddObjectToObject(json, "spf");
    cJSON_AddStringToObject(spf, "status", "OK");
    cJSON_AddStringToObject(spf, "record", "v=spf1 include:spf.sandbox.invalid ~all");
    return cJSON_AddArrayToObject(json, "dkim");
}

static void
list_answer(Exchange *exchange)
{
    const GPtrArray *all = signing_all(arara_signing(exchange->sandbox->arara));
    const char *wanted = g_hash_table_lookup(exchange->arguments, "d");
    const char *last = "";
    cJSON *dkim = NULL;

    if (arara_answer_at_query_gate(exchange))
        return;
    if (g_hash_table_size(exchange->arguments) != (wanted ? 1 : 0)) {
        arara_answer_message(exchange, 400, "unknown parameter");
        return;
    }
    cJSON *items = cJSON_CreateArray();
    for (guint i = 0; i < all->len; i++) {
        const SigningKey *key = all->pdata[i];
        if (wanted && g_ascii_strcasecmp(wanted, key->domain) != 0)
            continue;
        if (g_ascii_strcasecmp(last, key->domain) != 0)
            dkim = add_domain(items, key->domain);
        last = key->domain;
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "selector", key->selector);
        cJSON_AddStringToObject(json, "status", status_of(exchange, key));
        cJSON_AddNumberToObject(json, "key_len", key->key_bits);
        add_settings(json, key);
        cJSON_AddItemToArray(dkim, json);
    }
    arara_answer_items(exchange, items);
}

/* The selector that "DOMAIN/SELECTOR" at the path's end names; NULL and the refusal answered if there is none. */
static SigningKey *
find_named(Exchange *exchange)
{
    g_auto(GStrv) parts = g_strsplit(exchange->rest, "/", 2);
    SigningKey *key = parts[0] && parts[1] ? signing_find(arara_signing(exchange->sandbox->arara), parts[0], parts[1])
                                           : NULL;

    if (!key)
        arara_answer_message(exchange, 404, "there is no such domain and selector");
    return key;
}

static void
update_answer(Exchange *exchange)
{
    if (arara_answer_at_query_gate(exchange))
        return;
    g_autoptr(cJSON) json = arara_read_json(exchange);
    const cJSON *items = json ? read_domains(exchange, json, update_shape, 1) : NULL;
    SigningKey *key = items ? find_named(exchange) : NULL;
    if (!key)
        return;
    set_up(arara_signing(exchange->sandbox->arara), key, items->child);
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "message", "success");
    add_settings(cJSON_AddObjectToObject(answer, "setting_values"), key);
    answer_json(&exchange->answer, 200, answer);
}

static void
delete_answer(Exchange *exchange)
{
    if (arara_answer_at_query_gate(exchange))
        return;
    SigningKey *key = find_named(exchange);
    if (!key)
        return;
    signing_remove(arara_signing(exchange->sandbox->arara), key);
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "message", "success");
    answer_json(&exchange->answer, 200, answer);
}

const Endpoint arara_domain_endpoints[] = {
    { "GET", "/domain", API_QUERY, arara_query_open, arara_feed, list_answer, arara_close },
    { "POST", "/domain/dkim", API_QUERY, arara_query_open, arara_feed, register_answer, arara_close },
    { "PUT", "/domain/dkim/*", API_QUERY, arara_query_open, arara_feed, update_answer, arara_close },
    { "DELETE", "/domain/dkim/*", API_QUERY, arara_query_open, arara_feed, delete_answer, arara_close },
    { NULL },
};
