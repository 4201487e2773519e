#include "relay/lines.h"

#include <string.h>

enum { LIMIT = 998 };

/* unit n times, then rest. */
static char *
line_of(const char *unit, guint n, const char *rest)
{
    GString *out = g_string_new(NULL);

    while (n-- > 0)
        g_string_append(out, unit);
    g_string_append(out, rest);
    return g_string_free(out, FALSE);
}

/* Checks that got's lines are short and joins them again at each seam. Caller frees. */
static char *
joined(const char *got)
{
    g_auto(GStrv) parts = g_strsplit(got, "<!--\n-->", -1);
    g_autofree char *whole = g_strjoinv("", parts);
    g_auto(GStrv) pieces = g_strsplit(whole, "\n", -1);

    g_assert_true(g_utf8_validate(got, -1, NULL));
    g_assert_false(lines_are_long(got, LIMIT));
    return g_strjoinv("", pieces);
}

/* A line, and how many bytes of it come before the first break; 0: there is none. */
static const struct {
    const char *unit;
    guint n;
    const char *rest;
    gsize first;
} texts[] = {
    { "a", 997, "", 0 },         { "a", 998, "", 0 },         { "a", 999, "", 998 },
    { "a", 998, "\nb", 0 },      { "a", 996, " b", 0 },       { "a", 997, " b", 998 },
    { "a", 998, " b", 998 },     { "word ", 300, "", 995 },   { "ab  ", 300, "", 996 },
    { "é", 498, "a", 0 },        { "é", 499, "", 0 },         { "é", 499, "a", 998 },  { "é", 500, "", 998 },
    { "日", 332, "a", 0 },       { "日", 332, "aa", 0 },      { "日", 332, "aaa", 996 }, { "日", 333, "", 996 },
    { "日", 331, "ab日", 0 },    { "日", 332, "、", 993 },    { "日", 331, "「日", 993 },
    { "日", 331, "、日日", 996 }, { "日", 332, "ー", 993 },
    { "\xf0\x9f\x98\x80", 249, "aa", 0 },   { "\xf0\x9f\x98\x80", 250, "", 996 },
    { "a", 996, "e\xcc\x81", 996 },         /* e and its accent stay together */
    { "a", 990, "##name##", 0 },            { "a", 991, "##name##", 991 },
    { "a", 990, "##name##b", 998 },         { "a", 995, "####", 995 },
    { "a", 993, "###z###", 993 },           { "日", 331, "##注文##", 993 },
    { "a", 990, "## name##", 993 },         /* no marker */
    { "#", 5000, "", 998 },
};

static void
test_text(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *line = line_of(texts[i].unit, texts[i].n, texts[i].rest);
        g_autofree char *got = lines_wrap_text(line, LIMIT);
        gsize first = strcspn(got, "\n");

        if (texts[i].first == 0 || strchr(line, '\n')) {
            g_assert_cmpstr(got, ==, line);
            continue;
        }
        g_autofree char *back = joined(got);
        g_assert_cmpstr(back, ==, line);
        if (texts[i].unit[0] != '#')
            g_assert_cmpuint(first, ==, texts[i].first);
    }
}

static void
test_other_lines_stay(void)
{
    g_autofree char *line = line_of("word ", 400, "");
    g_autofree char *text = g_strdup_printf("one\n\n  two\n%s\nlast", line);
    g_autofree char *got = lines_wrap_text(text, LIMIT);

    g_assert_true(g_str_has_prefix(got, "one\n\n  two\nword "));
    g_assert_true(g_str_has_suffix(got, " \nlast"));
    g_assert_false(lines_are_long(got, LIMIT));
}

/* A line of HTML: head, unit n times, tail; and what must be there after it was broken. */
static const struct {
    const char *head, *unit;
    guint n;
    const char *tail, *want;
} pages[] = {
    { "", "<b>bold</b><i>slant</i>", 100, "", "\n>" },             /* no blank that shows */
    { "", "<td width=1 class=\"a b\">x</td>", 100, "", NULL },
    { "<p>", "word ", 400, "</p>", "word \nword" },
    { "<p>", "日本語", 400, "</p>", "<!--\n-->" },
    { "<p>", "日本&nbsp;", 400, "</p>", "<!--\n-->" },
    { "<p>", "##注文##", 400, "</p>", "##<!--\n-->##" },
    { "<pre>", "word ", 400, "</pre>", "<!--\n-->" },               /* line ends show there */
    { "<pre></pre>", "word ", 400, "", "word \nword" },
    { "<!-- ", "word ", 400, "-->", "word \nword" },
    { "<style>", "p.a{color:red}", 200, "</style>", NULL },
    { "<img src=\"data:image/png;base64,", "AAAA", 400, "\">", "A\nA" },
    { "", "<br/>", 400, "", "<!--\n-->" },
    { "", "a < b <3 ", 300, "", "\n" },
};

