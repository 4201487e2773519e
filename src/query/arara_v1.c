#include "query/arara_v1.h"

#include "query/call.h"
#include "query/time.h"

#include <string.h>

enum { ARARA_V1_MAX_REQUESTERS = 20000 };

typedef struct {
    char *site, *service, *user, *password_file;
    char *list_path, *lift_path, *enable_path;
} AraraV1Conf;

static const ConfKey arara_v1_keys[] = {
    CONF_KEY(AraraV1Conf, site, "site", CONF_STRING, NULL, .required = true),
    CONF_KEY(AraraV1Conf, service, "service", CONF_STRING, NULL, .required = true),
    CONF_KEY(AraraV1Conf, user, "user", CONF_STRING, NULL, .required = true),
    CONF_KEY(AraraV1Conf, password_file, "password-file", CONF_STRING, NULL, .required = true),
    CONF_KEY(AraraV1Conf, list_path, "unsubscribe-list-path", CONF_STRING, "/tm/unsubscribe_requesters.php"),
    CONF_KEY(AraraV1Conf, lift_path, "unsubscribe-lift-path", CONF_STRING, "/tm/resubscribers.php"),
    CONF_KEY(AraraV1Conf, enable_path, "unsubscribe-enable-path", CONF_STRING, "/tm/unsubscribe_receivers.php"),
    { 0 },
};

static bool
arara_v1_prepare(QueryAccount *self, const ConfFile *file, GError **error)
{
    const AraraV1Conf *conf = self->conf;
    g_autoptr(GError) cause = NULL;

    if (!query_path_check(self, file, "unsubscribe-list-path", conf->list_path, error) ||
        !query_path_check(self, file, "unsubscribe-lift-path", conf->lift_path, error) ||
        !query_path_check(self, file, "unsubscribe-enable-path", conf->enable_path, error))
        return false;
    self->key = secret_load(conf->password_file, &cause);
    if (!self->key)
        return conf_fail(file, "account", self->name, "password-file", error, "%s", cause->message);
    return true;
}

/* A ]]> in the text ends the section, and goes on in the next. */
static void
put_cdata(GString *xml, const char *name, const char *text)
{
    g_auto(GStrv) pieces = g_strsplit(text, "]]>", -1);
    g_autofree char *safe = g_strjoinv("]]]]><![CDATA[>", pieces);

    g_string_append_printf(xml, "<%s><![CDATA[%s]]></%s>", name, safe, name);
}

static void
put_text(GString *xml, const char *name, const char *text)
{
    g_autofree char *safe = g_markup_escape_text(text, -1);

    g_string_append_printf(xml, "<%s>%s</%s>", name, safe, name);
}

static void
put_number(GString *xml, const char *name, gint64 ms, const char *format)
{
    g_autofree char *text = query_time_format(ms, format);

    put_text(xml, name, text);
}

static void
put_auth(GString *xml, const QueryAccount *account)
{
    const AraraV1Conf *conf = account->conf;
    g_autofree char *site = g_markup_escape_text(conf->site, -1);
    g_autofree char *service = g_markup_escape_text(conf->service, -1);

    g_string_append_printf(xml, "<auth><site id=\"%s\"/><service id=\"%s\"/>", site, service);
    put_cdata(xml, "name", conf->user);
    put_cdata(xml, "pass", secret_reveal(account->key));
    g_string_append(xml, "</auth>");
}

/* <request> with its credentials, open. */
static GString *
xml_new(const QueryAccount *account)
{
    GString *xml = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<request>");

    put_auth(xml, account);
    g_string_append_c(xml, '\n');
    return xml;
}

/* Takes xml. */
static HttpRequest *
request_to(const QueryAsk *ask, const char *path, GString *xml)
{
    g_autoptr(GString) url = query_url(ask->account, path);
    HttpRequest *request = http_request_new("POST", url->str);

    g_string_append(xml, "</request>\n");
    http_request_take_body(request, "application/octet-stream", source_new_string(xml->str));
    g_string_free(xml, TRUE);
    return request;
}

/* One sender and one day; numbers have no leading zeros in the reference's sample. */
static HttpRequest *
build_list(const QueryAsk *ask)
{
    const AraraV1Conf *conf = ask->account->conf;
    gint64 day = query_day(ask->query, ask->cursor->part);
    GString *xml = xml_new(ask->account);

    g_string_append(xml, "<unsubscription_request>");
    put_text(xml, "header_from", ask->query->sender);
    put_number(xml, "year", day, "%Y");
    put_number(xml, "month", day, "%-m");
    put_number(xml, "day", day, "%-d");
    g_string_append(xml, "</unsubscription_request>");
    return request_to(ask, conf->list_path, xml);
}

