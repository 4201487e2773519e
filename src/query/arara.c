#include "query/arara.h"

#include "query/arara_request.h"
#include "query/call.h"

#include <string.h>

/* The API document says so of status; results are taken to be cut likewise. */
enum { ARARA_MAX_DELIVERIES = 4000, ARARA_MAX_COUNT = 99 };

static const ConfKey arara_shared[] = {
    CONF_KEY(AraraQueryConf, oauth.token_url, "token-url", CONF_STRING, NULL),
    CONF_KEY(AraraQueryConf, oauth.client_id, "client-id", CONF_STRING, NULL, .required = true),
    CONF_KEY(AraraQueryConf, oauth.client_secret_file, "client-secret-file", CONF_STRING, NULL, .required = true),
    CONF_KEY(AraraQueryConf, oauth.token_header, "token-header", CONF_STRING, "Authorization: Bearer %s"),
    { 0 },
};

static const ConfKey arara_keys[] = {
    CONF_KEY(AraraQueryConf, results_path, "results-path", CONF_STRING, "/results"),
    CONF_KEY(AraraQueryConf, dkim_path, "dkim-path", CONF_STRING, "/domain/dkim"),
    CONF_KEY(AraraQueryConf, plan_path, "plan-path", CONF_STRING, "/plan"),
    CONF_KEY(AraraQueryConf, enable_path, "unsubscribe-enable-path", CONF_STRING, "/unsubscribe-receivers"),
    CONF_KEY(AraraQueryConf, own_list_path, "unsubscribe-own-path", CONF_STRING, "/unsubscribers/customer-assigned"),
    { 0 },
};

static bool
arara_prepare(QueryAccount *self, const ConfFile *file, GError **error)
{
    AraraQueryConf *conf = self->conf;
    OauthSection section = { file, self->name, self->url, self->allow_http };
    const struct {
        const char *key, *path;
    } paths[] = {
        { "results-path", conf->results_path },
        { "dkim-path", conf->dkim_path },
        { "plan-path", conf->plan_path },
        { "unsubscribe-enable-path", conf->enable_path },
        { "unsubscribe-own-path", conf->own_list_path },
    };

    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (!query_path_check(self, file, paths[i].key, paths[i].path, error))
            return false;
    }
    self->key = oauth_prepare(&conf->oauth, &section, error);
    if (!self->key)
        return false;
    /* The form in which a login shows it, so that no error does. */
    g_autofree char *shown = oauth_credentials(&conf->oauth, self->key);
    self->password = secret_new(shown);
    return true;
}

static HttpRequest *
arara_login(const QueryAccount *self)
{
    const AraraQueryConf *conf = self->conf;

    return oauth_login(&conf->oauth, self->key);
}

static Secret *
arara_token(const QueryAccount *self, const HttpResponse *response, gint64 *lifetime_ms, GError **error)
{
    Secret *token = oauth_token(response, lifetime_ms);

    if (!token)
        query_login_failed(self, response, error);
    return token;
}

static bool
next_of(QueryCursor *cursor, guint parts)
{
    return ++cursor->part < parts;
}

static guint
length_of(const char *const *list)
{
    return list ? g_strv_length((char **) list) : 0;
}

/* A question by ids is one request for each; by period it is one. */
static bool
next_delivery(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return next_of(cursor, length_of(query->ids) + length_of(query->request_ids));
}

static bool
next_id(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return next_of(cursor, length_of(query->ids));
}

static bool
next_shown(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return next_of(cursor, (length_of(query->addresses) + ARARA_FILTER_SHOWN - 1) / ARARA_FILTER_SHOWN);
}

static bool
next_set(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return next_of(cursor, (length_of(query->addresses) + ARARA_FILTER_SET - 1) / ARARA_FILTER_SET);
}

static bool
next_lifted(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return next_of(cursor, (length_of(query->addresses) + ARARA_LIFTED - 1) / ARARA_LIFTED);
}

static bool
next_day(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return next_of(cursor, query_days(query));
}