static void
test_html(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(pages); i++) {
        g_autofree char *middle = line_of(pages[i].unit, pages[i].n, pages[i].tail);
        g_autofree char *line = g_strconcat(pages[i].head, middle, NULL);
        g_autofree char *got = lines_wrap_html(line, LIMIT);
        g_autofree char *back = joined(got);

        g_assert_cmpstr(back, ==, line);
        g_assert_true(!pages[i].want || strstr(got, pages[i].want));
        for (const char *p = strstr(got, "&"); p; p = strstr(p + 1, "&"))
            g_assert_true(g_str_has_prefix(p, "&nbsp;"));
    }
}

/* A line end would change what is in there. */
static void
test_html_without_a_place(void)
{
    static const char *const heads[][2] = {
        { "<script>", "</script>" },    { "<textarea>", "</textarea>" }, { "<p title=\"", "\"" },
        { "<a href='https://a.test/", "'" }, { "<!DOCTYPE ", "" },       { "<SCRIPT\n>", "</SCRIPT" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(heads); i++) {
        g_autofree char *middle = line_of("if (a < b) ", 200, "");
        g_autofree char *line = g_strconcat(heads[i][0], middle, heads[i][1], NULL);
        g_autofree char *got = lines_wrap_html(line, LIMIT);
        g_assert_nonnull(strstr(got, middle));
    }
}

static void
test_html_at_the_limit(void)
{
    for (guint n = 985; n <= 1000; n++) {
        g_autofree char *line = line_of("a", n, "");
        g_autofree char *got = lines_wrap_html(line, LIMIT);
        g_autofree char *back = NULL;

        if (n <= LIMIT)
            g_assert_cmpstr(got, ==, line);
        back = joined(got);
        g_assert_cmpstr(back, ==, line);
    }
}

/* What was put in, and nothing else, can be taken out again. */
static void
assert_only_put_in(const char *got, const char *text, const char *comment)
{
    while (*got) {
        if (*got == *text && !(comment && g_str_has_prefix(got, comment) && !g_str_has_prefix(text, comment))) {
            got++;
            text++;
        } else if (comment && g_str_has_prefix(got, comment)) {
            got += strlen(comment);
        } else {
            g_assert_cmpint(*got++, ==, '\n');
        }
    }
    g_assert_cmpstr(text, ==, "");
}

static void
test_anything(void)
{
    static const char *const words[] = {
        "a", "日", "、", " ", "\n", "##", "#", "<b>", "</b>", "<pre>", "</pre>", "<script>", "</script>", "<!--", "-->",
        "&amp;", "&", "<", "</", ">", "\"", "'", "<a href=\"data:", "=", "e\xcc\x81", "\xe2\x80\x8d",
        "\xf0\x9f\x98\x80", "<style>", "}", "</style>", "<!", "<?", "/",
    };

    for (guint i = 0; i < 300; i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        const char *word = "a";
        gint32 run = g_test_rand_int_range(1, 300);

        for (gint32 n = g_test_rand_int_range(1, 3000); n > 0; n--) {
            if (g_test_rand_int_range(0, run) == 0)
                word = words[g_test_rand_int_range(0, G_N_ELEMENTS(words))];
            g_string_append(text, word);
        }
        g_autofree char *plain = lines_wrap_text(text->str, LIMIT);
        g_autofree char *html = lines_wrap_html(text->str, LIMIT);
        g_assert_false(lines_are_long(plain, LIMIT));
        g_assert_true(g_utf8_validate(plain, -1, NULL) && g_utf8_validate(html, -1, NULL));
        assert_only_put_in(plain, text->str, NULL);
        assert_only_put_in(html, text->str, "<!--\n-->");
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lines/text", test_text);
    g_test_add_func("/lines/others", test_other_lines_stay);
    g_test_add_func("/lines/html", test_html);
    g_test_add_func("/lines/html-without-a-place", test_html_without_a_place);
    g_test_add_func("/lines/html-at-the-limit", test_html_at_the_limit);
    g_test_add_func("/lines/anything", test_anything);
    return g_test_run();
}
