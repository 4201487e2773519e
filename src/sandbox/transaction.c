#include "sandbox/transaction.h"

#include <string.h>

#include "sandbox/fate.h"
#include "sandbox/feedback.h"
#include "sandbox/ledger.h"
#include "sandbox/transaction_query.h"
#include "sandbox/transaction_row.h"

enum { FORM_BYTES = 64 * 1024, MONTH_DAYS = 31, DAY_S = 24 * 3600 };

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

/* Called for a step in the life of a row for one recipient. */
typedef void (*OnStep)(void *user, const LedgerRow *row, guint place, const Fate *fate);

/* Every step until now of the calls that came by this API, and can have steps on these days. */
static void
each_step(const Exchange *exchange, gint64 first_day, gint64 last_day, OnStep on_step, void *user)
{
    const Sandbox *sandbox = exchange->sandbox;
    const GPtrArray *rows = ledger_rows(sandbox->ledger);
    gint64 now_us = g_get_real_time();
    gint64 until_us = now_us - (gint64) sandbox->options->status_lag_ms * 1000;
    const Timing *timing = feedback_timing(sandbox->feedback);
    gint64 first_us = transaction_day_begin(first_day) - timing->event_us - timing->slow_us;
    Fate steps[FATE_STEPS];

    for (guint i = ledger_first_since(sandbox->ledger, first_us); i < rows->len; i++) {
        const LedgerRow *row = rows->pdata[i];
        if (transaction_day(row->time_us) > last_day)
            break;
        if (strcmp(row->api, "emails") != 0 || row->time_us > until_us)
            continue;
        for (guint place = 0; place < row->recipients; place++) {
            unsigned n = fate_steps(timing, row, place, steps);
            for (unsigned s = 0; s < n && steps[s].time_us <= now_us; s++)
                on_step(user, row, place, &steps[s]);
        }
    }
}

typedef struct {
    TransactionQuery *query;
    cJSON *list;
} Listing;

static bool
fits(const Listing *self, const LedgerRow *row, guint place, const Fate *fate)
{
    return transaction_query_has_time(self->query, fate->time_us)
           && transaction_query_has_part(self->query, "api_data", row->tag)
           && transaction_query_has_part(self->query, "from", row->from)
           && transaction_query_has_part(self->query, "to", row->to[place]);
}

static void
on_delivery(void *user, const LedgerRow *row, guint place, const Fate *fate)
{
    Listing *self = user;
    const char *status = transaction_query_get(self->query, "status");

    if (!fits(self, row, place, fate) || (status && strcmp(status, fate_word(fate->kind)) != 0)
        || !transaction_query_page(self->query))
        return;
    cJSON_AddItemToArray(self->list, transaction_delivery(row, place, fate));
}

static void
on_bounce(void *user, const LedgerRow *row, guint place, const Fate *fate)
{
    Listing *self = user;
    const char *status = transaction_query_get(self->query, "status");
    char number[16];

    if (fate->kind != FATE_FAILED)
        return;
    g_snprintf(number, sizeof number, "%u", fate->bounce_class);
    if (!fits(self, row, place, fate) || (status && strcmp(status, number) != 0)
        || !transaction_query_page(self->query))
        return;
    cJSON_AddItemToArray(self->list, transaction_bounce(row, place, fate));
}

static void
answer_listing(Exchange *exchange, TransactionQuery *query, const char *name, OnStep on_step)
{
    cJSON *json = cJSON_CreateObject();
    Listing listing = { query, cJSON_AddArrayToObject(json, name) };

    each_step(exchange, query->first_day, query->last_day, on_step, &listing);
    g_string_append_printf(exchange->note, " rows=%d", cJSON_GetArraySize(listing.list));
    answer_json(&exchange->answer, 200, json);
}

static void
answer_deliveries(Exchange *exchange, TransactionQuery *query)
{
    answer_listing(exchange, query, "deliveries", on_delivery);
}

