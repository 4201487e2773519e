#include "http/url.h"

#include <arpa/inet.h>
#include <string.h>

static bool
host_is_here(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return g_ascii_strcasecmp(host, "localhost") == 0;
}

const char *
http_url_fault(const char *url, bool allow_http)
{
    for (const char *p = url; *p; p++) {
        if (!g_ascii_isgraph(*p) || strchr("\\\"<>^`{|}", *p))
            return "holds a character that a URL can't hold";
    }
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED, NULL);

    if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri))
        return "is not a URL such as https://api.example.jp";
    bool plain = g_str_equal(g_uri_get_scheme(uri), "http");
    if (!plain && !g_str_equal(g_uri_get_scheme(uri), "https"))
        return "must begin with https://";
    if (g_uri_get_userinfo(uri) || strchr(url, '@'))
        return "must not hold a user or password";
    if (strchr(g_uri_get_host(uri), '%'))
        return "holds an escape in its host name";
    if (g_uri_get_query(uri) || g_uri_get_fragment(uri))
        return "must not hold a query or fragment";
    if (plain && !allow_http && !host_is_here(g_uri_get_host(uri)))
        return "would send the key unencrypted: use https:// (or set allow-http = yes)";
    return NULL;
}
