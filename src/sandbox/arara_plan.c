#include "sandbox/arara.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/fate.h"

enum { MONTH_DAYS = 31, JAPAN_S = 9 * 3600 };

/* Mails on each day of a month. */
typedef struct {
    int year, month;
    guint days[MONTH_DAYS];
} Month;

static void
plan_answer(Exchange *exchange)
{
    if (arara_answer_at_query_gate(exchange))
        return;
    if (g_hash_table_size(exchange->arguments) > 0) {
        arara_answer_message(exchange, 400, "unknown parameter");
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "plan", "サンドボックス");
    cJSON_AddNumberToObject(json, "count", 100000);
    cJSON_AddNumberToObject(json, "excess_price", 0.5);
    answer_json(&exchange->answer, 200, json);
}

static GDateTime *
japan_time(gint64 time_us)
{
    g_autoptr(GTimeZone) japan = g_time_zone_new_offset(JAPAN_S);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);

    return g_date_time_to_timezone(utc, japan);
}

/* yyyy-mm, or this month if there is none. */
static bool
read_month(const Exchange *exchange, Month *month)
{
    const AraraCall *call = exchange->state;
    const char *text = g_hash_table_lookup(exchange->arguments, "yearmonth");
    int end = 0;

    if (g_hash_table_size(exchange->arguments) != (text ? 1 : 0))
        return false;
    if (text)
        return strlen(text) == 7 && strspn(text, "0123456789-") == 7
               && sscanf(text, "%4d-%2d%n", &month->year, &month->month, &end) == 2 && end == 7
               && month->year > 0 && month->month >= 1 && month->month <= 12;
    g_autoptr(GDateTime) now = japan_time(call->now_us);
    g_date_time_get_ymd(now, &month->year, &month->month, NULL);
    return true;
}

/* Counts who got, or would have got, the mail of a row on its day. */
static void
count_row(const Exchange *exchange, const LedgerRow *row, Month *month)
{
    const AraraCall *call = exchange->state;
    const Timing *timing = feedback_timing(exchange->sandbox->feedback);
    Fate steps[FATE_STEPS];
    int year, mon, day;

    if (strcmp(row->api, "arara") != 0 || row->cancelled || row->due_us > call->now_us)
        return;
    g_autoptr(GDateTime) due = japan_time(row->due_us);
    g_date_time_get_ymd(due, &year, &mon, &day);
    if (year != month->year || mon != month->month)
        return;
    for (guint place = 0; place < row->recipients; place++)
        month->days[day - 1] += fate_steps(timing, row, place, steps) > 0;
}

static void
usage_answer(Exchange *exchange)
{
    const GPtrArray *rows = ledger_rows(exchange->sandbox->ledger);
    const AraraCall *call = exchange->state;
    Month month = { 0 };
    guint64 total = 0;

    if (arara_answer_at_query_gate(exchange))
        return;
    if (!read_month(exchange, &month)) {
        arara_answer_message(exchange, 400, "yearmonth is not yyyy-mm");
        return;
    }
    for (guint i = 0; i < rows->len; i++)
        count_row(exchange, rows->pdata[i], &month);
    cJSON *json = cJSON_CreateObject();
    cJSON *user = cJSON_CreateObject();
    cJSON_AddStringToObject(user, "user_id", call->client);
    cJSON *dates = cJSON_AddArrayToObject(user, "dates");
    for (int i = 0; i < MONTH_DAYS; i++) {
        g_autofree char *name = g_strdup_printf("%04d%02d%02d", month.year, month.month, i + 1);
        if (month.days[i] == 0)
            continue;
        total += month.days[i];
        cJSON *date = cJSON_CreateObject();
        cJSON_AddStringToObject(date, "date", name);
        cJSON_AddNumberToObject(date, "count", month.days[i]);
        cJSON_AddItemToArray(dates, date);
    }
    cJSON_AddNumberToObject(json, "total", (double) total);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "users"), user);
    answer_json(&exchange->answer, 200, json);
}

const Endpoint arara_plan_endpoints[] = {
    { "GET", "/plan", API_QUERY, arara_query_open, arara_feed, plan_answer, arara_close },
    { "GET", "/delivery_record", API_QUERY, arara_query_open, arara_feed, usage_answer, arara_close },
    { NULL },
};