static void
answer_bounces(Exchange *exchange, TransactionQuery *query)
{
    answer_listing(exchange, query, "bounces", on_bounce);
}

typedef struct {
    guint queued, succeeded, failed, blocked;
} DayCounts;

typedef struct {
    gint64 first_day;           /* of the month */
    DayCounts days[MONTH_DAYS];
} MonthCounts;

static void
on_count(void *user, const LedgerRow *row, guint place, const Fate *fate)
{
    MonthCounts *self = user;
    gint64 day = transaction_day(fate->time_us) - self->first_day;

    if (day < 0 || day >= MONTH_DAYS)
        return;
    self->days[day].queued += fate->kind == FATE_QUEUED;
    self->days[day].succeeded += fate->kind == FATE_SUCCEEDED;
    self->days[day].failed += fate->kind == FATE_FAILED;
    self->days[day].blocked += fate->bounce_class == 10 || fate->bounce_class == 11;
}

static void
add_counts(cJSON *list, const char *date, const DayCounts *counts)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "date", date);
    cJSON_AddNumberToObject(json, "queued", counts->queued);
    cJSON_AddNumberToObject(json, "succeeded", counts->succeeded);
    cJSON_AddNumberToObject(json, "failed", counts->failed);
    cJSON_AddNumberToObject(json, "blocked", counts->blocked);
    cJSON_AddNumberToObject(json, "valid", counts->queued - counts->blocked);
    cJSON_AddItemToArray(list, json);
}

static void
answer_statistics(Exchange *exchange, TransactionQuery *query)
{
    const char *total = transaction_query_get(query, "total");
    g_autoptr(GDateTime) first = g_date_time_new_utc((int) (query->month / 12), (int) (query->month % 12) + 1, 1, 0, 0, 0);
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "statistics");
    MonthCounts counts = { .first_day = first ? g_date_time_to_unix(first) / DAY_S : 0 };
    DayCounts sum = { 0 };

    if (first)
        each_step(exchange, counts.first_day, counts.first_day + MONTH_DAYS, on_count, &counts);
    for (int day = 0; first && day < MONTH_DAYS; day++) {
        g_autoptr(GDateTime) date = g_date_time_add_days(first, day);
        g_autofree char *text = g_date_time_format(date, "%Y-%m-%d");
        const DayCounts *one = &counts.days[day];
        if (g_date_time_get_month(date) != g_date_time_get_month(first))
            break;
        sum = (DayCounts) { sum.queued + one->queued, sum.succeeded + one->succeeded, sum.failed + one->failed,
                            sum.blocked + one->blocked };
        if (!total)
            add_counts(list, text, one);
    }
    if (total)
        add_counts(list, "total", &sum);
    answer_json(&exchange->answer, 200, json);
}

/* RFC 4180: every field in quotes. */
static void
put_csv(GString *out, const char *field, const char *after)
{
    g_auto(GStrv) parts = g_strsplit(field, "\"", -1);
    g_autofree char *text = g_strjoinv("\"\"", parts);

    g_string_append_printf(out, "\"%s\"%s", text, after);
}

static void
answer_download(Exchange *exchange, TransactionQuery *query)
{
    const GPtrArray *all = unsubscribes_all(feedback_unsubscribes(exchange->sandbox->feedback));
    GString *out = g_string_new("\"email\",\"created\"\r\n");

    for (guint i = 0; i < all->len; i++) {
        const Unsubscribe *entry = all->pdata[i];
        if (*entry->scope || entry->lifted || !transaction_query_has_time(query, entry->time_us)
            || !transaction_query_has_part(query, "email", entry->address))
            continue;
        g_autofree char *created = transaction_time_text(entry->time_us);
        put_csv(out, entry->address, ",");
        put_csv(out, created, "\r\n");
    }
    answer_take(&exchange->answer, 200, "text/csv; charset=utf-8", out);
}

