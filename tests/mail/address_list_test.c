#include "mail/address_list.h"

#include <string.h>

static const struct {
    const char *raw, *want;
    guint bad;
} rows[] = {
    { " a@x", "<a@x>", 0 },
    { "root", "<root>", 0 },
    { "", "", 0 },
    { " \r\n ", "", 0 },
    { "A B <a@x>, b@x", "A B<a@x> <b@x>", 0 },
    { "\"Doe, J.\" <j@x>,\r\n\t\"K \\\"Q\\\"\" <k@x>", "Doe, J.<j@x> K \"Q\"<k@x>", 0 },
    { "a@x (Ann (the first)), (ignored) b@x", "Ann (the first)<a@x> ignored<b@x>", 0 },
    { "<a@x>,<b@x>;<c@x>", "<a@x> <b@x> <c@x>", 0 },
    { "<a@x> <b@x>", "<a@x> <b@x>", 0 },
    { "Team: a@x, \"B\" <b@x>;, c@x", "<a@x> B<b@x> <c@x>", 0 },
    { "undisclosed-recipients:;", "", 0 },
    { "Undisclosed-Recipients", "", 0 },
    { "g: h: i: a@x;", "<a@x>", 0 },
    { "<@r1,@r2:a@x>", "<a@x>", 0 },
    { "<mailto:a@x>, mailto:b@x", "<a@x> <b@x>", 0 },
    { "a @ x . y", "<a@x.y>", 0 },
    { "\"a b\"@x, \"q\\\"q\"@x", "<\"a b\"@x> <\"q\\\"q\"@x>", 0 },
    { "<>", "", 0 },
    { "Nobody <>", "", 0 },
    { "John Doe", "", 1 },
    { "=?utf-8?B?55Sw5Lit?=, a@x", "<a@x>", 1 },
    { "a@@x, b@x", "<b@x>", 1 },
    { "a@x b@x", "", 1 },
    { "Ann ann@x, \"Bob\" bob@x, =?utf-8?Q?Carl?= carl@x", "", 3 },
    { " a (x) @x . y , <b@\r\n x>", "x<a@x.y> <b@x>", 0 },
    { "\xe7\x94\xb0\xe4\xb8\xad, a@x", "<a@x>", 1 },
    { "<\xe7\x94\xb0@x>", "<\xe7\x94\xb0@x>", 0 },
    { "\"open <a@x>", "open<a@x>", 0 },
    { "a@x, (open, b@x", "<a@x> <b@x>", 1 },
    { "Ann (sales <a@x>, b@x (Bob)", "Ann sales<a@x>", 1 },
    { "a@x (((Ann)), b@x", "<b@x>", 1 },
    { "<a@x(>, b@x", "<b@x>", 1 },
    { "<a@x", "<a@x>", 0 },
    /* encoded words: as names, in quotes, in comments, with commas that should not be there */
    { "=?utf-8?B?55Sw5Lit?= <a@x>", "\xe7\x94\xb0\xe4\xb8\xad<a@x>", 0 },
    { "\"=?utf-8?B?55Sw5Lit?=\" <a@x>", "\xe7\x94\xb0\xe4\xb8\xad<a@x>", 0 },
    { "a@x (=?utf-8?B?55Sw5Lit?=)", "\xe7\x94\xb0\xe4\xb8\xad<a@x>", 0 },
    { "=?utf-8?Q?Doe,_J.:?= <a@x>", "Doe, J.:<a@x>", 0 },
    { "=?utf-8?Q?a=3Cevil=40y=3E,?= <a@x>", "a<evil@y>,<a@x>", 0 },
    { "=?utf-8?Q?a=0D=0ABcc:_b=40y?= <a@x>", "a Bcc: b@y<a@x>", 0 },
    /* GMime 3.2.13 loses the second word */
    { "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=\r\n =?ISO-2022-JP?B?GyRCOGwbKEI=?= <a@x>",
      "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e<a@x>", 0 },
    /* raw: the second byte of this Shift_JIS is a backslash; this ISO-2022-JP holds '<' and '"' */
    { "\x95\x5c\x8e\xa6 <a@x>", "\xe8\xa1\xa8\xe7\xa4\xba<a@x>", 0 },
    { "\x1b$B<\"<\"\x1b(B <a@x>", "\xe6\xbb\x8b\xe6\xbb\x8b<a@x>", 0 },
};

static char *
print(const GPtrArray *list)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < list->len; i++) {
        const Mailbox *mailbox = list->pdata[i];
        g_string_append_printf(out, "%s%s<%s>", i ? " " : "", mailbox->name, mailbox->address);
    }
    return g_string_free(out, FALSE);
}

static void
test_parse(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
        guint bad = address_list_parse(list, rows[i].raw, NULL, NULL);
        g_autofree char *got = print(list);

        g_assert_cmpstr(got, ==, rows[i].want);
        g_assert_cmpuint(bad, ==, rows[i].bad);
    }
}

/* What stops sendmail -t: somebody was meant. */
static void
test_first_bad(void)
{
    static const struct {
        const char *raw, *want;
    } attempts[] = {
        { "all our customers", NULL },
        { "\"all our customers\", a@x", NULL },
        { "\xe7\x94\xb0\xe4\xb8\xad", NULL },
        { "=?utf-8?B?55Sw5Lit?=", NULL },
        { "our customers, a@@x, b@@x", "a@@x" },
        { "a b@x", "a b@x" },
        { "Ann <a b@x@y>", "ab@x@y" },
        { "\xe7\x94\xb0\xef\xbc\xa0x", "\xe7\x94\xb0\xef\xbc\xa0x" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(attempts); i++) {
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
        g_autofree char *bad = NULL;

        address_list_parse(list, attempts[i].raw, NULL, &bad);
        g_assert_cmpstr(bad, ==, attempts[i].want);
    }
}

/* 41,500 groups overflow GMime's stack; the rest invites quadratic time. */
static void
test_monsters(void)
{
    static const char *const units[] = { "g:", "(", "\"\\", "<", "=?a?b?", "a@x,", "\\\"" };

    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autoptr(GString) raw = g_string_new(NULL);
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);

        for (guint n = 0; n < 41500; n++)
            g_string_append(raw, units[i]);
        address_list_parse(list, raw->str, NULL, NULL);
        g_assert_cmpuint(list->len, ==, i == 5 ? 41500 : 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/address-list/parse", test_parse);
    g_test_add_func("/address-list/monsters", test_monsters);
    g_test_add_func("/address-list/first-bad", test_first_bad);
    return g_test_run();
}
