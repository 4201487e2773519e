/* BlastMail REST 1.0: a login, the history of deliveries to groups, who has them and who not, and who opened them. It
 * delivers no mail of ours: its accounts can only be asked. Times are Japan's. A token stands in the URL of each GET. */
#include "query/blastmail.h"

#include "query/call.h"
#include "query/time.h"

#include <string.h>

enum {
    BLASTMAIL_ROWS = 100,                     /* a page; no maximum is documented, and clients ask for as many */
    BLASTMAIL_LAST = 10 * 1000 * 1000,        /* row of a list, against one without end */
    BLASTMAIL_TOKEN_MS = 50 * 60 * 1000,      /* "usable for at least 1 hour" */
};

typedef struct {
    char *username;
    char *password_file;
    char *api_key_file;
} BlastmailConf;

static const ConfKey blastmail_keys[] = {
    CONF_KEY(BlastmailConf, username, "username", CONF_STRING, NULL, .required = true),
    CONF_KEY(BlastmailConf, password_file, "password-file", CONF_STRING, NULL, .required = true),
    CONF_KEY(BlastmailConf, api_key_file, "api-key-file", CONF_STRING, NULL, .required = true),
    { 0 },
};

static const QueryName message_names[] = {
    { "messageID", QUERY_FIELD_ID }, { "date", QUERY_FIELD_TIME },     { "scheduleDate", QUERY_FIELD_TIME },
    { "status", QUERY_FIELD_STATUS }, { "subject", QUERY_FIELD_SUBJECT }, { 0 },
};

/* Of the exports, should they be no CSV. */
static const QueryName address_names[] = {
    { "mail", QUERY_FIELD_ADDRESS }, { "email", QUERY_FIELD_ADDRESS }, { "mailaddress", QUERY_FIELD_ADDRESS },
    { "emailaddress", QUERY_FIELD_ADDRESS }, { "c15", QUERY_FIELD_ADDRESS }, { 0 },
};

static const QueryName no_names[] = { { 0 } };

static GString *
url_of(const QueryAsk *ask, const char *path)
{
    GString *url = query_url(ask->account, path);

    query_url_add(url, "access_token", ask->token ? secret_reveal(ask->token) : NULL);
    return url;
}

/* Takes url. */
static HttpRequest *
get(GString *url)
{
    HttpRequest *request = http_request_new("GET", url->str);

    request->secret_url = true;
    g_string_free(url, TRUE);
    return request;
}

static void
add_list(GString *url, const char *name, const char *const *list)
{
    g_autofree char *joined = list && list[0] ? g_strjoinv(",", (char **) list) : NULL;

    query_url_add(url, name, joined);
}

static void
add_number(GString *url, const char *name, guint number)
{
    g_autofree char *text = g_strdup_printf("%u", number);

    query_url_add(url, name, text);
}

static void
add_time(GString *url, const char *name, gint64 ms)
{
    g_autofree char *text = query_time_format(ms, "%Y%m%dT%H:%M:%S");

    query_url_add(url, name, text);
}

static HttpRequest *
build_search(const QueryAsk *ask)
{
    const Query *query = ask->query;
    GString *url = url_of(ask, "/message/history/search");

    query_url_add(url, "f", "json");
    add_number(url, "offset", ask->cursor->at);
    add_number(url, "limit", BLASTMAIL_ROWS);
    add_list(url, "messageIDs", query->ids);
    add_list(url, "subjects", query->subjects);
    add_list(url, "groups", query->groups);
    if (query->until_ms > 0) {
        add_time(url, "beginDate", query->since_ms);
        add_time(url, "endDate", query->until_ms - 1);
    }
    return get(url);
}

static HttpRequest *
build_detail(const QueryAsk *ask)
{
    GString *url = url_of(ask, "/message/detail/search");

    query_url_add(url, "f", "json");
    query_url_add(url, "messageID", ask->query->ids[ask->cursor->part]);
    return get(url);
}

static HttpRequest *
build_export(const QueryAsk *ask)
{
    GString *url = url_of(ask, "/history/list/export");

    query_url_add(url, "messageID", ask->query->ids[ask->cursor->part]);
    query_url_add(url, "status", ask->query->failed ? "1" : "0");
    return get(url);
}

static HttpRequest *
build_opens(const QueryAsk *ask)
{
    GString *url = url_of(ask, "/mailopenlog/list/export");

    query_url_add(url, "messageID", ask->query->ids[ask->cursor->part]);
    return get(url);
}

static HttpRequest *
build_delete(const QueryAsk *ask)
{
    g_autoptr(GString) form = g_string_new(NULL), url = query_url(ask->account, "/message/list/delete");
    g_autofree char *ids = g_strjoinv(",", (char **) ask->query->ids);
    HttpRequest *request = http_request_new("POST", url->str);

    query_form_add(form, "access_token", ask->token ? secret_reveal(ask->token) : NULL);
    query_form_add(form, "messageIDs", ids);
    query_form_add(form, "format", "json");
    http_request_take_body(request, "application/x-www-form-urlencoded", source_new_string(form->str));
    return request;
}

/* The last page is empty: a shorter one than was asked for may be all that the API gives at a time. Of some ids there
 * are no more rows than those. */
static bool
next_page(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    bool more = page->rows > 0 && !cursor->again && cursor->at < BLASTMAIL_LAST;

    cursor->at += page->rows;
    return more && (!query->ids || cursor->at < g_strv_length((char **) query->ids));
}

static bool
next_id(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return query->ids[++cursor->part] != NULL;
}

