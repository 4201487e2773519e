/* HENNGE Customers Mail Cloud: what became of mails, by day. The reference is the section "Event APIs" of its API
 * document: POST with a form, about once a day. Times are Japan's. */
#include "query/cmc.h"

#include "http/url.h"
#include "query/call.h"
#include "query/time.h"

#include <string.h>

enum {
    CMC_LAST_PAGE = 100000, /* of one list, against one without end; the API documents none */
    CMC_MAX_BOUNCE_DAYS = 366,
};

typedef struct {
    char *api_user;
    char *api_key_file;
    char *server_composition;
    char *events_url;
} CmcConf;

static const ConfKey cmc_shared[] = {
    CONF_KEY(CmcConf, api_user, "api-user", CONF_STRING, NULL, .required = true),
    CONF_KEY(CmcConf, api_key_file, "api-key-file", CONF_STRING, NULL, .required = true),
    CONF_KEY(CmcConf, server_composition, "server-composition", CONF_STRING, NULL),
    { 0 },
};

static const ConfKey cmc_keys[] = {
    CONF_KEY(CmcConf, events_url, "events-url", CONF_STRING, NULL),
    { 0 },
};

static const QueryFault cmc_faults[] = {
    { "11-007", QUERY_ERROR_LIMIT },     { "13-002", QUERY_ERROR_TEMPORARY }, { "13-001", QUERY_ERROR_TEMPORARY },
    { "01-001", QUERY_ERROR_TEMPORARY }, { "13-004", QUERY_ERROR_AUTH },      { "13-005", QUERY_ERROR_LIMIT },
    { 0 },
};

/* "from" and "to" are of the envelope. */
static const QueryName row_names[] = {
    { "created", QUERY_FIELD_TIME },     { "to", QUERY_FIELD_ADDRESS },   { "envelopeTo", QUERY_FIELD_ADDRESS },
    { "from", QUERY_FIELD_SENDER },      { "envelopeFrom", QUERY_FIELD_SENDER },
    { "messageId", QUERY_FIELD_MESSAGE_ID },
    { "apiData", QUERY_FIELD_TAG },      { "status", QUERY_FIELD_STATUS }, { "reason", QUERY_FIELD_REASON },
    { "subject", QUERY_FIELD_SUBJECT },  { 0 },
};

static const QueryName unsubscribe_names[] = {
    { "email", QUERY_FIELD_ADDRESS },  { "mailaddress", QUERY_FIELD_ADDRESS }, { "created", QUERY_FIELD_TIME },
    { "date", QUERY_FIELD_TIME },      { 0 },
};

static const QueryName no_names[] = { { 0 } };

/* bounces/list, "status": what happened, and what follows for the next mail. Of a failure that may be about the one
 * mail, or about today, nothing follows. */
static const struct {
    const char *code, *text;
    QueryEventKind event;
} bounce_rows[] = {
    { "1", "host unknown", QUERY_EVENT_BOUNCED },
    { "2", "user unknown", QUERY_EVENT_BOUNCED },
    { "3", "retry period ran out", QUERY_EVENT_SOFT },
    { "4", "refused by policy", QUERY_EVENT_SOFT },
    { "5", "mailbox full", QUERY_EVENT_SOFT },
    { "6", "forwarding failed", QUERY_EVENT_SOFT },
    { "7", "receiving server misconfigured", QUERY_EVENT_SOFT },
    { "8", "message too large", QUERY_EVENT_SOFT },
    { "9", "malformed address", QUERY_EVENT_BOUNCED },
    { "10", "suppressed after an earlier failure", QUERY_EVENT_BOUNCED },
    { "11", "unsubscribed", QUERY_EVENT_UNSUBSCRIBED },
    { "99", "permanent answer", QUERY_EVENT_SOFT },
};

/* deliveries/list, "status". */
static const struct {
    const char *word;
    QueryEventKind event;
} delivery_rows[] = {
    { "queued", QUERY_EVENT_PENDING },
    { "deferred", QUERY_EVENT_PENDING },
    { "succeeded", QUERY_EVENT_DELIVERED },
    { "failed", QUERY_EVENT_SOFT },
};

