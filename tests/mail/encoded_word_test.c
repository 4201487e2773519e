#include "mail/encoded_word.h"

#include <string.h>

static const struct {
    const char *raw, *hint, *want;
} rows[] = {
    { "plain", NULL, "plain" },
    { " folded\r\n text\r\n", NULL, "folded text" },
    { "=?UTF-8?B?5pel5pys?=", NULL, "日本" },
    { "=?utf-8?q?a_=E6=97=A5=5F?= b", NULL, "a 日_ b" },
    { "=?UTF-8*ja?B?5pel?=", NULL, "日" },
    /* GMime 3.2.13 loses what follows a padded word. */
    { "=?UTF-8?B?SGVsbG8=?= =?UTF-8?B?IHdvcmxk?=", NULL, "Hello world" },
    { "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=\r\n =?ISO-2022-JP?B?GyRCOGwkThsoQg==?=\r\n"
      " =?ISO-2022-JP?B?GyRCN29MPiRHJDkhIxsoQg==?=", NULL, "日本語の件名です。" },
    /* A character split over two words, in one encoding and in two. */
    { "=?utf-8?B?5pel5g==?= =?utf-8?B?nKw=?=", NULL, "日本" },
    { "=?utf-8?Q?=E6=97?=\n\t=?UTF-8?B?pQ==?=", NULL, "日" },
    { "=?shift_jis?B?k/qW?= =?Shift_JIS?B?ew==?=", NULL, "日本" },
    { "=?iso-2022-jp?B?GyRCRnw=?= =?utf-8?B?5pys?=", NULL, "日本" },
    { "a =?utf-8?q?b?= =?utf-8?q?c?= d", NULL, "a bc d" },
    { "=?utf-8?q?a?==?utf-8?q?b?=", NULL, "ab" },
    { "Re:=?utf-8?q?a?=b", NULL, "Re:ab" },
    /* Base64 as it comes. */
    { "=?utf-8?B?SGVs bG8?=", NULL, "Hello" },
    { "=?utf-8?B?SGVsbG8=IHdvcmxk?=", NULL, "Hello world" },
    { "=?utf-8?B?\?=x", NULL, "x" },
    { "=?utf-8?q?hello world?=", NULL, "hello world" },
    { "=?utf-8?q?50=?=", NULL, "50=" },
    /* No words at all. */
    { "=?utf-8?x?a?=", NULL, "=?utf-8?x?a?=" },
    { "=?utf-8?q?open", NULL, "=?utf-8?q?open" },
    { "=?=?=?", NULL, "=?=?=?" },
    { "1 =? 2", NULL, "1 =? 2" },
    /* Raw 8-bit, and raw ISO-2022-JP that holds "=?" inside. */
    { "日本", NULL, "日本" },
    { "\x93\xfa\x96\x7b\x8c\xea", NULL, "日本語" },
    { "\xc6\xfc\xcb\xdc\xb8\xec", NULL, "日本語" },
    { "\xb0\xa1", "euc-kr", "가" },
    { "\x1b$BF|K\\\x1b(B", NULL, "日本" },
    { "\x1b$B=?=?5!\x1b(B", NULL, "戎戎機" },
    /* Nothing decoded becomes another header line. */
    { "=?utf-8?q?hi=0D=0ABcc:_evil=40x?=", NULL, "hi Bcc: evil@x" },
    { "=?utf-8?q?a=00b=0Bc=7F?=", NULL, "ab c" },
    { "a\rb\nc", NULL, "a b c" },
    { "=?utf-8?q?a=E2=80=A8b?=", NULL, "a b" },
    { "=?no-such?q?=E6=97=A5?=", NULL, "日" },
    { "=?us-ascii?q?=1B$BF|=1B(B?=", NULL, "日" },
    { "", NULL, "" },
};

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = encoded_word_decode(rows[i].raw, rows[i].hint);
        if (strcmp(got, rows[i].want) != 0)
            g_error("row %u: \"%s\" gives \"%s\", want \"%s\"", i, rows[i].raw, got, rows[i].want);
    }
}

/* Beginnings without end: quadratic time would show. */
static void
test_linear(void)
{
    static const char *const bits[] = { "=?a?b?", "=?", "=?a?q?a?=", "=?a?q?a?= ", "=?a?b?=\r\n ", "\x1b$B" };

    for (guint i = 0; i < G_N_ELEMENTS(bits); i++) {
        g_autoptr(GString) raw = g_string_new(NULL);
        while (raw->len < 256 * 1024)
            g_string_append(raw, bits[i]);
        g_autofree char *got = encoded_word_decode(raw->str, NULL);
        g_assert_true(g_utf8_validate(got, -1, NULL));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/encoded-word/rows", test_rows);
    g_test_add_func("/encoded-word/linear", test_linear);
    return g_test_run();
}
