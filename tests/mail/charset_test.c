#include "mail/charset.h"

#include "mail/charset_cp932.h"
#include "mail/charset_iconv.h"

#include <string.h>

static const struct {
    const char *label, *hint, *bytes, *want;
    bool guessed;
} rows[] = {
    /* Labels at their word. */
    { "utf-8", NULL, "日本語", "日本語", false },
    { "Shift_JIS", NULL, "\x87\x40\x87\x8a\xed\x40\xfa\x40\xb1\x5c", "①㈱纊ⅰｱ\\", false },
    { "x-sjis", NULL, "\x81\x60\x81\x7c\x95\x5c", "～－表", false },
    { "ISO-2022-JP", NULL, "a\x1b$B$\"\x1b(Bb", "aあb", false },
    { "iso-2022-jp", NULL, "\x1b$B-!-jy#\x1b(B", "①㈱鍈", false },
    { "iso-2022-jp", NULL, "\x1b(I126\x1b(B", "ｱｲｶ", false },
    { "iso-2022-jp", NULL, "\x0e\x31\x32\x0f" "x", "ｱｲx", false },
    { "iso-2022-jp", NULL, "\x1b(J\\~\x1b(B", "\\~", false },
    { "iso-2022-jp", NULL, "\x1b$@0!", "亜", false },
    { "iso-2022-jp-1", NULL, "\x1b$(D0!\x1b(B", "丂", false },
    { "iso-2022-jp-1", NULL, "\x1b$(D0!!!0!\x1b(B", "丂\xef\xbf\xbd" "丂", false },
    { "iso-2022-jp-2", NULL, "\x1b$A0!\x1b$(C0!\x1b(B", "啊가", false },
    { "iso-2022-jp", NULL, "\x1b$B!A!]\x1b(B", "～－", false },
    { "euc-jp", NULL, "\xa1\xc1\xa1\xdd\xad\xa1\x8e\xb1\x8f\xb0\xa1", "～－①ｱ丂", false },
    { "eucJP-ms", NULL, "\xc6\xfc\xcb\xdc", "日本", false },
    { "gb2312", NULL, "\x84\x31\xa4\x37\xd6\xd0", "\xef\xbf\xbd" "中", false },
    { "GBK", NULL, "\xd6\xd0\xe9\x46", "中镕", false },
    { "ks_c_5601-1987", NULL, "\x8c\x63", "똠", false },
    { "big5", NULL, "\xa4\xa4", "中", false },
    { "koi8-r", NULL, "\xf0\xd2", "Пр", false },
    { "windows-1251", NULL, "\xcf\xf0", "Пр", false },
    { "UTF-7", NULL, "+ZeVnLIqe-", "日本語", false },
    { "unicode-1-1-utf-7", NULL, "a+-b", "a+b", false },
    { "\"utf-8\"", NULL, "\xef\xbb\xbfx", "x", false },
    /* What can't be decoded. */
    { "utf-8", NULL, "a\x82\xa0z", "a\xef\xbf\xbd\xef\xbf\xbdz", false },
    { "utf-8", NULL, "\xe3\x81", "\xef\xbf\xbd", false },
    { "utf-8", NULL, "\xed\xa0\x80!", "\xef\xbf\xbd!", false },
    { "cp932", NULL, "\x82", "\xef\xbf\xbd", false },
    { "cp932", NULL, "\x82\xa0\xff\x82\xa2", "あ\xef\xbf\xbdい", false },
    { "cp932", NULL, "\xf0\x40", "\xee\x80\x80", false }, /* a gaiji: private use */
    { "iso-2022-jp", NULL, "\x1b$B$\"$", "あ\xef\xbf\xbd", false },
    { "iso-2022-jp", NULL, "\x1b$B$\"\nabc", "あ\nabc", false },
    { "iso-2022-jp", NULL, "\x1b[0m", "\xef\xbf\xbd[0m", false },
    { "utf-7", NULL, "+////x", NULL, false },
    /* Labels that mean more than they say. */
    { "us-ascii", NULL, "plain", "plain", false },
    { "us-ascii", NULL, "日本", "日本", true },
    { "iso-8859-1", NULL, "caf\xe9 \x93x\x94", "café “x”", false },
    { "iso-8859-1", NULL, "\xe6\x97\xa5", "日", true },
    { "us-ascii", NULL, "\x1b$B$\"\x1b(B", "あ", true },
    { "utf-8", NULL, "\x1b$B$\"\x1b(B", "あ", true },
    { "iso-2022-jp", NULL, "\x93\xfa\x96\x7b", "日本", true },
    /* No label, or none that is known. */
    { NULL, NULL, "plain", "plain", false },
    { NULL, NULL, "日本", "日本", true },
    { NULL, NULL, "\x1b$BF|\x1b(B", "日", true },
    { NULL, NULL, "\x93\xfa\x96\x7b\x8c\xea", "日本語", true },
    { NULL, NULL, "\xc6\xfc\xcb\xdc\xb8\xec", "日本語", true },
    { NULL, NULL, "\xa4\xb3\xa4\xf3\xa4\xcb\xa4\xc1\xa4\xcf", "こんにちは", true },
    { NULL, NULL, "\xb1\xb2\xb3", "ｱｲｳ", true },
    { NULL, NULL, "\xb6\xcc\xde\xbc\xb7\xb6\xde\xb2\xbc\xac", "ｶﾌﾞｼｷｶﾞｲｼｬ", true },
    { NULL, NULL, "\xcc\xd8\xba\xd0 \xd4\xcf\xc0\xde \xcc\xdf\xd8", "ﾌﾘｺﾐ ﾔﾏﾀﾞ ﾌﾟﾘ", true },
    { NULL, NULL, "\xc5\xcf\xca\xd5\xcd\xcd \xb8\xe6\xc3\xed\xca\xb8", "渡辺様 御注文", true }, /* EUC-JP */
    { NULL, NULL, "\xb8\xe6\xc3\xed\xca\xb8\xa4\xce\x8e\xb1\x8e\xb2", "御注文のｱｲ", true },
    { NULL, "euc-kr", "\xb0\xa1\xb3\xaa", "가나", true },
    { NULL, "utf-8", "\x93\xfa\x96\x7b", "日本", true },
    { NULL, "shift_jis", "\x93\xfa\x96", "日\xef\xbf\xbd", true },
    { NULL, NULL, "na\xefve \xfc\xff", NULL, true },
    { "x-user-defined", NULL, "\x93\xfa", "日", true },
    { "no-such-charset", NULL, "日本", "日本", true },
    { "UTF-8//TRANSLIT", NULL, "a", "a", false },
};

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        bool guessed;
        g_autofree char *got = charset_to_utf8(rows[i].bytes, strlen(rows[i].bytes), rows[i].label, rows[i].hint,
                                               &guessed);
        g_assert_true(g_utf8_validate(got, -1, NULL));
        if (rows[i].want && (g_strcmp0(got, rows[i].want) != 0 || guessed != rows[i].guessed))
            g_error("row %u (%s): got \"%s\" (%d), want \"%s\"", i, rows[i].label, got, guessed, rows[i].want);
    }
}

