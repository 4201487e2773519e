#include "query/arara_request.h"

#include "http/json.h"
#include "query/call.h"
#include "query/time.h"

#include <string.h>

#define MINUTE "%Y-%m-%dT%H:%M%:z"

static HttpRequest *
request_to(const QueryAsk *ask, const char *method, GString *url)
{
    const AraraQueryConf *conf = ask->account->conf;
    HttpRequest *request = http_request_new(method, url->str);

    oauth_put_token(&conf->oauth, request, ask->token);
    g_string_free(url, TRUE);
    return request;
}

static HttpRequest *
request_with(const QueryAsk *ask, const char *method, GString *url, JsonBody *body)
{
    HttpRequest *request = request_to(ask, method, url);

    http_request_take_body(request, "application/json", json_body_source(&body));
    return request;
}

static void
add_segment(GString *url, const char *text)
{
    g_autofree char *escaped = g_uri_escape_string(text, NULL, false);

    g_string_append_printf(url, "/%s", escaped);
}

/* The ids one by one, then the request ids, else the period; its end is the last minute inside it. */
static GString *
deliveries_url(const QueryAsk *ask, const char *path)
{
    const Query *query = ask->query;
    GString *url = query_url(ask->account, path);
    guint part = ask->cursor->part;
    guint ids = query->ids ? g_strv_length((char **) query->ids) : 0;
    guint request_ids = query->request_ids ? g_strv_length((char **) query->request_ids) : 0;

    if (part < ids) {
        add_segment(url, query->ids[part]);
    } else if (part - ids < request_ids) {
        query_url_add(url, "request_id", query->request_ids[part - ids]);
    } else {
        g_autofree char *from = query_time_format(query->since_ms, MINUTE);
        g_autofree char *to = query_time_format(query->until_ms - 1, MINUTE);
        query_url_add(url, "timemin", from);
        query_url_add(url, "timemax", to);
    }
    return url;
}

HttpRequest *
arara_ask_status(const QueryAsk *ask)
{
    return request_to(ask, "GET", deliveries_url(ask, "/send"));
}

HttpRequest *
arara_ask_results(const QueryAsk *ask)
{
    const AraraQueryConf *conf = ask->account->conf;

    return request_to(ask, "GET", deliveries_url(ask, conf->results_path));
}

HttpRequest *
arara_cancel(const QueryAsk *ask)
{
    GString *url = query_url(ask->account, "/send");

    add_segment(url, ask->query->ids[ask->cursor->part]);
    return request_to(ask, "DELETE", url);
}

/* The addresses of the part that the cursor is at, of so many each. */
static JsonBody *
filter_body(const QueryAsk *ask, guint most, bool with_count)
{
    JsonBody *body = json_body_new();
    const char *const *addresses = ask->query->addresses;
    guint total = g_strv_length((char **) addresses);

    for (guint i = ask->cursor->part * most; i < total && i < (ask->cursor->part + 1) * most; i++) {
        cJSON *item = json_put_item(json_body_root(body), "items");
        json_put_string(item, "address", addresses[i]);
        if (with_count)
            json_put_number(item, "count", (int) ask->query->count);
    }
    return body;
}

HttpRequest *
arara_show_filter(const QueryAsk *ask)
{
    return request_with(ask, "POST", query_url(ask->account, "/errorfilter"),
                        filter_body(ask, ARARA_FILTER_SHOWN, false));
}

HttpRequest *
arara_set_filter(const QueryAsk *ask)
{
    return request_with(ask, "PUT", query_url(ask->account, "/errorfilter"), filter_body(ask, ARARA_FILTER_SET, true));
}

HttpRequest *
arara_list_domains(const QueryAsk *ask)
{
    GString *url = query_url(ask->account, "/domain");

    query_url_add(url, "d", ask->query->domain);
    return request_to(ask, "GET", url);
}

static void
put_settings(cJSON *item, const Query *query)
{
    if (query->start_date)
        json_put_string(item, "start_date", query->start_date);
    if (query->is_default)
        json_put_number(item, "default", query->is_default > 0);
    if (query->enabled)
        json_put_number(item, "enable", query->enabled > 0);
}

HttpRequest *
arara_add_domain(const QueryAsk *ask)
{
    const AraraQueryConf *conf = ask->account->conf;
    const Query *query = ask->query;
    JsonBody *body = json_body_new();
    cJSON *item = json_put_item(json_body_root(body), "domains");

    json_put_string(item, "sign_domain", query->domain);
    if (query->selector)
        json_put_string(item, "selector", query->selector);
    if (query->key_bits)
        json_put_number(item, "key_len", (int) query->key_bits);
    put_settings(item, query);
    return request_with(ask, "POST", query_url(ask->account, conf->dkim_path), body);
}

