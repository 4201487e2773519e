#include "io/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

static void
test_parse(void)
{
    static const struct {
        const char *text, *host; /* host NULL: refused */
        guint port;
        bool unix_path, loopback;
    } rows[] = {
        { "127.0.0.1:25", "127.0.0.1", 25, false, true },
        { "127.9.9.9:0", "127.9.9.9", 0, false, true },
        { "0.0.0.0:2525", "0.0.0.0", 2525, false, false },
        { "192.0.2.7:65535", "192.0.2.7", 65535, false, false },
        { "[::1]:587", "::1", 587, false, true },
        { "[2001:db8::1]:25", "2001:db8::1", 25, false, false },
        { "*:25", "::", 25, false, false },
        { "/run/shimta/submit.sock", "/run/shimta/submit.sock", 0, true, false },
        { "127.0.0.1", NULL, 0, false, false },
        { "127.0.0.1:", NULL, 0, false, false },
        { "127.0.0.1:65536", NULL, 0, false, false },
        { "127.0.0.1:25x", NULL, 0, false, false },
        { "127.0.0.1:-1", NULL, 0, false, false },
        { ":25", NULL, 0, false, false },
        { "::1:25", NULL, 0, false, false },
        { "no such host:25", NULL, 0, false, false },
        { "", NULL, 0, false, false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        char host[ENDPOINT_TEXT_BYTES];
        Endpoint endpoint;
        bool ok = endpoint_parse(rows[i].text, &endpoint, &error);
        g_test_message("%s: %s", rows[i].text, error ? error->message : "ok");
        g_assert_cmpint(ok, ==, rows[i].host != NULL);
        if (!ok) {
            g_assert_error(error, IO_ERROR, IO_ERROR_SYNTAX);
            continue;
        }
        g_assert_cmpstr(endpoint_host(&endpoint, host), ==, rows[i].host);
        g_assert_cmpuint(endpoint_port(&endpoint), ==, rows[i].port);
        g_assert_cmpint(endpoint_is_unix(&endpoint), ==, rows[i].unix_path);
        g_assert_cmpint(endpoint_is_loopback(&endpoint), ==, rows[i].loopback);
    }
}

static void
test_long_path(void)
{
    g_autoptr(GError) error = NULL;
    char path[200];
    Endpoint endpoint;

    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[107] = '\0';
    g_assert_true(endpoint_parse(path, &endpoint, NULL));
    path[107] = 'a';
    path[108] = '\0';
    g_assert_false(endpoint_parse(path, &endpoint, &error));
    g_assert_error(error, IO_ERROR, IO_ERROR_SYNTAX);
}

static void
test_equal(void)
{
    static const struct {
        const char *a, *b;
        bool want;
    } rows[] = {
        { "127.0.0.1:25", "127.0.0.1:25", true },
        { "127.0.0.1:25", "127.0.0.1:26", false },
        { "127.0.0.1:25", "127.0.0.2:25", false },
        { "[::1]:25", "127.0.0.1:25", false },
        { "[::1]:25", "[0:0::1]:25", true },
        { "/a/b", "/a/b", true },
        { "/a/b", "/a/c", false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Endpoint a, b;
        g_assert_true(endpoint_parse(rows[i].a, &a, NULL));
        g_assert_true(endpoint_parse(rows[i].b, &b, NULL));
        g_assert_cmpint(endpoint_equal(&a, &b), ==, rows[i].want);
    }
}

static void
test_client_key(void)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        { "192.0.2.1:1", "192.0.2.1:2", true },
        { "192.0.2.1:1", "192.0.2.2:1", false },
        { "[2001:db8::1]:1", "[2001:db8::ffff]:1", true },
        { "[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Endpoint a, b;
        guint8 left[16], right[16];
        g_assert_true(endpoint_parse(rows[i].a, &a, NULL));
        g_assert_true(endpoint_parse(rows[i].b, &b, NULL));
        endpoint_client_key(&a, left);
        endpoint_client_key(&b, right);
        g_assert_cmpint(memcmp(left, right, sizeof left) == 0, ==, rows[i].same);
    }
}

static void
test_networks(void)
{
    static const struct {
        const char *network, *client;
        bool want;
    } rows[] = {
        { "127.0.0.0/8", "127.255.0.1:1", true },
        { "127.0.0.0/8", "128.0.0.1:1", false },
        { "192.0.2.128/25", "192.0.2.128:1", true },
        { "192.0.2.128/25", "192.0.2.127:1", false },
        { "192.0.2.7", "192.0.2.7:1", true },
        { "192.0.2.7", "192.0.2.6:1", false },
        { "0.0.0.0/0", "203.0.113.9:1", true },
        { "0.0.0.0/0", "[2001:db8::1]:1", false },
        { "::/0", "[2001:db8::1]:1", true },
        { "::/0", "203.0.113.9:1", false },
        { "2001:db8::/33", "[2001:db8:7fff::]:1", true },
        { "2001:db8::/33", "[2001:db8:8000::]:1", false },
        { "::1", "[::1]:1", true },
        { "::ffff:192.0.2.0/120", "192.0.2.9:1", true },
        { "::ffff:192.0.2.0/120", "192.0.3.9:1", false },
        { "::ffff:192.0.2.9", "192.0.2.9:1", true },
        { "::ffff:0:0/96", "203.0.113.9:1", true },
        { "::ffff:0:0/96", "[2001:db8::1]:1", false },
        { "::fffe:0:0/96", "203.0.113.9:1", false },
        { "0.0.0.0/0", "/run/sock", false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Network network;
        Endpoint client;
        g_assert_true(network_parse(rows[i].network, &network, NULL));
        g_assert_true(endpoint_parse(rows[i].client, &client, NULL));
        g_test_message("%s %s", rows[i].network, rows[i].client);
        g_assert_cmpint(network_contains(&network, &client), ==, rows[i].want);
    }
}

static void
test_narrow_networks(void)
{
    static const struct {
        const char *network;
        bool want;
    } rows[] = {
        { "127.0.0.0/8", true },    { "10.0.0.0/8", true },     { "172.16.0.0/12", true }, { "192.168.0.0/16", true },
        { "169.254.0.0/16", true }, { "100.64.0.0/10", true },  { "8.8.0.0/16", true },    { "8.8.8.8", true },
        { "0.0.0.0/0", false },     { "128.0.0.0/1", false },   { "8.0.0.0/15", false },   { "10.0.0.0/7", false },
        { "126.0.0.0/7", false },   { "172.0.0.0/11", false }, { "192.168.0.0/15", false }, { "100.0.0.0/9", false },
        { "::1", true },            { "fc00::/7", true },       { "fd00::/8", true },      { "fe80::/10", true },
        { "2001:db8::/32", true },  { "::/0", false },          { "2000::/3", false },     { "fc00::/6", false },
        { "2001:db8::/31", false }, { "::/31", false },     { "::ffff:0:0/96", false },
        { "::ffff:8.0.0.0/111", false }, { "::ffff:8.8.0.0/112", true }, { "::ffff:10.0.0.0/104", true },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Network network;
        g_test_message("%s", rows[i].network);
        g_assert_true(network_parse(rows[i].network, &network, NULL));
        g_assert_cmpint(network_is_narrow(&network), ==, rows[i].want);
    }
}

static void
test_bad_networks(void)
{
    static const char *const rows[] = { "", "10", "10.0.0.0/33", "10.0.0.0/", "10.0.0.1/8", "::/129", "::1/64",
                                        "example.org/8", "10.0.0.0/8x", "10.0.0.0/-1" };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        Network network;
        g_assert_false(network_parse(rows[i], &network, &error));
        g_assert_error(error, IO_ERROR, IO_ERROR_SYNTAX);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/endpoint/parse", test_parse);
    g_test_add_func("/endpoint/long-path", test_long_path);
    g_test_add_func("/endpoint/equal", test_equal);
    g_test_add_func("/endpoint/client-key", test_client_key);
    g_test_add_func("/network/contains", test_networks);
    g_test_add_func("/network/narrow", test_narrow_networks);
    g_test_add_func("/network/bad", test_bad_networks);
    return g_test_run();
}
