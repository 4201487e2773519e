#include "sandbox/pages.h"

#include <string.h>

#include "sandbox/arara.h"

enum { ORDER_BYTES = 4096 };

static void
on_list(Exchange *exchange)
{
    answer_take(&exchange->answer, 200, "application/json", box_list(exchange->sandbox->box));
}

static void
on_message(Exchange *exchange)
{
    guint64 number;
    char *path = NULL;

    if (g_ascii_string_to_unsigned(exchange->rest, 10, 1, G_MAXINT64, &number, NULL))
        path = box_path(exchange->sandbox->box, number);
    if (path) {
        answer_take(&exchange->answer, 200, "message/rfc822", NULL);
        exchange->answer.file = path;
    } else {
        answer_text(&exchange->answer, 404, "text/plain", "There is no such message.\n");
    }
}

static void
on_empty(Exchange *exchange)
{
    box_empty(exchange->sandbox->box);
    answer_text(&exchange->answer, 200, "application/json", "[]\n");
}

/* ?after=NUMBER&max=ROWS */
static void
on_ledger(Exchange *exchange)
{
    const char *after = g_hash_table_lookup(exchange->arguments, "after");
    const char *max = g_hash_table_lookup(exchange->arguments, "max");
    guint64 number = 0;
    guint64 rows = 0;

    if ((after && !g_ascii_string_to_unsigned(after, 10, 0, G_MAXINT64, &number, NULL))
        || (max && !g_ascii_string_to_unsigned(max, 10, 1, G_MAXINT64, &rows, NULL))) {
        answer_text(&exchange->answer, 400, "text/plain", "after and max are numbers\n");
        return;
    }
    answer_take(&exchange->answer, 200, "application/x-ndjson", ledger_list(exchange->sandbox->ledger, number, rows));
}

static void
on_ledger_empty(Exchange *exchange)
{
    ledger_empty(exchange->sandbox->ledger);
    answer_text(&exchange->answer, 200, "text/plain", "ok\n");
}

static void
on_health(Exchange *exchange)
{
    const Sandbox *sandbox = exchange->sandbox;
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "status", "ok");
    cJSON_AddNumberToObject(json, "calls", (double) sandbox->calls);
    cJSON_AddNumberToObject(json, "accepted", (double) sandbox->accepted);
    cJSON_AddNumberToObject(json, "refused", (double) sandbox->refused);
    cJSON_AddNumberToObject(json, "messages", (double) box_count(sandbox->box));
    cJSON_AddNumberToObject(json, "logins", (double) sandbox->logins);
    cJSON_AddNumberToObject(json, "lookups", (double) sandbox->lookups);
    cJSON_AddNumberToObject(json, "queries", (double) sandbox->queries);
    WebhookCounts webhook = webhook_counts(sandbox->webhook);
    cJSON_AddNumberToObject(json, "webhook_posts", (double) webhook.posts);
    cJSON_AddNumberToObject(json, "webhook_failures", (double) webhook.failures);
    cJSON_AddNumberToObject(json, "webhook_events", (double) webhook.events);
    cJSON_AddNumberToObject(json, "peak", MAX(crowd_peak(sandbox->crowd), arara_peak(sandbox->arara)));
    answer_json(&exchange->answer, 200, json);
}

static void
fault_open(Exchange *exchange)
{
    exchange->state = g_string_new(NULL);
}

static void
fault_feed(Exchange *exchange, const char *bytes, size_t n)
{
    GString *form = exchange->state;

    g_string_append_len(form, bytes, (gssize) MIN(n, ORDER_BYTES - MIN(form->len, ORDER_BYTES)));
}

/* kind, count and every as an order; NULL if the form is something else. */
static char *
fault_order(const GString *form)
{
    g_autoptr(GHashTable) values = g_uri_parse_params(form->str, (gssize) form->len, "&",
                                                      G_URI_PARAMS_WWW_FORM, NULL);
    const char *kind = values ? g_hash_table_lookup(values, "kind") : NULL;
    const char *count = values ? g_hash_table_lookup(values, "count") : NULL;
    const char *every = values ? g_hash_table_lookup(values, "every") : NULL;

    if (!kind || strchr(kind, ':') || (count && every))
        return NULL;
    if (every)
        return g_strdup_printf("%s:every %s", kind, every);
    if (count)
        return g_strdup_printf("%s:%s", kind, count);
    return g_strdup(kind);
}

static void
on_fault(Exchange *exchange)
{
    g_autofree char *order = fault_order(exchange->state);
    Faults *faults = exchange->sandbox->faults;
    g_autoptr(GError) error = NULL;

    if (g_strcmp0(order, "none") == 0)
        faults_clear(faults);
    else if (!order || !faults_add(faults, order, &error)) {
        g_autofree char *text = g_strdup_printf("%s\n", error ? error->message : "kind is missing");
        answer_text(&exchange->answer, 400, "text/plain", text);
        return;
    }
    answer_text(&exchange->answer, 200, "text/plain", "ok\n");
}

static void
fault_close(Exchange *exchange)
{
    g_string_free(exchange->state, TRUE);
}

const Endpoint pages_endpoints[] = {
    { "GET", "/messages", 0, NULL, NULL, on_list, NULL },
    { "GET", "/messages/*", 0, NULL, NULL, on_message, NULL },
    { "DELETE", "/messages", 0, NULL, NULL, on_empty, NULL },
    { "GET", "/ledger", 0, NULL, NULL, on_ledger, NULL },
    { "DELETE", "/ledger", 0, NULL, NULL, on_ledger_empty, NULL },
    { "GET", "/health", 0, NULL, NULL, on_health, NULL },
    { "POST", "/fault", 0, fault_open, fault_feed, on_fault, fault_close },
    { NULL },
};