static bool
check_count(const QueryAccount *account, const Query *query, GError **error)
{
    if (query->count <= ARARA_MAX_COUNT)
        return true;
    g_set_error(error, QUERY_ERROR, QUERY_ERROR_USAGE, "the count must be from 0 to %d", ARARA_MAX_COUNT);
    return false;
}

/* The names of the answer to a question about results are nowhere shown: these are the likely ones. */
static const QueryName delivery_names[] = {
    { "delivery_id", QUERY_FIELD_ID },
    { "request_id", QUERY_FIELD_REQUEST_ID },
    { "status", QUERY_FIELD_STATUS },
    { "to", QUERY_FIELD_ADDRESS },
    { "to.address", QUERY_FIELD_ADDRESS },
    { "to_address", QUERY_FIELD_ADDRESS },
    { "mail_address", QUERY_FIELD_ADDRESS },
    { "recipient", QUERY_FIELD_ADDRESS },
    { "address", QUERY_FIELD_ADDRESS },
    { "results.address", QUERY_FIELD_ADDRESS },
    { "results.to", QUERY_FIELD_ADDRESS },
    { "results.type", "type" },
    { "results.success", "success" },
    { "results.result", QUERY_FIELD_REASON },
    { "results.update_date", QUERY_FIELD_TIME },
    { "header_from", QUERY_FIELD_SENDER },
    { "from", QUERY_FIELD_SENDER },
    { "result", QUERY_FIELD_REASON },
    { "result.message", QUERY_FIELD_REASON },
    { "result_text", QUERY_FIELD_REASON },
    { "result.code", QUERY_FIELD_CODE },
    { "update_date", QUERY_FIELD_TIME },
    { "updated", QUERY_FIELD_TIME },
    { "updated_at", QUERY_FIELD_TIME },
    { "datetime", QUERY_FIELD_TIME },
    { "time", QUERY_FIELD_TIME },
    { 0 },
};

static const QueryName filter_names[] = {
    { "registered_date", "registered_time" },
    { "update_date", QUERY_FIELD_TIME },
    { 0 },
};

static const QueryName domain_names[] = {
    { "sign_domain", QUERY_FIELD_DOMAIN },
    { "domains.sign_domain", QUERY_FIELD_DOMAIN },
    { "domains.selector", QUERY_FIELD_SELECTOR },
    { "items.sign_domain", QUERY_FIELD_DOMAIN },
    { "items.selector", QUERY_FIELD_SELECTOR },
    { "dkim.selector", QUERY_FIELD_SELECTOR },
    { 0 },
};

static const QueryName usage_names[] = {
    { "user_id", "user" },
    { "dates.date", "date" },
    { "dates.count", QUERY_FIELD_COUNT },
    { 0 },
};

static const QueryName unsub_names[] = {
    { "header_from", QUERY_FIELD_SENDER },
    { "message_id", QUERY_FIELD_MESSAGE_ID },
    { "message_to", QUERY_FIELD_ADDRESS },
    { "to_address", QUERY_FIELD_ADDRESS },
    { "to", QUERY_FIELD_ADDRESS },
    { "recipient", QUERY_FIELD_ADDRESS },
    { "datetime", QUERY_FIELD_TIME },
    { "date", QUERY_FIELD_TIME },
    { "filtered", QUERY_FIELD_EXCLUDED },
    { "excluded", QUERY_FIELD_EXCLUDED },
    { "requesters.header_from", QUERY_FIELD_SENDER },
    { "requesters.message_id", QUERY_FIELD_MESSAGE_ID },
    { "requesters.message_to", QUERY_FIELD_ADDRESS },
    { "requesters.to_address", QUERY_FIELD_ADDRESS },
    { "requesters.datetime", QUERY_FIELD_TIME },
    { "requesters.filtered", QUERY_FIELD_EXCLUDED },
    { "requesters.excluded", QUERY_FIELD_EXCLUDED },
    { 0 },
};

