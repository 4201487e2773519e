#include "mail/body.h"

#include <string.h>

static const struct {
    const char *in, *plain, *delsp;
} flows[] = {
    { "a\n b\n  c\n", "a\nb\n c\n", "a\nb\n c\n" },
    { "one \ntwo\nthree\n", "one \ntwo\nthree\n", "onetwo\nthree\n" },
    { "one \n\ntwo", "one \n\ntwo", "one\ntwo" },
    { "-- \nAlice \nBob\n", "-- \nAlice \nBob\n", "-- \nAliceBob\n" },
    { "> quoted \n> more\n", "> quoted \n> more\n", "> quoted \n> more\n" },
    { "text \n> quoted\n", "text \n> quoted\n", "text \n> quoted\n" },
    { "end ", "end ", "end " },
    { "", "", "" },
    { " ", "", "" },
};

static void
test_unflow(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(flows); i++) {
        g_autofree char *plain = g_strdup(flows[i].in);
        g_autofree char *delsp = g_strdup(flows[i].in);

        body_unflow(plain, false);
        body_unflow(delsp, true);
        g_assert_cmpstr(plain, ==, flows[i].plain);
        g_assert_cmpstr(delsp, ==, flows[i].delsp);
    }
}

static void
test_lines(void)
{
    char text[] = "a\r\nb\rc\n\r\r\nd\r";

    body_unify_lines(text);
    g_assert_cmpstr(text, ==, "a\nb\nc\n\n\nd\n");
}

static void
test_cut(void)
{
    char text[] = "a\xe3\x81\x82" "b";

    g_assert_cmpint(body_cut(text, 0), ==, 3);
    g_assert_cmpint(body_cut(text, 3), ==, 3);
    g_assert_cmpint(body_cut(text, 2), ==, 2);
    g_assert_cmpstr(text, ==, "a\xe3\x81\x82");
}

/* Pieces "text|html", either may be missing. */
static const struct {
    const char *pieces[4];
    const char *text, *html;
    bool made;
} joins[] = {
    { { NULL }, "", NULL, false },
    { { "a\n|" }, "a\n", NULL, false },
    { { "a|", "b\n|" }, "a\nb\n", NULL, false },
    { { "a\n|<p>A</p>" }, "a\n", "<p>A</p>", false },
    { { "|<p>A</p>" }, "A", "<p>A</p>", true },
    { { " \n|<p>A</p>" }, "A", "<p>A</p>", true },
    { { "a\n|<html><BODY x=1><p>A</p></Body></html>", "f<&>\n|" }, "a\nf<&>\n",
      "<html><BODY x=1><p>A</p><div style=\"white-space: pre-wrap\">f&lt;&amp;&gt;\n</div>\n</Body></html>",
      false },
    { { "i|", "|<html><body x=1>A</body></html>" }, "i\nA",
      "<html><body x=1><div style=\"white-space: pre-wrap\">i</div>\nA</body></html>", true },
    { { "i|", "a|<p>A</p>", "f|" }, "i\na\nf",
      "<div style=\"white-space: pre-wrap\">i</div>\n<p>A</p><div style=\"white-space: pre-wrap\">f</div>\n",
      false },
    { { "a|<p>A</p>", "\n|" }, "a\n\n", "<p>A</p>", false },
};

static void
test_join(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(joins); i++) {
        g_autoptr(GPtrArray) pieces = g_ptr_array_new_with_free_func((GDestroyNotify)body_piece_free);

        for (guint j = 0; joins[i].pieces[j]; j++) {
            const char *bar = strchr(joins[i].pieces[j], '|');
            char *text = g_strndup(joins[i].pieces[j], (gsize)(bar - joins[i].pieces[j]));
            if (!*text)
                g_clear_pointer(&text, g_free);
            g_ptr_array_add(pieces, body_piece_new(text, bar[1] ? g_strdup(bar + 1) : NULL));
        }
        bool made;
        g_autofree char *text = body_join_text(pieces, 1000, &made);
        g_autofree char *html = body_join_html(pieces);
        g_assert_cmpstr(text, ==, joins[i].text);
        g_assert_cmpstr(html, ==, joins[i].html);
        g_assert_cmpint(made, ==, joins[i].made);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/body/unflow", test_unflow);
    g_test_add_func("/body/lines", test_lines);
    g_test_add_func("/body/cut", test_cut);
    g_test_add_func("/body/join", test_join);
    return g_test_run();
}
