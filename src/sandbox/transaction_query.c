#include "sandbox/transaction_query.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_ROWS = 100, PAGE_ROWS_MAX = 10000, DAY_S = 24 * 3600, JAPAN_S = 9 * 3600 };

static bool
has_type(const Exchange *exchange, const char *type)
{
    size_t n = strlen(type);

    return exchange->content_type && g_ascii_strncasecmp(exchange->content_type, type, n) == 0
           && strchr("; \t", exchange->content_type[n]);
}

/* A list of strings as one text, a line each; NULL if it is none. */
static char *
join(const cJSON *list)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const cJSON *item;

    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsString(item))
            return NULL;
        g_string_append_printf(text, "%s%s", text->len ? "\n" : "", item->valuestring);
    }
    return g_strdup(text->str);
}

/* An object of strings, numbers and lists of strings; NULL if it is something else. */
static GHashTable *
read_json(const GString *body)
{
    g_autoptr(GHashTable) values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(cJSON) json = cJSON_ParseWithLength(body->str, body->len);
    const cJSON *member;

    if (!cJSON_IsObject(json))
        return NULL;
    cJSON_ArrayForEach(member, json) {
        char *value = cJSON_IsString(member) ? g_strdup(member->valuestring)
                      : cJSON_IsNumber(member) ? g_strdup_printf("%d", member->valueint)
                      : cJSON_IsArray(member) ? join(member) : NULL;
        if (!value)
            return NULL;
        g_hash_table_replace(values, g_strdup(member->string), value);
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

gint64
transaction_day(gint64 time_us)
{
    return (time_us / G_USEC_PER_SEC + JAPAN_S) / DAY_S;
}

gint64
transaction_day_begin(gint64 day)
{
    return (day * DAY_S - JAPAN_S) * G_USEC_PER_SEC;
}

/* yyyy-mm-dd, not in the future. A day that is not given leaves *day as it is. */
static void
read_day(const TransactionQuery *self, const char *name, gint64 *day, Problems *problems)
{
    const char *text = transaction_query_get(self, name);
    int year, month, of_month;
    char rest;

    if (!text)
        return;
    if (strlen(text) == 10 && sscanf(text, "%4d-%2d-%2d%c", &year, &month, &of_month, &rest) == 3) {
        g_autoptr(GDateTime) date = g_date_time_new_utc(year, month, of_month, 0, 0, 0);
        *day = date ? g_date_time_to_unix(date) / DAY_S : G_MAXINT64;
        if (*day <= transaction_day(g_get_real_time()))
            return;
    }
    problems_add(problems, "11-009", name, NULL);
}

/* A number that may be left out. */
static void
read_number(const TransactionQuery *self, const char *name, guint64 max, guint64 *number, Problems *problems)
{
    const char *text = transaction_query_get(self, name);

    if (text && !g_ascii_string_to_unsigned(text, 10, 0, max, number, NULL))
        problems_add(problems, "11-009", name, NULL);
}

static void
check_names(const TransactionQuery *self, const TransactionSpec *spec, Problems *problems)
{
    GHashTableIter iter;
    gpointer name;

    g_hash_table_iter_init(&iter, self->values);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        if (!g_strv_contains(spec->names, name))
            problems_add(problems, "11-018", name, NULL);
    for (unsigned i = 0; i < spec->required; i++) {
        const char *value = g_hash_table_lookup(self->values, spec->names[i]);
        if (!value || !*value)
            problems_add(problems, "11-009", spec->names[i], NULL);
    }
}

static void
read_days(TransactionQuery *self, Problems *problems)
{
    self->first_day = 0;
    self->last_day = G_MAXINT64;
    if (transaction_query_get(self, "date")) {
        read_day(self, "date", &self->first_day, problems);
        self->last_day = self->first_day;
    } else {
        read_day(self, "start_date", &self->first_day, problems);
        read_day(self, "end_date", &self->last_day, problems);
    }
}

static void
read_month(TransactionQuery *self, Problems *problems)
{
    guint64 year = 0;
    guint64 month = 1;

    read_number(self, "year", 9999, &year, problems);
    read_number(self, "month", 12, &month, problems);
    if (month == 0)
        problems_add(problems, "11-009", "month", NULL);
    self->month = (gint64) (year * 12 + month) - 1;
}

static void
check_access(const TransactionQuery *self, const Options *options, Problems *problems)
{
    const struct {
        const char *name;
        const char *only;
    } rows[] = { { "api_user", options->user }, { "api_key", options->key },
                 { "server_composition", options->server_composition } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *given = transaction_query_get(self, rows[i].name);
        if (rows[i].only && given && strcmp(rows[i].only, given) != 0) {
            problems_add(problems, "13-004", NULL, NULL);
            return;
        }
    }
}

void
transaction_query_read(TransactionQuery *self, const Exchange *exchange, const TransactionSpec *spec, Problems *problems)
{
    *self = (TransactionQuery) { .values = read_values(exchange), .rows = PAGE_ROWS };
    self->hour = self->minute = G_MAXUINT64;
    if (!self->values) {
        problems_add(problems, "11-015", NULL, NULL);
        return;
    }
    check_names(self, spec, problems);
    if (problems_any(problems))
        return;
    const char *status = transaction_query_get(self, "status");
    if (status && !g_strv_contains(spec->statuses, status))
        problems_add(problems, "11-009", "status", NULL);
    read_days(self, problems);
    read_month(self, problems);
    read_number(self, "hour", 23, &self->hour, problems);
    read_number(self, "minute", 59, &self->minute, problems);
    read_number(self, "p", G_MAXUINT32, &self->page, problems);
    read_number(self, "r", PAGE_ROWS_MAX, &self->rows, problems);
    if (!problems_any(problems))
        check_access(self, exchange->sandbox->options, problems);
}

void
transaction_query_clear(TransactionQuery *self)
{
    g_clear_pointer(&self->values, g_hash_table_unref);
}

const char *
transaction_query_get(const TransactionQuery *self, const char *name)
{
    return g_hash_table_lookup(self->values, name);
}

bool
transaction_query_has_part(const TransactionQuery *self, const char *name, const char *text)
{
    const char *part = transaction_query_get(self, name);

    return !part || strstr(text ? text : "", part);
}

bool
transaction_query_has_time(const TransactionQuery *self, gint64 time_us)
{
    gint64 day = transaction_day(time_us);
    guint64 second = (guint64) ((time_us / G_USEC_PER_SEC + JAPAN_S) % DAY_S);

    return day >= self->first_day && day <= self->last_day
           && (self->hour == G_MAXUINT64 || second / 3600 == self->hour)
           && (self->minute == G_MAXUINT64 || second / 60 % 60 == self->minute);
}

bool
transaction_query_page(TransactionQuery *self)
{
    guint64 at = self->at++;
    guint64 first = self->page * self->rows;

    return at >= first && at - first < self->rows;
}