/* What the other two scripts want inside is not shown anywhere: the same form, with their own names. */
static HttpRequest *
build_lift(const QueryAsk *ask)
{
    const AraraV1Conf *conf = ask->account->conf;
    GString *xml = xml_new(ask->account);

    g_string_append(xml, "<resubscription_request>");
    put_text(xml, "header_from", ask->query->sender);
    put_text(xml, "message_to", ask->query->addresses[ask->cursor->part]);
    g_string_append(xml, "</resubscription_request>");
    return request_to(ask, conf->lift_path, xml);
}

static HttpRequest *
build_enable(const QueryAsk *ask)
{
    const AraraV1Conf *conf = ask->account->conf;
    GString *xml = xml_new(ask->account);

    g_string_append(xml, "<unsubscription_receiver>");
    put_text(xml, "header_from", ask->query->sender);
    g_string_append(xml, "</unsubscription_receiver>");
    return request_to(ask, conf->enable_path, xml);
}

/* The document is the user's; where the credentials belong it has an empty element. */
#define AUTH "<auth/>"

static bool
check_direct(const QueryAccount *account, const Query *query, GError **error)
{
    if (!query_direct_check(account, query, "POST", true, error))
        return false;
    if (query->direct->body && strstr(query->direct->body, AUTH))
        return true;
    g_set_error(error, QUERY_ERROR, QUERY_ERROR_USAGE,
                "account %s wants an XML document, with --body, in which " AUTH " stands for the credentials", account->name);
    return false;
}

static HttpRequest *
build_direct(const QueryAsk *ask)
{
    const char *body = ask->query->direct->body, *at = strstr(body, AUTH);
    g_autoptr(GString) url = query_url(ask->account, ask->query->direct->path), xml = g_string_new(NULL);
    HttpRequest *request = http_request_new("POST", url->str);

    g_string_append_len(xml, body, at - body);
    put_auth(xml, ask->account);
    g_string_append(xml, at + strlen(AUTH));
    http_request_take_body(request, "application/octet-stream", source_new_string(xml->str));
    return request;
}

static bool
next_day(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return ++cursor->part < query_days(query);
}

static bool
next_address(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    return query->addresses[++cursor->part] != NULL;
}

/* The sender stands outside of the rows. */
static void
finish_requester(const Query *query, QueryRow *row)
{
    if (!query_row_get(row, QUERY_FIELD_SENDER))
        query_row_add(row, QUERY_FIELD_SENDER, query->sender);
    if (query_row_get(row, QUERY_FIELD_ADDRESS))
        query_row_set(row, QUERY_FIELD_EVENT, query_event_name(QUERY_EVENT_UNSUBSCRIBED));
}

static const QueryName requester_names[] = {
    { "message_to", QUERY_FIELD_ADDRESS }, { "header_from", QUERY_FIELD_SENDER }, { "datetime", QUERY_FIELD_TIME },
    { "filtered", QUERY_FIELD_EXCLUDED },  { 0 },
};

/* Values of "kind"; the reference shows none. */
static const QueryFault arara_v1_faults[] = { { "auth", QUERY_ERROR_AUTH }, { 0 } };

static const QueryCall arara_v1_calls[] = {
    { QUERY_UNSUB_LIST, QUERY_CALL_CODED | QUERY_CALL_DAYS, .needs = QUERY_HAS_SENDER | QUERY_HAS_PERIOD,
      .row = "requester", .signs = "unsubscribers requesters", .names = requester_names, .cap = ARARA_V1_MAX_REQUESTERS,
      .build = build_list, .next = next_day, .finish = finish_requester },
    { QUERY_UNSUB_LIFT, QUERY_CALL_CHANGES | QUERY_CALL_MESSAGE | QUERY_CALL_CODED,
      .needs = QUERY_HAS_SENDER | QUERY_HAS_ADDRESSES, .row = "", .names = requester_names, .build = build_lift,
      .next = next_address },
    { QUERY_UNSUB_ENABLE, QUERY_CALL_FINAL | QUERY_CALL_MESSAGE | QUERY_CALL_CODED,
      .needs = QUERY_HAS_SENDER, .row = "", .names = requester_names, .build = build_enable },
    { 0 },
};

const QueryDriver query_arara_v1 = {
    .name = "arara-v1",
    .only = true,
    .calls = arara_v1_calls,
    .keys = arara_v1_keys,
    .conf_size = sizeof(AraraV1Conf),
    .prepare = arara_v1_prepare,
    .direct_call = &query_direct_call,
    .direct = build_direct,
    .direct_check = check_direct,
    .faults = arara_v1_faults,
};