/* Lists are separated by commas, which nothing escapes. */
static bool
check_lists(const QueryAccount *account, const Query *query, GError **error)
{
    const char *const *const lists[] = { query->ids, query->subjects, query->groups };

    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (guint j = 0; lists[i] && lists[i][j]; j++) {
            if (!strchr(lists[i][j], ','))
                continue;
            g_set_error(error, QUERY_ERROR, QUERY_ERROR_USAGE, "the API cannot look for a text with a comma: '%s'",
                        lists[i][j]);
            return false;
        }
    }
    return true;
}

static void
finish_export(const Query *query, QueryRow *row)
{
    const char *address = query_row_get(row, QUERY_FIELD_ADDRESS);

    if (!address || !strchr(address, '@'))
        return;
    query_row_set(row, QUERY_FIELD_EVENT,
                  query_event_name(query->failed ? QUERY_EVENT_SOFT : QUERY_EVENT_DELIVERED));
}

/* All values of that name as the first one's, with commas between them, as the API has its lists. */
static void
join_values(QueryRow *row, const char *name)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (guint i = row->fields->len; i-- > 0;) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        if (!g_str_equal(field->name, name))
            continue;
        if (all->len > 0)
            g_string_prepend_c(all, ',');
        g_string_prepend(all, field->value);
        if (query_row_get(row, name) != field->value)
            g_array_remove_index(row->fields, i);
    }
    if (query_row_get(row, name))
        query_row_set(row, name, all->str);
}

/* An array would be several values. */
static void
finish_delete(const Query *query, QueryRow *row)
{
    join_values(row, "success");
    join_values(row, "failure");
}

static const QueryCall blastmail_calls[] = {
    { .task = QUERY_HISTORY_SEARCH, .flags = QUERY_CALL_EMPTY, .row = "message", .signs = "message messages",
      .names = message_names, .build = build_search, .check = check_lists, .next = next_page,
      .last = BLASTMAIL_LAST },
    { .task = QUERY_HISTORY_SHOW, .needs = QUERY_HAS_IDS, .row = "", .signs = "messageID", .names = message_names,
      .build = build_detail, .check = check_lists, .next = next_id },
    { .task = QUERY_HISTORY_EXPORT, .flags = QUERY_CALL_CSV | QUERY_CALL_EMPTY, .needs = QUERY_HAS_IDS, .row = "row",
      .names = address_names, .build = build_export, .check = check_lists, .next = next_id, .finish = finish_export },
    { .task = QUERY_HISTORY_OPENS, .flags = QUERY_CALL_CSV | QUERY_CALL_EMPTY, .needs = QUERY_HAS_IDS, .row = "row",
      .names = address_names, .build = build_opens, .check = check_lists, .next = next_id },
    { .task = QUERY_HISTORY_DELETE, .flags = QUERY_CALL_FINAL, .needs = QUERY_HAS_IDS, .row = "",
      .signs = "success failure", .names = no_names, .build = build_delete, .check = check_lists,
      .finish = finish_delete },
    { 0 },
};

static bool
check_direct(const QueryAccount *account, const Query *query, GError **error)
{
    return query_direct_check(account, query, "GET POST", false, error);
}

static HttpRequest *
build_direct(const QueryAsk *ask)
{
    const QueryDirect *direct = ask->query->direct;

    if (strcmp(direct->method, "GET") == 0) {
        GString *url = url_of(ask, direct->path);
        query_direct_put(ask, url, query_url_add);
        return get(url);
    }
    g_autoptr(GString) form = g_string_new(NULL), url = query_url(ask->account, direct->path);
    HttpRequest *request = http_request_new("POST", url->str);
    query_form_add(form, "access_token", ask->token ? secret_reveal(ask->token) : NULL);
    query_direct_put(ask, form, query_form_add);
    http_request_take_body(request, "application/x-www-form-urlencoded", source_new_string(form->str));
    return request;
}

static HttpRequest *
blastmail_login(const QueryAccount *self)
{
    const BlastmailConf *conf = self->conf;
    g_autoptr(GString) form = g_string_new(NULL), url = query_url(self, "/authenticate/login");
    HttpRequest *request = http_request_new("POST", url->str);

    query_form_add(form, "username", conf->username);
    query_form_add(form, "password", secret_reveal(self->password));
    query_form_add(form, "api_key", secret_reveal(self->key));
    query_form_add(form, "format", "json");
    http_request_take_body(request, "application/x-www-form-urlencoded", source_new_string(form->str));
    return request;
}

static Secret *
blastmail_token(const QueryAccount *self, const HttpResponse *response, gint64 *lifetime_ms, GError **error)
{
    static const char *const names[] = { "accessToken", "access_token", NULL }; /* in JSON, in XML */
    g_autofree char *text = query_login_value(self, response, names);

    if (!text) {
        query_login_failed(self, response, error);
        return NULL;
    }
    *lifetime_ms = BLASTMAIL_TOKEN_MS;
    return secret_new(text);
}

static bool
blastmail_prepare(QueryAccount *self, const ConfFile *file, GError **error)
{
    const BlastmailConf *conf = self->conf;
    g_autoptr(GError) cause = NULL;

    self->password = secret_load(conf->password_file, &cause);
    if (!self->password)
        return conf_fail(file, "account", self->name, "password-file", error, "%s", cause->message);
    self->key = secret_load(conf->api_key_file, &cause);
    return self->key || conf_fail(file, "account", self->name, "api-key-file", error, "%s", cause->message);
}

const QueryDriver query_blastmail = {
    .name = "blastmail",
    .only = true,
    .calls = blastmail_calls,
    .keys = blastmail_keys,
    .conf_size = sizeof(BlastmailConf),
    .prepare = blastmail_prepare,
    .login = blastmail_login,
    .token = blastmail_token,
    .direct_call = &query_direct_message_call,
    .direct = build_direct,
    .direct_check = check_direct,
};
