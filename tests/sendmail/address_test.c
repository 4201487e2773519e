#include "sendmail/address.h"

#include <glib.h>
#include <string.h>

/* want: the addresses found, separated by '|'; then '!' when the list ends with a bad one. */
static const struct { const char *list, *want; } rows[] = {
    { "a@b", "a@b" },
    { "root", "root" },
    { " a@b ", "a@b" },
    { "a@b,c@d", "a@b|c@d" },
    { "a@b, , c@d,", "a@b|c@d" },
    { "Name <a@b>", "a@b" },
    { "<a@b>", "a@b" },
    { "<>", "" },
    { "\"Doe, Jane\" <jane@x>, joe@x", "jane@x|joe@x" },
    { "a@b (Jane, (nested) \\) Doe)", "a@b" },
    { "(who) a@b", "a@b" },
    { "\"a b\"@x", "\"a b\"@x" },
    { "\"a>b,c\"@x", "\"a>b,c\"@x" },
    { "\"a\\\"b\"@x", "\"a\\\"b\"@x" },
    { "<\"a b\"@x>", "\"a b\"@x" },
    { "<@r,@s:a@b>", "@r,@s:a@b" },
    { "山田 <taro@例.jp>", "taro@例.jp" },
    { "ユーザ@x", "ユーザ@x" },
    { "", "" },
    { " , ", "" },
    { "a@b> SIZE=1", "!" },
    { "<a@b> SIZE=1", "!" },
    { "<a@b", "!" },
    { "<a<b@c>", "!" },
    { "a b@x", "!" },
    { "a@b c@d", "!" },
    { "a@b, -x@y", "a@b|!" },
    { "-oQ/tmp", "!" },
    { "Name <-x@y>", "!" },
    { "\"a@b", "!" },
    { "(a@b", "!" },
    { "(only)", "!" },
    { "a\\@b", "!" },
    { "a@b\r\nRCPT TO:<x@y>", "!" },
    { "a@b\n", "!" },
    { "\"a\nb\"@x", "!" },
    { "\"a\\\nb\"@x", "!" },
    { "a@b (x\ny)", "!" },
    { "a\t@b", "!" },
    { "a\x7f@b", "!" },
};

static void
test_lists(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) got = g_string_new(NULL);
        const char *rest = rows[i].list, *why = NULL;
        char path[ADDRESS_BYTES];
        AddressResult result;

        while ((result = address_next(&rest, path, &why)) == ADDRESS_FOUND)
            g_string_append_printf(got, "%s%s", got->len ? "|" : "", path);
        if (result == ADDRESS_BAD) {
            g_string_append(got, got->len ? "|!" : "!");
            g_assert_nonnull(why);
        }
        g_test_message("%s", rows[i].list);
        g_assert_cmpstr(got->str, ==, rows[i].want);
    }
}

static void
test_length(void)
{
    char path[ADDRESS_BYTES];
    const char *why;

    for (size_t n = ADDRESS_BYTES - 3; n < ADDRESS_BYTES + 3; n++) {
        g_autofree char *text = g_strnfill(n, 'a');
        const char *rest = text;
        AddressResult want = n < ADDRESS_BYTES ? ADDRESS_FOUND : ADDRESS_BAD;
        g_assert_cmpint(address_next(&rest, path, &why), ==, want);
        if (want == ADDRESS_FOUND)
            g_assert_cmpstr(path, ==, text);
    }

    g_autofree char *name = g_strnfill(10240, 'n');
    g_autofree char *named = g_strconcat(name, " <a@b>", NULL);
    const char *rest = named;
    g_assert_cmpint(address_next(&rest, path, &why), ==, ADDRESS_FOUND);
    g_assert_cmpstr(path, ==, "a@b");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sendmail/address/lists", test_lists);
    g_test_add_func("/sendmail/address/length", test_length);
    return g_test_run();
}