static void
expect(const char *bytes, gsize n, const char *label, const char *want)
{
    g_autofree char *got = charset_to_utf8(bytes, n, label, NULL, NULL);
    g_assert_cmpstr(got, ==, want);
}

#define EXPECT(bytes, label, want) expect(bytes, sizeof(bytes) - 1, label, want)

static void
test_wide(void)
{
    EXPECT("\xfe\xff\x65\xe5\0a", "utf-16", "日a");
    EXPECT("\xff\xfe\xe5\x65" "a\0", "utf-16", "日a");
    EXPECT("a\0b\0", "utf-16", "ab");
    EXPECT("\0a\0b", "utf-16", "ab");
    EXPECT("\0a\xd8\0\0b", "utf-16be", "a\xef\xbf\xbd" "b");
    EXPECT("\0\0\x65\xe5", "utf-32", "日");
    EXPECT("a", "utf-16le", "\xef\xbf\xbd");
}

static void
test_nul(void)
{
    EXPECT("a\0b\0", "utf-8", "ab");
    EXPECT("a\0b\0", NULL, "ab");
    EXPECT("\x93\xfa\0\x96\x7b", "shift_jis", "日本");
    EXPECT("\x93\xfa\0\x96\x7b", NULL, "日本");
    g_autofree char *got = charset_valid_utf8("a\0\xff" "b", 4);
    g_assert_cmpstr(got, ==, "a\xef\xbf\xbd" "b");
}