static GString *
selector_url(const QueryAsk *ask)
{
    const AraraQueryConf *conf = ask->account->conf;
    GString *url = query_url(ask->account, conf->dkim_path);

    add_segment(url, ask->query->domain);
    add_segment(url, ask->query->selector);
    return url;
}

HttpRequest *
arara_update_domain(const QueryAsk *ask)
{
    JsonBody *body = json_body_new();

    put_settings(json_put_item(json_body_root(body), "domains"), ask->query);
    return request_with(ask, "PUT", selector_url(ask), body);
}

HttpRequest *
arara_remove_domain(const QueryAsk *ask)
{
    return request_to(ask, "DELETE", selector_url(ask));
}

HttpRequest *
arara_ask_plan(const QueryAsk *ask)
{
    const AraraQueryConf *conf = ask->account->conf;

    return request_to(ask, "GET", query_url(ask->account, conf->plan_path));
}

/* Without a period this month is the API's default. */
HttpRequest *
arara_ask_usage(const QueryAsk *ask)
{
    GString *url = query_url(ask->account, "/delivery_record");

    if (ask->query->until_ms > 0) {
        g_autofree char *month = query_time_format(ask->query->since_ms, "%Y-%m");
        query_url_add(url, "yearmonth", month);
    }
    return request_to(ask, "GET", url);
}

static HttpRequest *
list_unsubscribed(const QueryAsk *ask, const char *path)
{
    GString *url = query_url(ask->account, path);
    g_autofree char *day = query_time_format(query_day(ask->query, ask->cursor->part), "%Y-%m-%d%:z");

    query_url_add(url, "header-from", ask->query->sender);
    query_url_add(url, "date", day);
    return request_to(ask, "GET", url);
}

HttpRequest *
arara_list_unsubscribed(const QueryAsk *ask)
{
    return list_unsubscribed(ask, "/unsubscribers/auto-assigned");
}

HttpRequest *
arara_list_unsubscribed_own(const QueryAsk *ask)
{
    const AraraQueryConf *conf = ask->account->conf;

    return list_unsubscribed(ask, conf->own_list_path);
}

HttpRequest *
arara_enable_unsubscribe(const QueryAsk *ask)
{
    const AraraQueryConf *conf = ask->account->conf;
    JsonBody *body = json_body_new();

    json_put_string(json_body_root(body), "header-from", ask->query->sender);
    return request_with(ask, "POST", query_url(ask->account, conf->enable_path), body);
}

HttpRequest *
arara_lift_unsubscribed(const QueryAsk *ask)
{
    JsonBody *body = json_body_new();
    cJSON *root = json_body_root(body);
    const char *const *addresses = ask->query->addresses;
    guint total = g_strv_length((char **) addresses);

    json_put_string(root, "header-from", ask->query->sender);
    cJSON *list = cJSON_AddArrayToObject(root, "to-addresses");
    for (guint i = ask->cursor->part * ARARA_LIFTED; i < total && i < (ask->cursor->part + 1) * ARARA_LIFTED; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(addresses[i]));
    return request_with(ask, "PUT", query_url(ask->account, "/re-subscribers"), body);
}

/* Parameters belong into the URL where there is no body. */
HttpRequest *
arara_direct(const QueryAsk *ask)
{
    const QueryDirect *direct = ask->query->direct;
    GString *url = query_url(ask->account, direct->path);
    bool in_url = strcmp(direct->method, "GET") == 0 || strcmp(direct->method, "DELETE") == 0;

    if (in_url)
        query_direct_put(ask, url, query_url_add);
    HttpRequest *request = request_to(ask, direct->method, url);
    if (direct->body) {
        http_request_take_body(request, "application/json", source_new_string(direct->body));
    } else if (!in_url) {
        JsonBody *body = json_body_new();
        for (guint i = 0; direct->pairs && direct->pairs[i]; i++) {
            const char *equal = strchr(direct->pairs[i], '=');
            g_autofree char *name = g_strndup(direct->pairs[i], (gsize) (equal - direct->pairs[i]));
            json_put_string(json_body_root(body), name, equal + 1);
        }
        http_request_take_body(request, "application/json", json_body_source(&body));
    }
    return request;
}