static HttpRequest *
cmc_request(const QueryAsk *ask, const char *path, const GString *more)
{
    const CmcConf *conf = ask->account->conf;
    g_autoptr(GString) form = g_string_new(NULL);
    g_autofree char *url = g_strconcat(conf->events_url, path, NULL);
    HttpRequest *request = http_request_new("POST", url);

    query_form_add(form, "api_user", conf->api_user);
    query_form_add(form, "api_key", secret_reveal(ask->account->key));
    query_form_add(form, "server_composition", conf->server_composition);
    g_string_append(form, more->str);
    http_request_header(request, "Accept-Language", "en");
    http_request_take_body(request, "application/x-www-form-urlencoded", source_new_string(form->str));
    return request;
}

static void
add_more(GString *more, const char *name, const char *value)
{
    g_autoptr(GString) pair = g_string_new(NULL);

    query_form_add(pair, name, value);
    if (pair->len > 0)
        g_string_append_printf(more, "&%s", pair->str);
}

/* Sending wants a form in parts, lists want a plain one; each has a URL of its own. */
#define LISTS "/transaction/v2"

static bool
check_direct(const QueryAccount *account, const Query *query, GError **error)
{
    return query_direct_check(account, query, "POST", false, error);
}

static HttpRequest *
build_direct(const QueryAsk *ask)
{
    const QueryDirect *direct = ask->query->direct;
    const CmcConf *conf = ask->account->conf;

    if (g_str_has_prefix(direct->path, LISTS "/")) {
        g_autoptr(GString) form = g_string_new(NULL), more = g_string_new(NULL);
        query_direct_put(ask, form, query_form_add);
        if (form->len > 0)
            g_string_append_printf(more, "&%s", form->str);
        return cmc_request(ask, direct->path + strlen(LISTS), more);
    }
    g_autoptr(GString) url = query_url(ask->account, direct->path);
    HttpRequest *request = http_request_new("POST", url->str);
    http_request_field(request, "api_user", conf->api_user);
    http_request_field(request, "api_key", secret_reveal(ask->account->key));
    for (guint i = 0; direct->pairs && direct->pairs[i]; i++) {
        const char *equal = strchr(direct->pairs[i], '=');
        g_autofree char *name = g_strndup(direct->pairs[i], (gsize) (equal - direct->pairs[i]));
        http_request_field(request, name, equal + 1);
    }
    return request;
}

static void
add_date(GString *more, const char *name, gint64 ms)
{
    g_autofree char *date = query_time_format(ms, "%Y-%m-%d");

    add_more(more, name, date);
}

static void
add_page(GString *more, const QueryCursor *cursor)
{
    g_autofree char *page = g_strdup_printf("%u", cursor->at);

    if (cursor->at > 0)
        add_more(more, "p", page);
}

/* The API looks for parts of them. */
static void
add_filters(GString *more, const QueryAsk *ask)
{
    const Query *query = ask->query;

    add_more(more, "from", query->sender);
    add_more(more, "to", query->addresses ? query->addresses[0] : NULL);
    add_more(more, "api_data", query->tag);
    add_more(more, "status", query->status);
}

/* "date" may be no day that has not begun. */
static Query
up_to_today(const Query *query)
{
    Query known = *query;

    known.until_ms = MIN(query->until_ms, query_tomorrow());
    return known;
}

/* Where the period has only one of the day. */
static void
add_hour(GString *more, const QueryAsk *ask, gint64 day)
{
    g_autofree char *first = query_time_format(MAX(ask->query->since_ms, day), "%-H");
    g_autofree char *last = query_time_format(MIN(ask->query->until_ms, day + QUERY_DAY_MS) - 1, "%-H");

    add_more(more, "hour", g_str_equal(first, last) ? first : NULL);
}

static HttpRequest *
build_deliveries(const QueryAsk *ask)
{
    g_autoptr(GString) more = g_string_new(NULL);
    gint64 day = query_day(ask->query, ask->cursor->part);

    add_date(more, "date", day);
    add_hour(more, ask, day);
    add_filters(more, ask);
    add_page(more, ask->cursor);
    return cmc_request(ask, "/deliveries/list.json", more);
}

static HttpRequest *
build_bounces(const QueryAsk *ask)
{
    g_autoptr(GString) more = g_string_new(NULL);

    const Query known = up_to_today(ask->query);

    add_date(more, "start_date", known.since_ms);
    add_date(more, "end_date", MAX(known.until_ms - 1, known.since_ms));
    add_filters(more, ask);
    add_page(more, ask->cursor);
    return cmc_request(ask, "/bounces/list.json", more);
}

static HttpRequest *
build_statistics(const QueryAsk *ask)
{
    g_autoptr(GString) more = g_string_new(NULL);
    g_autofree char *year = query_time_format(ask->query->since_ms, "%Y");
    g_autofree char *month = query_time_format(ask->query->since_ms, "%m");

    add_more(more, "year", year);
    add_more(more, "month", month);
    return cmc_request(ask, "/statistics/list.json", more);
}

