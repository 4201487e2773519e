#include "sandbox/transaction.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/ledger.h"
#include "sandbox/problem.h"

enum { FORM_BYTES = 64 * 1024, PAGE_ROWS = 100, DAY_S = 24 * 3600, JAPAN_S = 9 * 3600 };

/* The statuses that a message goes through here, each a row. */
static const char *const statuses[] = { "queued", "succeeded" };

static const char *const known_statuses[] = { "queued", "succeeded", "failed", "deferred", NULL };

/* Those of the documents, then those that only the vendor's clients send. */
static const char *const parameters[] = {
    "api_user", "api_key", "server_composition", "date", "from", "to", "api_data", "status", "hour",
    "minute", "p", "r", "search_option", NULL,
};

typedef struct {
    GHashTable *values;         /* name -> value */
    gint64 day;                 /* since 1970, in Japan */
    guint64 hour, minute;       /* G_MAXUINT64: any */
    guint64 page, rows;
} Query;

static void
transaction_open(Exchange *exchange)
{
    exchange->state = g_string_new(NULL);
}

static void
transaction_feed(Exchange *exchange, const char *bytes, size_t n)
{
    GString *body = exchange->state;

    g_string_append_len(body, bytes, (gssize) MIN(n, FORM_BYTES - MIN(body->len, FORM_BYTES)));
}

static void
transaction_close(Exchange *exchange)
{
    g_string_free(exchange->state, TRUE);
}

static bool
has_type(const Exchange *exchange, const char *type)
{
    size_t n = strlen(type);

    return exchange->content_type && g_ascii_strncasecmp(exchange->content_type, type, n) == 0
           && strchr("; \t", exchange->content_type[n]);
}

/* An object of strings and numbers; NULL if it is something else. */
static GHashTable *
read_json(const GString *body)
{
    g_autoptr(GHashTable) values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(cJSON) json = cJSON_ParseWithLength(body->str, body->len);
    const cJSON *member;

    if (!cJSON_IsObject(json))
        return NULL;
    cJSON_ArrayForEach(member, json) {
        if (!cJSON_IsString(member) && !cJSON_IsNumber(member))
            return NULL;
        g_hash_table_replace(values, g_strdup(member->string),
                             cJSON_IsString(member) ? g_strdup(member->valuestring)
                                                    : g_strdup_printf("%d", member->valueint));
    }
    return g_steal_pointer(&values);
}

static GHashTable *
read_values(const Exchange *exchange)
{
    const GString *body = exchange->state;

    if (has_type(exchange, "application/json"))
        return read_json(body);
    if (has_type(exchange, "application/x-www-form-urlencoded"))
        return g_uri_parse_params(body->str, (gssize) body->len, "&", G_URI_PARAMS_WWW_FORM, NULL);
    return NULL;
}

static gint64
day_of(gint64 time_us)
{
    return (time_us / G_USEC_PER_SEC + JAPAN_S) / DAY_S;
}

/* yyyy-mm-dd, not in the future. */
static bool
read_day(const char *text, gint64 *day)
{
    int year, month, of_month;
    char rest;

    if (strlen(text) != 10 || sscanf(text, "%4d-%2d-%2d%c", &year, &month, &of_month, &rest) != 3)
        return false;
    g_autoptr(GDateTime) date = g_date_time_new_utc(year, month, of_month, 0, 0, 0);
    if (!date)
        return false;
    *day = g_date_time_to_unix(date) / DAY_S;
    return *day <= day_of(g_get_real_time());
}

/* A number that may be left out. */
static void
read_number(const Query *query, const char *name, guint64 max, guint64 *number, Problems *problems)
{
    const char *text = g_hash_table_lookup(query->values, name);

    if (text && !g_ascii_string_to_unsigned(text, 10, 0, max, number, NULL))
        problems_add(problems, "11-009", name, NULL);
}

static void
check_names(const Query *query, Problems *problems)
{
    GHashTableIter iter;
    gpointer name;

    g_hash_table_iter_init(&iter, query->values);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        if (!g_strv_contains(parameters, name))
            problems_add(problems, "11-018", name, NULL);
    for (size_t i = 0; i < 4; i++) {
        const char *value = g_hash_table_lookup(query->values, parameters[i]);
        if (!value || !*value)
            problems_add(problems, "11-009", parameters[i], NULL);
    }
}

static void
read_query(Query *query, Problems *problems)
{
    const char *status = g_hash_table_lookup(query->values, "status");

    check_names(query, problems);
    if (problems_any(problems))
        return;
    if (!read_day(g_hash_table_lookup(query->values, "date"), &query->day))
        problems_add(problems, "11-009", "date", NULL);
    if (status && !g_strv_contains(known_statuses, status))
        problems_add(problems, "11-009", "status", NULL);
    query->hour = query->minute = G_MAXUINT64;
    query->rows = PAGE_ROWS;
    read_number(query, "hour", 23, &query->hour, problems);
    read_number(query, "minute", 59, &query->minute, problems);
    read_number(query, "p", G_MAXUINT32, &query->page, problems);
    read_number(query, "r", 10000, &query->rows, problems);
}

