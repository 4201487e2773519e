#include "mail/html_text.h"

#include <string.h>

static const struct {
    const char *html, *want;
} rows[] = {
    { "", "" },
    { "plain", "plain" },
    { "<p>one<p>two</p>three", "one\n\ntwo\n\nthree" },
    { "<div>a</div><div>b</div>", "a\nb" },
    { "a<br>b<br/><br />c", "a\nb\n\nc" },
    { "  a \n\t b  ", "a b" },
    { "<b>a</b> <i>b</i>", "a b" },
    { "<html><head><title>t</title><style>p{}</style></head><body>x</body></html>", "x" },
    { "a<script>if (a < b) x('</p>')</script>b<style>c</style>", "ab" },
    { "a<!-- <p>no -->b<!DOCTYPE x>c<?php d ?>e<!-->f", "abcef" },
    { "<!--[if mso]>no<![endif]--><![if !mso]>yes<![endif]>", "yes" },
    { "<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "- a\n- b\n  - c\n- d\n\ne" },
    { "x<ol><li>a</li><li><p>b</p></li></ol>", "x\n\n1. a\n2. b" },
    { "<ol><li>a<br>b</ol>", "1. a\n  b" },
    { "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a  b\n1  2" },
    { "<table>\n<tr>\n<td>\n1\n</td>\n<td>\n2\n</td>\n</tr>\n</table>", "1  2" },
    { "<table><tr><td><table><tr><td>in</td></tr></table></td><td>out</td></tr></table>", "in\nout" },
    { "<h1>t</h1>x<hr>y", "t\n\nx\n----------------------------------------\ny" },
    { "<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d", "> a\n> b\n\n> > c\n\nd" },
    { "<pre>  a\n    b\n\nc</pre>d", "  a\n    b\n\nc\n\nd" },
    { "<img alt=\"logo &amp; co\" src=x> <img src=y>z", "logo & co z" },
    /* Links. */
    { "<a href=\"https://a.jp/?x=1&amp;y=2\">see</a>!", "see <https://a.jp/?x=1&y=2>!" },
    { "<a href='https://a.jp/'>https://a.jp</a> <a href=mailto:a@b>a@b</a>", "https://a.jp a@b" },
    { "<a href=\"#top\">up</a> <a href=\"javascript:x()\">js</a> <a name=x>n</a>", "up js n" },
    { "<a href=\"http://a\"><img></a>", "<http://a>" },
    { "<a href=\"http://a\">one<a href=\"http://b\">two", "one <http://a>two <http://b>" },
    { "<a title=\"a > b\" href=\"http://a\">x</a>", "x <http://a>" },
    /* References. */
    { "&lt;p&gt; &amp;&nbsp;&copy; &#65;&#x42; &#128;&#150; &#0;&#xd800;", "<p> & © AB €– \xef\xbf\xbd\xef\xbf\xbd" },
    { "&euro;&hearts;&unknown; &amp &ltx R&D a&b;", "€♥&unknown; & &ltx R&D a&b;" },
    { "a&shy;b\xe2\x80\x8b" "c", "abc" },
    { "a&nbsp;&nbsp;&nbsp;b", "a   b" },
    /* Japanese lines are joined without blanks, others with. */
    { "<p>日本語の\r\n  文章です。</p>", "日本語の文章です。" },
    { "日本語 の<br>a\nb 日\nb", "日本語 の\na b 日 b" },
    { "한국어\n문장", "한국어 문장" },
    /* Not shown, not told. */
    { "<div style=\"display: none\">pre<div>x</div>view</div>text", "text" },
    { "<span style='DISPLAY:NONE'>never closed", "never closed" },
    /* Broken. */
    { "a < b > c <", "a < b > c <" },
    { "a <b", "a <b" },
    { "<p", "<p" },
    { "<a href=\"http://x>text", "text <http://x>" },
    { "</p></ul></blockquote></pre>x", "x" },
    { "<p>a</p>\n\n\n<p></p><br><br><br><br><br>b", "a\n\n\nb" },
};

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = html_text(rows[i].html, 4096);
        if (strcmp(got, rows[i].want) != 0)
            g_error("row %u: %s\ngot:\n%s\nwant:\n%s", i, rows[i].html, got, rows[i].want);
    }
}

static void
test_bounds(void)
{
    g_autofree char *ascii = html_text("0123456789", 4);
    g_autofree char *wide = html_text("日本語", 4);
    g_autofree char *none = html_text("x", 0);
    g_assert_cmpstr(ascii, ==, "0123");
    g_assert_cmpstr(wide, ==, "日");
    g_assert_cmpstr(none, ==, "");
}

/* Megabytes of each: depth, attributes, end tags, what never ends. Minutes if anything is quadratic, a
 * crash if anything recurses. */
static void
test_bombs(void)
{
    static const char *const bits[] = {
        "<div>", "<blockquote>", "<ul><li>", "</b>", "<a href='", "<p x", "<", "<!--", "<script>", "&", "&#", "&shy;",
        "<a href=\"http://x\">", "<div style=\"display:none\">", "<pre>\n", "<td>", "<br>", " ", "<ol><li>x", "\"='",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bits); i++) {
        g_autoptr(GString) html = g_string_new(i % 2 ? "<p " : "x");
        while (html->len < 1024 * 1024)
            g_string_append(html, bits[i]);
        g_autofree char *got = html_text(html->str, 512 * 1024);
        g_assert_cmpuint(strlen(got), <=, 512 * 1024);
        g_assert_true(g_utf8_validate(got, -1, NULL));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/html-text/rows", test_rows);
    g_test_add_func("/html-text/bounds", test_bounds);
    g_test_add_func("/html-text/bombs", test_bombs);
    return g_test_run();
}
