#include "smtp/syntax.h"

static void
test_path(void)
{
    static const struct {
        const char *text, *path, *rest;
    } rows[] = {
        { "<a@b>", "a@b", "" },
        { "<a@b> SIZE=1", "a@b", "SIZE=1" },
        { "  <a@b>  X", "a@b", " X" },
        { "a@b", "a@b", "" },
        { " a@b X Y", "a@b", "X Y" },
        { "<>", "", "" },
        { "<> X", "", "X" },
        { "<\"a>b\"@c>", "\"a>b\"@c", "" },
        { "<\"a\\\">b\"@c> X", "\"a\\\">b\"@c", "X" },
        { "\"a b\"@c X", "\"a b\"@c", "X" },
        { "<@r:a@b>", "a@b", "" },
        { "<@r1,@r-2.x:a@b>", "a@b", "" },
        { "<@r \":a@b>", NULL, NULL },
        { "<@r<:a@b>", "@r<:a@b", "" },
        { "<@b>", "@b", "" },
        { "", NULL, NULL },
        { "   ", NULL, NULL },
        { "<", NULL, NULL },
        { "<a@b", NULL, NULL },
        { "<\"a@b>", NULL, NULL },
        { "<a@b>X", NULL, NULL },
        { "<a@b>,<c@d>", NULL, NULL },
        { "<a@b>\\", NULL, NULL },
        { "<\"\\", NULL, NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = g_strdup(rows[i].text);
        char *rest = line;
        const char *path = syntax_path(&rest);

        g_assert_cmpstr(path, ==, rows[i].path);
        if (path)
            g_assert_cmpstr(rest, ==, rows[i].rest);
    }
}

static void
test_param(void)
{
    static const struct {
        const char *text;
        SyntaxNext next;
        const char *key, *value, *rest;
    } rows[] = {
        { "", SYNTAX_PARAM_END, NULL, NULL, NULL },
        { "  ", SYNTAX_PARAM_END, NULL, NULL, NULL },
        { "A", SYNTAX_PARAM, "A", NULL, "" },
        { "A=b=c D", SYNTAX_PARAM, "A", "b=c", "D" },
        { " X-1=\"<;", SYNTAX_PARAM, "X-1", "\"<;", "" },
        { "A=", SYNTAX_PARAM_BAD, NULL, NULL, NULL },
        { "=b", SYNTAX_PARAM_BAD, NULL, NULL, NULL },
        { "-a", SYNTAX_PARAM_BAD, NULL, NULL, NULL },
        { "a.b", SYNTAX_PARAM_BAD, NULL, NULL, NULL },
        { "a\tb", SYNTAX_PARAM_BAD, NULL, NULL, NULL },
        { "a=b\tc", SYNTAX_PARAM_BAD, NULL, NULL, NULL },
        { "a=\xE3\x81\x82", SYNTAX_PARAM_BAD, NULL, NULL, NULL },
        { "a=\x7F", SYNTAX_PARAM_BAD, NULL, NULL, NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = g_strdup(rows[i].text);
        char *rest = line;
        SyntaxParam param = { 0 };

        g_assert_cmpint(syntax_param(&rest, &param), ==, rows[i].next);
        g_assert_cmpstr(param.key, ==, rows[i].key);
        g_assert_cmpstr(param.value, ==, rows[i].value);
        if (rows[i].rest)
            g_assert_cmpstr(rest, ==, rows[i].rest);
    }
}

/* NULL stands for a refusal. */
typedef struct {
    const char *text, *want;
} Row;

static void
check_rows(const Row *rows, guint n, bool (*function)(char *))
{
    for (guint i = 0; i < n; i++) {
        g_autofree char *text = g_strdup(rows[i].text);

        g_assert_cmpstr(function(text) ? text : NULL, ==, rows[i].want);
    }
}

static void
test_xtext(void)
{
    static const Row rows[] = {
        { "", "" },
        { "abc", "abc" },
        { "a+20b", "a b" },
        { "+2B+3D", "+=" },
        { "+E5+B1+B1", "\xE5\xB1\xB1" },
        { "+E5+B1", NULL },
        { "+FF", NULL },
        { "+ED+A0+80", NULL },
        { "a=b", NULL },
        { "a b", NULL },
        { "+", NULL },
        { "+4", NULL },
        { "+4g", NULL },
        { "+e5", NULL },
        { "+00", NULL },
        { "+0D+0A", NULL },
        { "+1B", NULL },
        { "+7F", NULL },
        { "\xE5\xB1\xB1", NULL },
    };

    check_rows(rows, G_N_ELEMENTS(rows), syntax_xtext);
}

static void
test_notify(void)
{
    static const Row rows[] = {
        { "NEVER", "NEVER" },
        { "never", "NEVER" },
        { "success", "SUCCESS" },
        { "Delay,FAILURE,success", "DELAY,FAILURE,SUCCESS" },
        { "NEVER,FAILURE", NULL },
        { "FAILURE,NEVER", NULL },
        { "FAILURE,", NULL },
        { ",FAILURE", NULL },
        { "", NULL },
        { "SUCCESS,SUCCESS", NULL },
        { "SUCCES", NULL },
        { "SUCCESSS", NULL },
    };

    check_rows(rows, G_N_ELEMENTS(rows), syntax_notify);
}

static void
test_orcpt_and_envid(void)
{
    static const Row orcpts[] = {
        { "rfc822;a@b", "rfc822;a@b" },
        { "rfc822;a+2Bb@c", "rfc822;a+b@c" },
        { "utf-8;+E5+B1+B1@c", "utf-8;\xE5\xB1\xB1@c" },
        { "rfc822", NULL },
        { "rfc822;", NULL },
        { ";a@b", NULL },
        { "rfc 822;a@b", NULL },
        { "rfc822;a=b", NULL },
    };
    static const Row envids[] = { { "", "" }, { "QQ314+20", "QQ314 " }, { "a+ZZ", NULL } };
    g_autofree char *longest = g_strnfill(100, 'e');
    g_autofree char *too_long = g_strnfill(101, 'e');
    g_autofree char *filler = g_strnfill(500 - 7, 'o');
    g_autofree char *longest_orcpt = g_strconcat("rfc822;", filler, NULL);
    g_autofree char *too_long_orcpt = g_strconcat("rfc822;o", filler, NULL);

    check_rows(orcpts, G_N_ELEMENTS(orcpts), syntax_orcpt);
    check_rows(envids, G_N_ELEMENTS(envids), syntax_envid);
    g_assert_true(syntax_envid(longest));
    g_assert_false(syntax_envid(too_long));
    g_assert_true(syntax_orcpt(longest_orcpt));
    g_assert_false(syntax_orcpt(too_long_orcpt));
}

static void
test_size(void)
{
    static const struct {
        const char *text;
        gint64 want; /* -1: refused */
    } rows[] = {
        { "0", 0 },
        { "00000000000000000001", 1 },
        { "9223372036854775807", G_MAXINT64 },
        { "9223372036854775808", G_MAXINT64 },
        { "99999999999999999999", G_MAXINT64 },
        { "100000000000000000000", -1 },
        { "", -1 },
        { "-1", -1 },
        { "+1", -1 },
        { " 1", -1 },
        { "1 ", -1 },
        { "0x1", -1 },
        { "1k", -1 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        gint64 size = -1;

        g_assert_cmpint(syntax_size(rows[i].text, &size), ==, rows[i].want >= 0);
        g_assert_cmpint(size, ==, rows[i].want);
    }
}

static void
test_name(void)
{
    static const char *const good[] = {
        "a", "host.example", "my_pc", "[127.0.0.1]", "[IPv6:2001:db8::1]", "a.",
    };
    static const char *const bad[] = {
        "", "a b", "<a>", "a\tb", "a\x1B", "a\xE5\xB1\xB1", "a\"", "a\x7F", "a/b",
    };
    g_autofree char *longest = g_strnfill(255, 'a');
    g_autofree char *too_long = g_strnfill(256, 'a');

    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(syntax_name(good[i]));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(syntax_name(bad[i]));
    g_assert_true(syntax_name(longest));
    g_assert_false(syntax_name(too_long));
    for (guint i = 1; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strdup(bad[i]);
        g_assert_true(syntax_name(syntax_clean_name(text)));
    }
    g_assert_true(syntax_name(syntax_clean_name(too_long)));
}

static void
test_colon(void)
{
    static const char *const rows[][2] = {
        { "FROM:<a>", "FROM:<a>" },     { "from  :<a>", "from:<a>" }, { "FROM : <a> SIZE=1", "FROM: <a> SIZE=1" },
        { "FROM", "FROM" },             { "FROM <a>", "FROM <a>" },   { "FROMAGE :<a>", "FROMAGE :<a>" },
        { "FROM x :<a>", "FROM x :<a>" }, { "", "" },                 { "TO :<a>", "TO :<a>" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup(rows[i][0]);
        g_assert_cmpstr(syntax_join_colon(text, "FROM"), ==, rows[i][1]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/syntax/path", test_path);
    g_test_add_func("/syntax/param", test_param);
    g_test_add_func("/syntax/xtext", test_xtext);
    g_test_add_func("/syntax/notify", test_notify);
    g_test_add_func("/syntax/orcpt-envid", test_orcpt_and_envid);
    g_test_add_func("/syntax/size", test_size);
    g_test_add_func("/syntax/name", test_name);
    g_test_add_func("/syntax/colon", test_colon);
    return g_test_run();
}