static bool
has_part(const Query *query, const char *name, const char *text)
{
    const char *part = g_hash_table_lookup(query->values, name);

    return !part || strstr(text ? text : "", part);
}

static bool
fits(const Query *query, const LedgerRow *row)
{
    gint64 second = (row->time_us / G_USEC_PER_SEC + JAPAN_S) % DAY_S;

    return strcmp(row->api, "emails") == 0 && day_of(row->time_us) == query->day
           && (query->hour == G_MAXUINT64 || (guint64) second / 3600 == query->hour)
           && (query->minute == G_MAXUINT64 || (guint64) second / 60 % 60 == query->minute)
           && has_part(query, "api_data", row->tag) && has_part(query, "from", row->from);
}

static cJSON *
row_json(const LedgerRow *row, guint place, const char *status)
{
    cJSON *json = cJSON_CreateObject();
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(row->time_us / G_USEC_PER_SEC + JAPAN_S);
    g_autofree char *created = g_date_time_format(utc, "%Y-%m-%d %H:%M:%S");
    g_autofree char *id = row->id ? g_strdup(row->id)
                                  : g_strdup_printf("<%" G_GUINT64_FORMAT ".%u@bulk.sandbox.invalid>", row->call, place);

    cJSON_AddStringToObject(json, "created", created);
    cJSON_AddStringToObject(json, "returnPath", row->envelope_from ? row->envelope_from : row->from);
    cJSON_AddStringToObject(json, "from", row->from);
    cJSON_AddStringToObject(json, "to", row->to[place]);
    cJSON_AddStringToObject(json, "messageId", id);
    cJSON_AddStringToObject(json, "reason", "");
    cJSON_AddStringToObject(json, "senderIp", "127.0.0.1");
    cJSON_AddStringToObject(json, "sourceIp", "127.0.0.1");
    cJSON_AddStringToObject(json, "status", status);
    cJSON_AddStringToObject(json, "subject", row->subject);
    cJSON_AddStringToObject(json, "apiData", row->tag ? row->tag : "");
    return json;
}

/* Adds a call's rows that are on the page; *at counts those that fit. */
static void
list_row(const Query *query, const LedgerRow *row, guint64 *at, cJSON *list)
{
    const char *status = g_hash_table_lookup(query->values, "status");
    guint64 first = query->page * query->rows;

    for (guint place = 0; row->to[place]; place++)
        for (size_t s = 0; s < G_N_ELEMENTS(statuses); s++) {
            if ((status && strcmp(status, statuses[s]) != 0) || !has_part(query, "to", row->to[place]))
                continue;
            if (*at >= first && *at < first + query->rows)
                cJSON_AddItemToArray(list, row_json(row, place, statuses[s]));
            ++*at;
        }
}

static void
answer_list(Exchange *exchange, const Query *query)
{
    const GPtrArray *rows = ledger_rows(exchange->sandbox->ledger);
    gint64 until_us = g_get_real_time() - (gint64) exchange->sandbox->options->status_lag_ms * 1000;
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "deliveries");
    guint64 at = 0;

    for (guint i = 0; i < rows->len; i++) {
        const LedgerRow *row = rows->pdata[i];
        if (row->time_us <= until_us && fits(query, row))
            list_row(query, row, &at, list);
    }
    g_string_append_printf(exchange->note, " rows=%d", cJSON_GetArraySize(list));
    answer_json(&exchange->answer, 200, json);
}

static void
check_access(const Exchange *exchange, const Query *query, Problems *problems)
{
    const Options *options = exchange->sandbox->options;
    const struct {
        const char *name;
        const char *only;
    } rows[] = { { "api_user", options->user }, { "api_key", options->key },
                 { "server_composition", options->server_composition } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (rows[i].only && strcmp(rows[i].only, g_hash_table_lookup(query->values, rows[i].name)) != 0) {
            problems_add(problems, "13-004", NULL, NULL);
            return;
        }
}

static void
transaction_answer(Exchange *exchange)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(GHashTable) values = read_values(exchange);
    Query query = { .values = values };

    exchange->sandbox->lookups++;
    if (exchange->fault.kind == FAULT_ERROR)
        problems_add(problems, exchange->fault.error, NULL, NULL);
    else if (!values)
        problems_add(problems, "11-015", NULL, NULL);
    else
        read_query(&query, problems);
    if (!problems_any(problems))
        check_access(exchange, &query, problems);
    if (!problems_any(problems)) {
        answer_list(exchange, &query);
        return;
    }
    g_autofree char *codes = problems_codes(problems);
    g_string_append_printf(exchange->note, " error=%s", codes);
    answer_take(&exchange->answer, problems_status(problems, exchange->sandbox->options->error_status),
                "application/json", problems_body(problems, BODY_JSON));
}

const Endpoint transaction_endpoints[] = {
    { "POST", "/transaction/v2/deliveries/list.json", API_DELIVERIES, transaction_open, transaction_feed,
      transaction_answer, transaction_close },
    { NULL },
};