static void
test_all_bytes(void)
{
    static const char *const labels[] = { NULL, "utf-8", "cp932", "euc-jp", "iso-2022-jp", "gb18030", "big5",
                                          "cp949", "utf-7", "utf-16", "utf-32", "koi8-r", "iso-2022-kr" };
    char bytes[256 * 256 * 2];

    for (guint i = 0; i < sizeof bytes; i += 2) {
        bytes[i] = (char) (i >> 9);
        bytes[i + 1] = (char) (i >> 1);
    }
    for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
        g_autofree char *got = charset_to_utf8(bytes, sizeof bytes, labels[i], NULL, NULL);
        g_assert_true(g_utf8_validate(got, -1, NULL));
        g_assert_cmpuint(strlen(got), >, 256);
    }
}

/* The table says what iconv says, whatever the bytes. */
static void
test_cp932_table(void)
{
    GRand *random = g_rand_new_with_seed(932);

    for (guint round = 0; round < 2000; round++) {
        char bytes[40];
        gsize n = (gsize)g_rand_int_range(random, 0, sizeof bytes);
        g_autoptr(GString) got = g_string_new(NULL);
        g_autoptr(GString) want = g_string_new(NULL);

        for (gsize i = 0; i < n; i++)
            bytes[i] = (char)g_rand_int_range(random, round % 2 ? 0x80 : 1, 256);
        guint bad = cp932_append(got, bytes, n);
        g_assert_cmpuint(bad, ==, iconv_append(want, "CP932", bytes, n, 1));
        g_assert_cmpstr(got->str, ==, want->str);
    }
    g_rand_free(random);
}

static void
test_standard(void)
{
    static const char *const in[] = { "A", "~", "\\", "\n", "あ", "ア", "漢", "※", "―", "￥", "＼", "Ω", "─", "熙" };
    static const char *const out[] = { "é", "①", "㈱", "髙", "ｱ", "～", "〜", "－", "−", "∥", "‖", "￠", "¢", "—", "¥",
                                       "纊", "😀", "\xee\x80\x80", "한" };

    for (guint i = 0; i < G_N_ELEMENTS(in); i++)
        g_assert_true(cp932_is_standard(g_utf8_get_char(in[i])));
    for (guint i = 0; i < G_N_ELEMENTS(out); i++)
        g_assert_false(cp932_is_standard(g_utf8_get_char(out[i])));
}

/* The shift state of one text must not leak into the next. */
static void
test_state(void)
{
    EXPECT("\x1b$)C\x0e\x30\x21", "iso-2022-kr", "가");
    EXPECT("0!", "iso-2022-kr", "0!");
    EXPECT("+ZeV", "utf-7", "日");
    EXPECT("ZeV", "utf-7", "ZeV");
}

/* Linear time: this takes minutes if anything is quadratic. */
static void
test_large(void)
{
    gsize n = 5 * 1024 * 1024;
    g_autofree char *bad = g_malloc(n);
    memset(bad, 0xff, n);
    for (guint i = 0; i < 4; i++) {
        static const char *const labels[] = { "utf-8", "cp932", "iso-2022-jp", NULL };
        g_autofree char *got = charset_to_utf8(bad, n, labels[i], NULL, NULL);
        g_assert_cmpuint(strlen(got), >=, n);
    }
    for (gsize i = 0; i < n; i += 3)
        memcpy(bad + i, "\x1b$B", MIN(3, n - i));
    g_autofree char *got = charset_to_utf8(bad, n, NULL, NULL, NULL);
    g_assert_true(g_utf8_validate(got, -1, NULL));
}

static void
test_resolve(void)
{
    g_assert_cmpstr(charset_resolve("Windows-31J"), ==, "CP932");
    g_assert_cmpstr(charset_resolve("csISO2022JP"), ==, "ISO-2022-JP");
    g_assert_cmpstr(charset_resolve("cp51932"), ==, "EUC-JP");
    g_assert_cmpstr(charset_resolve("latin1"), ==, "CP1252");
    g_assert_null(charset_resolve("EBCDIC-US"));
    g_assert_null(charset_resolve(""));
    g_assert_null(charset_resolve(NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/charset/rows", test_rows);
    g_test_add_func("/charset/wide", test_wide);
    g_test_add_func("/charset/nul", test_nul);
    g_test_add_func("/charset/all-bytes", test_all_bytes);
    g_test_add_func("/charset/cp932-table", test_cp932_table);
    g_test_add_func("/charset/standard", test_standard);
    g_test_add_func("/charset/state", test_state);
    g_test_add_func("/charset/large", test_large);
    g_test_add_func("/charset/resolve", test_resolve);
    return g_test_run();
}