static HttpRequest *
build_unsubscribes(const QueryAsk *ask)
{
    g_autoptr(GString) more = g_string_new(NULL);
    const Query known = up_to_today(ask->query);

    add_more(more, "email", ask->query->addresses ? ask->query->addresses[0] : NULL);
    if (known.until_ms > 0) {
        add_date(more, "start_date", known.since_ms);
        add_date(more, "end_date", MAX(known.until_ms - 1, known.since_ms));
    }
    return cmc_request(ask, "/unsubscribes/download.json", more);
}

static HttpRequest *
build_lift(const QueryAsk *ask)
{
    g_autoptr(GString) more = g_string_new(NULL);

    add_more(more, "email", ask->query->addresses[ask->cursor->part]);
    return cmc_request(ask, "/unsubscribes/cancel.json", more);
}

/* How many rows a page has is not documented: the last one is empty, or the one before it again where the API knows no
 * pages. */
static bool
next_page(QueryCursor *cursor, const QueryPage *page)
{
    bool more = page->rows > 0 && !cursor->again && cursor->at < CMC_LAST_PAGE;

    if (more)
        cursor->at++;
    return more;
}

static bool
next_of_day(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    if (next_page(cursor, page))
        return true;
    cursor->at = 0;
    return ++cursor->part < query_days(query);
}

static bool
next_of_all(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return next_page(cursor, page);
}

static bool
next_address(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return query->addresses[++cursor->part] != NULL;
}

static bool
check_lift(const QueryAccount *account, const Query *query, GError **error)
{
    const CmcConf *conf = account->conf;

    if (!conf->server_composition)
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_USAGE, "account %s has no server-composition", account->name);
    return conf->server_composition;
}

static bool
check_list(const QueryAccount *account, const Query *query, GError **error)
{
    const Query known = up_to_today(query);

    if (!check_lift(account, query, error))
        return false;
    if (query->addresses && query->addresses[0] && query->addresses[1])
        g_set_error_literal(error, QUERY_ERROR, QUERY_ERROR_USAGE, "one address at a time, or none");
    else if (known.until_ms > 0 && known.until_ms <= known.since_ms)
        g_set_error_literal(error, QUERY_ERROR, QUERY_ERROR_USAGE, "the period has not begun");
    else if (query_days(query) > CMC_MAX_BOUNCE_DAYS)
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_USAGE, "at most %d days", CMC_MAX_BOUNCE_DAYS);
    else
        return true;
    return false;
}

/* Whether a reply tells that there is no such address or domain (RFC 3463, section 3.2): X.1.7 and X.1.8 are about the
 * sender's, X.1.5 is none of failure. */
static bool
is_bad_address(const char *reply)
{
    static const char *const codes[] = { "5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", NULL };
    g_auto(GStrv) words = g_strsplit_set(reply, " \t;:,-()<>[]#", -1);

    for (guint i = 0; words[i]; i++) {
        if (g_strv_contains(codes, words[i]))
            return true;
    }
    return false;
}

static void
finish_delivery(const Query *query, QueryRow *row)
{
    const char *status = query_row_get(row, QUERY_FIELD_STATUS), *reason = query_row_get(row, QUERY_FIELD_REASON);

    bool asked = query->task == QUERY_RESULTS; /* of those that are told bounces are told, too */
    if (asked && reason && g_ascii_strcasecmp(status ? status : "", "failed") == 0 && is_bad_address(reason)) {
        query_row_set(row, QUERY_FIELD_EVENT, query_event_name(QUERY_EVENT_BOUNCED));
        return;
    }
    for (guint i = 0; status && i < G_N_ELEMENTS(delivery_rows); i++) {
        if (g_ascii_strcasecmp(status, delivery_rows[i].word) == 0) {
            query_row_set(row, QUERY_FIELD_EVENT, query_event_name(delivery_rows[i].event));
            return;
        }
    }
}

static void
finish_bounce(const Query *query, QueryRow *row)
{
    g_autofree char *status = g_strdup(query_row_get(row, QUERY_FIELD_STATUS));

    if (!status || !*status)
        return;
    query_row_set(row, QUERY_FIELD_CODE, status);
    for (guint i = 0; i < G_N_ELEMENTS(bounce_rows); i++) {
        if (!g_str_equal(status, bounce_rows[i].code))
            continue;
        query_row_set(row, QUERY_FIELD_STATUS, bounce_rows[i].text);
        query_row_set(row, QUERY_FIELD_EVENT, query_event_name(bounce_rows[i].event));
        return;
    }
    query_row_set(row, QUERY_FIELD_EVENT, query_event_name(QUERY_EVENT_SOFT));
}

