#include "query/call.h"

#include <string.h>

static bool
fail(GError **error, const char *what, const char *why)
{
    g_set_error(error, QUERY_ERROR, QUERY_ERROR_USAGE, "'%s' %s", what, why);
    return false;
}

/* Below the account's URL, whoever reads it: no server takes a part of it for "..", a query or a host. */
static bool
is_path(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$'()*+,;=:@/%";

    if (path[0] != '/' || path[1] == '/' || strspn(path, plain) != strlen(path))
        return false;
    g_autofree char *text = g_uri_unescape_string(path, "/\\");
    g_auto(GStrv) parts = g_strsplit(text ? text : "..", "/", -1);
    for (guint i = 0; parts[i]; i++) {
        if (strcmp(parts[i], ".") == 0 || strcmp(parts[i], "..") == 0)
            return false;
    }
    return true;
}

static bool
check(const QueryAccount *account, const Query *query, GError **error)
{
    const QueryDirect *direct = query->direct;

    if (!is_path(direct->path))
        return fail(error, direct->path, "is no path below the account's URL, such as /plan");
    if (g_str_has_suffix(direct->path, "/login") || g_str_has_suffix(direct->path, "/token"))
        return fail(error, direct->path, "gives tokens away; logging in is done without being asked");
    for (guint i = 0; direct->pairs && direct->pairs[i]; i++) {
        const char *equal = strchr(direct->pairs[i], '=');
        if (!equal || equal == direct->pairs[i])
            return fail(error, direct->pairs[i], "is no parameter, such as key=value");
    }
    if (direct->body && direct->pairs && direct->pairs[0])
        return fail(error, direct->pairs[0], "and a body, both, is too much");
    return account->driver->direct_check(account, query, error);
}

static HttpRequest *
build(const QueryAsk *ask)
{
    return ask->account->driver->direct(ask);
}

static const QueryName no_names[] = { { 0 } };

#define DIRECT(names_of_rows) { \
    .task = QUERY_DIRECT, .flags = QUERY_CALL_CSV | QUERY_CALL_EMPTY | QUERY_CALL_DIRECT, \
    .row = names_of_rows, .names = no_names, .build = build, .check = check, \
}

const QueryCall query_direct_call = DIRECT(
    "items users deliveries bounces blocks statistics unsubscribes loginlogs operationlogs requester delivery");
const QueryCall query_direct_message_call = DIRECT("message reservation contact group define row");

void
query_direct_put(const QueryAsk *ask, GString *to, void (*add)(GString *to, const char *name, const char *value))
{
    const char *const *pairs = ask->query->direct->pairs;

    for (; pairs && *pairs; pairs++) {
        const char *equal = strchr(*pairs, '=');
        g_autofree char *name = g_strndup(*pairs, (gsize) (equal - *pairs));
        g_autofree char *escaped = g_uri_escape_string(name, NULL, false);
        add(to, escaped, equal + 1);
    }
}

bool
query_direct_check(const QueryAccount *account, const Query *query, const char *methods, bool body, GError **error)
{
    g_auto(GStrv) known = g_strsplit(methods, " ", -1);

    if (!g_strv_contains((const char *const *) known, query->direct->method))
        return fail(error, query->direct->method, "is no method of this API: say POST");
    if (query->direct->body && (!body || strcmp(query->direct->method, "GET") == 0))
        return fail(error, account->name, "takes no --body for that");
    return true;
}
