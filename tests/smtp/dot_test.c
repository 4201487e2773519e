#include "smtp/dot.h"

#include <glib.h>
#include <string.h>

/* What RFC 5321 section 4.5.2 says, one octet at a time, to hold the decoder against. Returns how many octets
 * belong to the data, or 0 if it has no end. */
static size_t
reference(const char *in, size_t n, GString *out)
{
    for (size_t at = 0; at < n; at++) {
        bool line_start = at == 0 || (at >= 2 && in[at - 2] == '\r' && in[at - 1] == '\n');

        if (!line_start || in[at] != '.')
            g_string_append_c(out, in[at]);
        else if (at + 2 < n && in[at + 1] == '\r' && in[at + 2] == '\n')
            return at + 3;
    }
    return 0;
}

/* Decodes in pieces of the given size; returns how many octets it took to the end, 0 if there is none. */
static size_t
decode(const char *in, size_t n, size_t piece, GString *out)
{
    DotDecoder dot = { 0 };
    size_t at = 0;

    for (size_t fed = 0; fed < n; fed += piece) {
        size_t end = MIN(fed + piece, n);
        while (at < end && !dot_ended(&dot)) {
            const char *run;
            size_t length;
            at += dot_decode(&dot, in + at, end - at, &run, &length);
            g_string_append_len(out, run, (gssize)length);
        }
    }
    return dot_ended(&dot) ? at : 0;
}

static void
check(const char *in, size_t n)
{
    g_autoptr(GString) want = g_string_new(NULL);
    size_t end = reference(in, n, want);

    for (size_t piece = 1; piece <= n; piece++) {
        g_autoptr(GString) got = g_string_new(NULL);

        g_assert_cmpuint(decode(in, n, piece, got), ==, end);
        /* Without an end the decoder may hold back a dot's line. */
        if (end)
            g_assert_true(g_string_equal(got, want));
        else
            g_assert_true(got->len <= want->len && memcmp(got->str, want->str, got->len) == 0);
    }
}

static void
test_table(void)
{
    static const struct {
        const char *in;
        size_t n;
        const char *out;
        size_t out_n;
    } rows[] = {
#define ROW(in, out) { in, sizeof in - 1, out, sizeof out - 1 }
        ROW(".\r\n", ""),
        ROW("\r\n.\r\n", "\r\n"),
        ROW("a\r\n.\r\n", "a\r\n"),
        ROW("..\r\n.\r\n", ".\r\n"),
        ROW("..x\r\n...\r\n.y\r\n.\r\n", ".x\r\n..\r\ny\r\n"),
        ROW("a.\r\n.\r\n", "a.\r\n"),
        ROW("a\n.\nb\r\n.\r\n", "a\n.\nb\r\n"),
        ROW("a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"),
        ROW("a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n"),
        ROW("a\r.\rb\r\n.\r\n", "a\r.\rb\r\n"),
        ROW("a\r.\nb\r\n.\r\n", "a\r.\nb\r\n"),
        ROW("a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n"),
        ROW("a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n"),
        ROW("a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n"),
        ROW("a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n"),
        ROW("a\r\n.\0\r\nb\r\n.\r\n", "a\r\n\0\r\nb\r\n"),
        ROW("a\r\n\0.\r\nb\r\n.\r\n", "a\r\n\0.\r\nb\r\n"),
        ROW("a\r\r\n.\r\n", "a\r\r\n"),
        ROW("\r\r\n\n.\r\n\r\n.\r\n", "\r\r\n\n.\r\n\r\n"),
#undef ROW
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) got = g_string_new(NULL);

        g_assert_cmpuint(decode(rows[i].in, rows[i].n, rows[i].n, got), ==, rows[i].n);
        g_assert_cmpmem(got->str, got->len, rows[i].out, rows[i].out_n);
        check(rows[i].in, rows[i].n);
    }
}

/* Every text of eight octets of those that matter, cut everywhere. */
static void
test_all_short(void)
{
    static const char letters[] = { '.', '\r', '\n', 'x' };

    for (guint code = 0; code < 1u << 16; code++) {
        char text[8];

        for (guint i = 0; i < sizeof text; i++)
            text[i] = letters[code >> 2 * i & 3];
        check(text, sizeof text);
    }
}

/* What follows the end is not touched. */
static void
test_stops(void)
{
    static const char in[] = "x\r\n.\r\nQUIT\r\n";
    DotDecoder dot = { 0 };
    const char *run;
    size_t n;

    g_autoptr(GString) out = g_string_new(NULL);
    g_assert_cmpuint(decode(in, sizeof in - 1, sizeof in - 1, out), ==, strlen("x\r\n.\r\n"));
    dot.state = DOT_END;
    g_assert_cmpuint(dot_decode(&dot, in, sizeof in - 1, &run, &n), ==, 0);
    g_assert_cmpuint(n, ==, 0);
}

/* Text without dots is handed on as it came, not copied and not cut. */
static void
test_long_run(void)
{
    g_autofree char *text = g_strnfill(100000, 'x');
    DotDecoder dot = { 0 };
    const char *run;
    size_t n;

    memcpy(text + 50000, "\r\nabc.def\n.ghi\r\n", 16);
    g_assert_cmpuint(dot_decode(&dot, text, 100000, &run, &n), ==, 100000);
    g_assert_true(run == text);
    g_assert_cmpuint(n, ==, 100000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dot/table", test_table);
    g_test_add_func("/dot/all-short", test_all_short);
    g_test_add_func("/dot/stops", test_stops);
    g_test_add_func("/dot/long-run", test_long_run);
    return g_test_run();
}
