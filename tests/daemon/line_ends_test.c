/* Line ends that are not CRLF, in pieces of any size. */
#include "daemon/line_ends.h"

#include <glib.h>
#include <string.h>

static const struct {
    const char *text;
    bool bare, terminator;
} rows[] = {
    { "", false, false },
    { "a\r\nb\r\n", false, false },
    { "a\r\n.\r\nb\r\n", false, false },
    { ".\r\n", false, false },
    { "a\nb\r\n", true, false },
    { "a\rb\r\n", true, false },
    { "\n\r\n", true, false },
    { "a\r\r\n", true, false },
    { "a\r", true, false },
    { "a\n.b\r\n", true, false },
    { "a\nb.\r\n", true, false },
    /* A41 to A48 */
    { "a\n.\nb\r\n", true, true },
    { "a\n.\r\nb\r\n", true, true },
    { "a\r\n.\nb\r\n", true, true },
    { "a\r.\rb\r\n", true, true },
    { "a\r.\nb\r\n", true, true },
    { "a\r.\r\nb\r\n", true, true },
    { "a\r\n.\rb\r\n", true, true },
    { "a\r\n.\r\r\nb\r\n", true, true },
    { ".\n", true, true },
    { "a\n.\r", true, true },
};

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t piece = 1; piece < 4; piece++) {
            size_t n = strlen(rows[i].text);
            LineEnds ends = { 0 };

            for (size_t at = 0; at < n; at += piece)
                line_ends_push(&ends, rows[i].text + at, MIN(piece, n - at));
            line_ends_finish(&ends);
            g_test_message("row %u", i);
            g_assert_cmpint(ends.bare, ==, rows[i].bare);
            g_assert_cmpint(ends.terminator, ==, rows[i].terminator);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/line-ends/rows", test_rows);
    return g_test_run();
}