static void
finish_unsubscribe(const Query *query, QueryRow *row)
{
    const char *address = query_row_get(row, QUERY_FIELD_ADDRESS);

    if (!address || !strchr(address, '@'))
        return;
    query_row_set(row, QUERY_FIELD_EVENT, query_event_name(QUERY_EVENT_UNSUBSCRIBED));
    query_row_set(row, QUERY_FIELD_EXCLUDED, "yes");
}

static const QueryCall cmc_calls[] = {
    { .task = QUERY_RESULTS, .flags = QUERY_CALL_DAYS, .needs = QUERY_HAS_PERIOD, .row = "deliveries",
      .signs = "deliveries", .names = row_names, .build = build_deliveries, .check = check_list, .next = next_of_day,
      .last = CMC_LAST_PAGE, .finish = finish_delivery },
    { .task = QUERY_BOUNCES, .flags = QUERY_CALL_DAYS, .needs = QUERY_HAS_PERIOD, .row = "bounces", .signs = "bounces",
      .names = row_names, .build = build_bounces, .check = check_list, .next = next_of_all, .last = CMC_LAST_PAGE,
      .finish = finish_bounce },
    { .task = QUERY_USAGE, .needs = QUERY_HAS_PERIOD, .row = "statistics", .signs = "statistics",
      .names = no_names, .build = build_statistics },
    { .task = QUERY_UNSUB_LIST, .flags = QUERY_CALL_CSV | QUERY_CALL_EMPTY, .row = "unsubscribes",
      .signs = "unsubscribes", .names = unsubscribe_names, .build = build_unsubscribes, .check = check_list,
      .finish = finish_unsubscribe },
    { .task = QUERY_UNSUB_LIFT, .flags = QUERY_CALL_CHANGES | QUERY_CALL_MESSAGE, .needs = QUERY_HAS_ADDRESSES, .row = "",
      .names = no_names, .build = build_lift, .check = check_lift, .next = next_address },
    { 0 },
};

/* What the service tells on its own has the rows of its lists; "blocks" are what it does with addresses, not what
 * becomes of a mail. */
const QueryCall *
cmc_event_call(const char *type)
{
    static const QueryCall calls[] = {
        { .row = "deliveries", .signs = "deliveries", .names = row_names, .finish = finish_delivery },
        { .row = "bounces", .signs = "bounces", .names = row_names, .finish = finish_bounce },
        { .row = "blocks", .signs = "blocks", .names = row_names },
    };

    for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
        if (strcmp(type, calls[i].row) == 0)
            return &calls[i];
    }
    return NULL;
}

const char *
cmc_composition(const QueryAccount *account)
{
    const CmcConf *conf = account->conf;

    return account->driver == &query_cmc ? conf->server_composition : NULL;
}

/* Where the vendor documents the lists for its own hosts; another host that plays the API has them itself. */
static char *
default_events_url(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    g_autofree char *host = uri ? g_ascii_strdown(g_uri_get_host(uri), -1) : g_strdup("");
    bool vendor = g_str_has_suffix(host, ".smtps.jp");

    return g_strconcat(vendor ? "https://api.smtps.jp" : url, "/transaction/v2", NULL);
}

static bool
cmc_prepare(QueryAccount *self, const ConfFile *file, GError **error)
{
    CmcConf *conf = self->conf;
    g_autoptr(GError) cause = NULL;

    self->key = secret_load(conf->api_key_file, &cause);
    if (!self->key)
        return conf_fail(file, "account", self->name, "api-key-file", error, "%s", cause->message);
    if (!conf->events_url)
        conf->events_url = default_events_url(self->url);
    const char *fault = http_url_fault(conf->events_url, self->allow_http);
    return !fault || conf_fail(file, "account", self->name, "events-url", error, "the URL %s", fault);
}

const QueryDriver query_cmc = {
    .name = "customers-mail-cloud",
    .calls = cmc_calls,
    .keys = cmc_keys,
    .shared = cmc_shared,
    .conf_size = sizeof(CmcConf),
    .prepare = cmc_prepare,
    .direct_call = &query_direct_call,
    .direct = build_direct,
    .direct_check = check_direct,
    .faults = cmc_faults,
};