/* "550 5.1.1 unknown", "smtp; 5.1.1": the first number that is one of SMTP's; 0: none. */
static int
reply_class(const char *text)
{
    for (const char *p = text; *p; p++) {
        bool begins = p == text || !g_ascii_isalnum(p[-1]);
        bool code = g_ascii_isdigit(p[1]) && g_ascii_isdigit(p[2]) && !g_ascii_isalnum(p[3]);
        bool status = p[1] == '.' && g_ascii_isdigit(p[2]);
        if (begins && strchr("245", *p) && (code || status))
            return *p - '0';
    }
    return 0;
}

/* The words for success are not known, so several mean it; a failure is one for good unless its text speaks of another
 * time. What names neither says nothing. */
static QueryEventKind
result_event(const char *success, const char *reason)
{
    static const char *const yes[] = { "true", "1", "success", "ok", "succeeded", "sent", "delivered", NULL };
    static const char *const no[] = { "false", "0", "failure", "ng", "failed", "error", "bounced", NULL };
    static const char *const not_yet[] = { "sending", "waiting", "queued", "deferred", "reserved", NULL };
    g_autofree char *word = g_ascii_strdown(success ? success : "", -1);

    if (g_strv_contains(yes, word))
        return QUERY_EVENT_DELIVERED;
    if (g_strv_contains(not_yet, word))
        return QUERY_EVENT_PENDING;
    if (!g_strv_contains(no, word))
        return QUERY_EVENT_NONE;
    return reason && reply_class(reason) == 4 ? QUERY_EVENT_SOFT : QUERY_EVENT_BOUNCED;
}

/* The word may also be the result itself, with its text beside it. */
static void
finish_result(const Query *query, QueryRow *row)
{
    const char *success = query_row_get(row, "success"), *text = query_row_get(row, "message");
    const char *word = success ? success : query_row_get(row, QUERY_FIELD_STATUS);
    const char *reason = query_row_get(row, QUERY_FIELD_REASON);
    QueryEventKind event = result_event(word, reason);

    if (event == QUERY_EVENT_NONE && reason && result_event(reason, text) != QUERY_EVENT_NONE) {
        event = result_event(reason, text);
        query_row_set(row, QUERY_FIELD_STATUS, reason);
        query_row_set(row, QUERY_FIELD_REASON, text ? text : "");
    }
    if (event != QUERY_EVENT_NONE && query_row_get(row, QUERY_FIELD_ADDRESS))
        query_row_set(row, QUERY_FIELD_EVENT, query_event_name(event));
}

/* Whoever is listed has unsubscribed, whether the API leaves him out or not. */
static void
finish_unsubscribed(const Query *query, QueryRow *row)
{
    if (!query_row_get(row, QUERY_FIELD_SENDER))
        query_row_add(row, QUERY_FIELD_SENDER, query->sender);
    if (query_row_get(row, QUERY_FIELD_ADDRESS))
        query_row_set(row, QUERY_FIELD_EVENT, query_event_name(QUERY_EVENT_UNSUBSCRIBED));
}

