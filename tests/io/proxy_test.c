/* Headers of the PROXY protocol, whole, in pieces, and wrong. */
#include "io/proxy.h"

#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2(head, rest) SIGNATURE head rest, sizeof(SIGNATURE head rest) - 1
#define V1(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t n;
    ProxyResult want;
    const char *peer; /* and its port */
    guint port;
} rows[] = {
    { V1("PROXY TCP4 192.0.2.1 198.51.100.7 51234 25\r\n"), PROXY_OTHER, "192.0.2.1", 51234 },
    { V1("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"), PROXY_OTHER, "2001:db8::1", 1 },
    { V1("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), PROXY_OTHER, "192.0.2.1", 1 },
    { V1("PROXY UNKNOWN\r\n"), PROXY_OWN, NULL, 0 },
    { V1("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), PROXY_OWN, NULL, 0 },
    { V1("PROXY TCP4 192.0.2.1 198.51.100.7 51234\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY TCP4 192.0.2.1 198.51.100.7 51234 25 x\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY TCP4 192.0.2.1 198.51.100.7 51234 65536\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY TCP4 192.0.2.1 198.51.100.7 -1 25\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY TCP4 192.0.2.1  198.51.100.7 1 25\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY TCP4 192.0.2.256 198.51.100.7 1 25\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY TCP4 2001:db8::1 198.51.100.7 1 25\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY TCP5 192.0.2.1 198.51.100.7 1 25\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY UDP4 192.0.2.1 198.51.100.7 1 25\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY TCP4 192.0.2.1\0 198.51.100.7 1 25\r\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY TCP4 192.0.2.1 198.51.100.7 1 25\n"), PROXY_BAD, NULL, 0 },
    { V1("PROXY \r\n"), PROXY_BAD, NULL, 0 },
    { V1("proxy TCP4 192.0.2.1 198.51.100.7 1 25\r\n"), PROXY_BAD, NULL, 0 },
    { V1("EHLO client.test\r\n"), PROXY_BAD, NULL, 0 },
    { V1("\x16\x03\x01"), PROXY_BAD, NULL, 0 },
    { V2("\x21\x11\0\x0c", "\xc0\0\2\1\xc6\x33\x64\7\xc8\x22\0\x19"), PROXY_OTHER, "192.0.2.1", 51234 },
    { V2("\x21\x11\0\x10", "\xc0\0\2\1\xc6\x33\x64\7\xc8\x22\0\x19\4\0\1x"), PROXY_OTHER, "192.0.2.1", 51234 },
    { V2("\x21\x21\0\x24", "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\x19"),
      PROXY_OTHER, "2001:db8::1", 1 },
    { V2("\x20\0\0\0", ""), PROXY_OWN, NULL, 0 },
    { V2("\x20\x11\0\x0c", "\xc0\0\2\1\xc6\x33\x64\7\xc8\x22\0\x19"), PROXY_OWN, NULL, 0 },
    { V2("\x21\0\0\3", "abc"), PROXY_OWN, NULL, 0 },
    { V2("\x21\x11\0\x0b", "\xc0\0\2\1\xc6\x33\x64\7\xc8\x22\0"), PROXY_BAD, NULL, 0 },
    { V2("\x21\x21\0\x0c", "\xc0\0\2\1\xc6\x33\x64\7\xc8\x22\0\x19"), PROXY_BAD, NULL, 0 },
    { V2("\x21\x31\0\0", ""), PROXY_BAD, NULL, 0 },
    { V2("\x21\x12\0\x0c", "\xc0\0\2\1\xc6\x33\x64\7\xc8\x22\0\x19"), PROXY_BAD, NULL, 0 },
    { V2("\x21\x41\0\0", ""), PROXY_BAD, NULL, 0 },
    { V2("\x22\x11\0\0", ""), PROXY_BAD, NULL, 0 },
    { V2("\x11\x11\0\0", ""), PROXY_BAD, NULL, 0 },
    { V2("\x21\x11\xff\xff", ""), PROXY_BAD, NULL, 0 },
};

/* As the daemon reads: never more than is wanted, in pieces of at most most bytes. Whatever follows stays unread. */
static void
read_as_wanted(guint row, size_t most)
{
    size_t n = 0, wanted = PROXY_FIRST_BYTES;
    ProxyResult result = PROXY_MORE;
    Endpoint peer;

    while (result == PROXY_MORE && n < rows[row].n) {
        size_t piece = MIN(wanted, most);
        n = MIN(n + piece, rows[row].n);
        g_autofree char *copy = g_memdup2(rows[row].bytes, n); /* for a sanitizer to see its end */
        result = proxy_parse(copy, n, &wanted, &peer);
        g_assert_true(result != PROXY_MORE || wanted > 0);
    }
    g_test_message("row %u, %zu", row, most);
    g_assert_cmpint(result, ==, rows[row].want);
    if (result != PROXY_BAD)
        g_assert_cmpuint(n, ==, rows[row].n);
    if (result == PROXY_OTHER) {
        char host[ENDPOINT_TEXT_BYTES];
        g_assert_cmpstr(endpoint_host(&peer, host), ==, rows[row].peer);
        g_assert_cmpuint(endpoint_port(&peer), ==, rows[row].port);
    }
}

static void
test_rows(void)
{
    static const size_t most[] = { 1, 7, PROXY_MAX_BYTES };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        for (guint k = 0; k < G_N_ELEMENTS(most); k++)
            read_as_wanted(i, most[k]);
}

static void
test_endless_line(void)
{
    g_autofree char *line = g_strnfill(200, 'x');
    size_t wanted;
    Endpoint peer;

    memcpy(line, "PROXY ", 6);
    g_assert_cmpint(proxy_parse(line, 106, &wanted, &peer), ==, PROXY_MORE);
    g_assert_cmpint(proxy_parse(line, 107, &wanted, &peer), ==, PROXY_BAD);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proxy/rows", test_rows);
    g_test_add_func("/proxy/endless-line", test_endless_line);
    return g_test_run();
}
