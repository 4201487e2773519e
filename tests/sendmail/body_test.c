#include "sendmail/body.h"

#include <glib.h>
#include <string.h>

#define BOTH NULL

/* plain: without -i. dots: with it; BOTH: the same. */
static const struct { const char *in, *plain, *dots; } rows[] = {
    { "", "", BOTH },
    { "a", "a\r\n", BOTH },
    { "a\n", "a\r\n", BOTH },
    { "a\r\n", "a\r\n", BOTH },
    { "a\r", "a\r\n", BOTH },
    { "a\nb\r\nc\n", "a\r\nb\r\nc\r\n", BOTH },
    { "a\rb\n", "a\rb\r\n", BOTH },
    { "a\r\r\nb", "a\r\r\nb\r\n", BOTH },
    { "\r\r\r\n", "\r\r\r\n", BOTH },
    { "\n\n", "\r\n\r\n", BOTH },
    { "\r.\n", "\r.\r\n", BOTH },
    { "a\n\rb", "a\r\n\rb\r\n", BOTH },
    { ".", "", "..\r\n" },
    { ".\n", "", "..\r\n" },
    { ".\r\n", "", "..\r\n" },
    { ".\r", "", "..\r\n" },
    { "a\n.\nb\n", "a\r\n", "a\r\n..\r\nb\r\n" },
    { "a\r\n.\r\nb\r\n", "a\r\n", "a\r\n..\r\nb\r\n" },
    { "a\n.\r\nb\n.\n", "a\r\n", "a\r\n..\r\nb\r\n..\r\n" },
    { "..\n", "..\r\n", "...\r\n" },
    { "...\n", "...\r\n", "....\r\n" },
    { "..a\n", "..a\r\n", "...a\r\n" },
    { ".a\n", "..a\r\n", "..a\r\n" },
    { ".\ra\n", "..\ra\r\n", BOTH },
    { ".\r\r\na\n", "..\r\r\na\r\n", BOTH },
    { ".\r.\n", "..\r.\r\n", BOTH },
    { "a.\n.b.\n", "a.\r\n..b.\r\n", BOTH },
    { "From me Sat\nSubject: x\n", "Subject: x\r\n", BOTH },
    { "From me\r\n.\nx", "", "..\r\nx\r\n" },
    { "From ", "", BOTH },
    { "From", "From\r\n", BOTH },
    { "Fro\n", "Fro\r\n", BOTH },
    { "F\r\n", "F\r\n", BOTH },
    { "From: a@b\n", "From: a@b\r\n", BOTH },
    { "x\nFrom me\n", "x\r\nFrom me\r\n", BOTH },
    { "From a\nFrom b\n", "From b\r\n", BOTH },
    { "from me\n", "from me\r\n", BOTH },
    { "\x1b$B\r\n\xff\xfe\n", "\x1b$B\r\n\xff\xfe\r\n", BOTH },
};

static char *
convert(const char *in, size_t n, size_t step, bool dots, size_t *length)
{
    Body body = { .dots_are_data = dots };
    g_autoptr(GString) all = g_string_new(NULL);

    for (size_t at = 0; at < n && body.state != BODY_END; at += step) {
        size_t chunk = MIN(step, n - at);
        g_autofree char *out = g_malloc(BODY_ROOM(chunk)); /* exact, so that the sanitizer sees a byte too many */
        g_string_append_len(all, out, (gssize) body_convert(&body, in + at, chunk, out));
    }
    g_autofree char *out = g_malloc(BODY_ROOM(0));
    g_string_append_len(all, out, (gssize) body_finish(&body, out));
    if (length)
        *length = all->len;
    return g_string_free(g_steal_pointer(&all), FALSE);
}

static const size_t steps[] = { 1, 7, 4096 };

static void
test_lines(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(steps); k++) {
            g_autofree char *plain = convert(rows[i].in, strlen(rows[i].in), steps[k], false, NULL);
            g_autofree char *dots = convert(rows[i].in, strlen(rows[i].in), steps[k], true, NULL);
            g_test_message("row %zu, steps of %zu", i, steps[k]);
            g_assert_cmpstr(plain, ==, rows[i].plain);
            g_assert_cmpstr(dots, ==, rows[i].dots ? rows[i].dots : rows[i].plain);
        }
    }
}

static void
test_nul_passes(void)
{
    size_t n;
    g_autofree char *got = convert("a\0b\n\0", 5, 1, false, &n);

    g_assert_cmpmem(got, n, "a\0b\r\n\0\r\n", 8);
}

/* Whatever comes in, in whatever pieces: the same goes out, and it never holds the end of data. */
static void
test_pieces_and_end_of_data(void)
{
    static const char alphabet[] = ".\r\nF.r\n\ra";

    for (int round = 0; round < 3000; round++) {
        char in[40];
        size_t n = (size_t) g_test_rand_int_range(0, sizeof in), whole_n, piece_n;
        for (size_t i = 0; i < n; i++)
            in[i] = alphabet[g_test_rand_int_range(0, sizeof alphabet - 1)];
        bool dots = round % 2;
        g_autofree char *whole = convert(in, n, sizeof in, dots, &whole_n);
        g_autofree char *pieces = convert(in, n, 1, dots, &piece_n);
        g_autofree char *wire = g_strconcat("\r\n", whole, NULL);

        g_assert_cmpmem(whole, whole_n, pieces, piece_n);
        g_assert_null(strstr(wire, "\r\n.\r\n"));
        g_assert_true(whole_n == 0 || g_str_has_suffix(whole, "\r\n"));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sendmail/body/lines", test_lines);
    g_test_add_func("/sendmail/body/nul-passes", test_nul_passes);
    g_test_add_func("/sendmail/body/pieces-and-end-of-data", test_pieces_and_end_of_data);
    return g_test_run();
}