static const QueryCall arara_calls[] = {
    { QUERY_STATUS, .needs_one = QUERY_HAS_IDS | QUERY_HAS_REQUEST_IDS | QUERY_HAS_PERIOD, .row = "items",
      .names = delivery_names, .cap = ARARA_MAX_DELIVERIES, .build = arara_ask_status, .next = next_delivery },
    { QUERY_RESULTS, .needs_one = QUERY_HAS_IDS | QUERY_HAS_REQUEST_IDS | QUERY_HAS_PERIOD, .row = "items",
      .spread = "results", .names = delivery_names, .cap = ARARA_MAX_DELIVERIES, .build = arara_ask_results,
      .next = next_delivery, .finish = finish_result },
    { QUERY_CANCEL, QUERY_CALL_FINAL, .needs = QUERY_HAS_IDS, .row = "items", .signs = "delivery_id",
      .names = delivery_names, .build = arara_cancel, .next = next_id },
    { QUERY_FILTER_SHOW, QUERY_CALL_MESSAGE, .needs = QUERY_HAS_ADDRESSES, .row = "items", .names = filter_names,
      .batch = ARARA_FILTER_SHOWN, .build = arara_show_filter, .next = next_shown },
    { QUERY_FILTER_SET, QUERY_CALL_CHANGES | QUERY_CALL_MESSAGE, .needs = QUERY_HAS_ADDRESSES, .row = "items",
      .signs = "address", .names = filter_names, .batch = ARARA_FILTER_SET, .build = arara_set_filter,
      .check = check_count, .next = next_set },
    { QUERY_DOMAIN_LIST, .row = "items", .spread = "dkim", .names = domain_names, .build = arara_list_domains },
    { QUERY_DOMAIN_ADD, QUERY_CALL_CHANGES | QUERY_CALL_MESSAGE, .needs = QUERY_HAS_DOMAIN, .row = "items domains",
      .signs = "sign_domain selector dns dns_name dns_value registered_date", .names = domain_names,
      .build = arara_add_domain },
    { QUERY_DOMAIN_UPDATE, QUERY_CALL_CHANGES | QUERY_CALL_MESSAGE,
      .needs = QUERY_HAS_DOMAIN | QUERY_HAS_SELECTOR | QUERY_HAS_SETTING, .row = "items domains",
      .signs = "setting_values",
      .names = domain_names, .build = arara_update_domain },
    { QUERY_DOMAIN_REMOVE, QUERY_CALL_FINAL | QUERY_CALL_MESSAGE | QUERY_CALL_EMPTY,
      .needs = QUERY_HAS_DOMAIN | QUERY_HAS_SELECTOR, .row = "items domains", .signs = "sign_domain",
      .names = domain_names, .build = arara_remove_domain },
    { QUERY_PLAN, QUERY_CALL_ANY, .row = "", .build = arara_ask_plan },
    { QUERY_USAGE, .row = "users", .spread = "dates", .names = usage_names, .build = arara_ask_usage },
    { QUERY_UNSUB_LIST, QUERY_CALL_DAYS, .needs = QUERY_HAS_SENDER | QUERY_HAS_PERIOD,
      .row = "items unsubscribers requesters",
      .spread = "requesters", .names = unsub_names, .build = arara_list_unsubscribed, .next = next_day,
      .finish = finish_unsubscribed },
    { QUERY_UNSUB_OWN_LIST, QUERY_CALL_DAYS, .needs = QUERY_HAS_SENDER | QUERY_HAS_PERIOD,
      .row = "items unsubscribers requesters",
      .spread = "requesters", .names = unsub_names, .build = arara_list_unsubscribed_own, .next = next_day,
      .finish = finish_unsubscribed },
    { QUERY_UNSUB_ENABLE, QUERY_CALL_FINAL | QUERY_CALL_MESSAGE, .needs = QUERY_HAS_SENDER, .row = "",
      .signs = "unsubscribe_url url host", .names = unsub_names, .build = arara_enable_unsubscribe },
    { QUERY_UNSUB_LIFT, QUERY_CALL_CHANGES | QUERY_CALL_MESSAGE | QUERY_CALL_NO_CONTENT,
      .needs = QUERY_HAS_SENDER | QUERY_HAS_ADDRESSES, .row = "", .names = unsub_names,
      .batch = ARARA_LIFTED, .build = arara_lift_unsubscribed, .next = next_lifted },
    { 0 },
};

static bool
check_direct(const QueryAccount *account, const Query *query, GError **error)
{
    return query_direct_check(account, query, "GET POST PUT DELETE", true, error);
}

const QueryDriver query_arara = {
    .name = "arara",
    .calls = arara_calls,
    .keys = arara_keys,
    .shared = arara_shared,
    .conf_size = sizeof(AraraQueryConf),
    .prepare = arara_prepare,
    .login = arara_login,
    .token = arara_token,
    .direct_call = &query_direct_call,
    .direct = arara_direct,
    .direct_check = check_direct,
};