static void
answer_cancel(Exchange *exchange, TransactionQuery *query)
{
    g_auto(GStrv) addresses = g_strsplit(transaction_query_get(query, "email"), "\n", -1);
    cJSON *json = cJSON_CreateObject();

    for (char **address = addresses; *address; address++)
        unsubscribes_lift(feedback_unsubscribes(exchange->sandbox->feedback), "", *address);
    cJSON_AddStringToObject(json, "message", "success");
    answer_json(&exchange->answer, 200, json);
}

/* Parameters of the documents, then those that only the vendor's clients send. The rule of once a day is for lists; one
 * who looks for a mail of his in Deliveries must be able to (api/customers-mail-cloud, section 6). */
static const struct {
    const char *path;
    void (*answer)(Exchange *exchange, TransactionQuery *query);
    TransactionSpec spec;
} calls[] = {
    { "deliveries/list.json", answer_deliveries,
      { 4, { "api_user", "api_key", "server_composition", "date", "from", "to", "api_data", "status", "hour", "minute",
             "p", "r", "search_option" },
        { "queued", "succeeded", "failed", "deferred" } } },
    { "bounces/list.json", answer_bounces,
      { 3, { "api_user", "api_key", "server_composition", "from", "to", "api_data", "status", "start_date", "end_date",
             "date", "hour", "minute", "p", "r", "search_option" },
        { "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "99" }, .daily = true } },
    { "statistics/list.json", answer_statistics,
      { 4, { "api_user", "api_key", "year", "month", "server_composition", "total" }, { NULL }, .daily = true } },
    { "unsubscribes/download.json", answer_download,
      { 3, { "api_user", "api_key", "server_composition", "email", "start_date", "end_date", "filter_name" },
        { NULL }, .daily = true } },
    { "unsubscribes/cancel.json", answer_cancel,
      { 4, { "api_user", "api_key", "server_composition", "email", "filter_name" }, { NULL } } },
};

static void
check_day(const Exchange *exchange, const TransactionQuery *query, Problems *problems)
{
    const char *composition = transaction_query_get(query, "server_composition");
    g_autofree char *user = g_strjoin(" ", transaction_query_get(query, "api_user"), composition, NULL);

    if (!daily_admit(exchange->sandbox->daily, user, exchange->path, query->page, g_get_real_time()))
        problems_add(problems, "11-007", NULL, NULL);
}

static void
transaction_answer(Exchange *exchange)
{
    const char *path = exchange->path + strlen("/transaction/v2/");
    g_autoptr(Problems) problems = problems_new();
    TransactionQuery query = { 0 };
    size_t c = 0;

    exchange->sandbox->lookups++;
    /* The table of endpoints has no other paths. */
    while (c + 1 < G_N_ELEMENTS(calls) && strcmp(calls[c].path, path) != 0)
        c++;
    if (exchange->fault.kind == FAULT_ERROR)
        problems_add(problems, exchange->fault.error, NULL, NULL);
    else
        transaction_query_read(&query, exchange, &calls[c].spec, problems);
    if (calls[c].spec.daily && !problems_any(problems))
        check_day(exchange, &query, problems);
    if (!problems_any(problems)) {
        calls[c].answer(exchange, &query);
    } else {
        g_autofree char *codes = problems_codes(problems);
        g_string_append_printf(exchange->note, " error=%s", codes);
        answer_take(&exchange->answer, problems_status(problems, exchange->sandbox->options->error_status),
                    "application/json", problems_body(problems, BODY_JSON));
    }
    transaction_query_clear(&query);
}

#define TRANSACTION(name) \
    { "POST", "/transaction/v2/" name, API_DELIVERIES, transaction_open, transaction_feed, transaction_answer, \
      transaction_close }

const Endpoint transaction_endpoints[] = {
    TRANSACTION("deliveries/list.json"),
    TRANSACTION("bounces/list.json"),
    TRANSACTION("statistics/list.json"),
    TRANSACTION("unsubscribes/download.json"),
    TRANSACTION("unsubscribes/cancel.json"),
    { NULL },
};
