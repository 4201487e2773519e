#include "mail/address.h"

#include <string.h>

/* A01 … are rows of the project's list of attacks. */
static const struct {
    const char *address;
    AddressCheck want;
} rows[] = {
    { "a@x", ADDRESS_OK },
    { "root", ADDRESS_OK },
    { "postmaster", ADDRESS_OK },
    { "user+tag@sub.example.co.jp", ADDRESS_OK },
    { "o'brien@example.org", ADDRESS_OK },
    { "a_b=c@my_host.example", ADDRESS_OK },
    { "", ADDRESS_BAD },
    /* A09-A12: commands, lists, halves, control characters */
    { ";for i in 0 1;do read r;done;sh;exit 0;", ADDRESS_BAD },
    { "\"|/bin/sh -c id\"@x", ADDRESS_OK },
    { "${run{/bin/id}}@x", ADDRESS_OK },
    { "-oQ/tmp@x", ADDRESS_BAD },
    { "-froot", ADDRESS_BAD },
    { "../../etc/passwd@x", ADDRESS_BAD },
    { "a@x>,<b@x", ADDRESS_BAD },
    { "a@x,b@x", ADDRESS_BAD },
    { "a@b@c", ADDRESS_BAD },
    { "a@", ADDRESS_BAD },
    { "@x", ADDRESS_BAD },
    { "@", ADDRESS_BAD },
    { "a b@x", ADDRESS_BAD },
    { "a\r@x", ADDRESS_BAD },
    { "a\x1b@x", ADDRESS_BAD },
    { "a@x\n", ADDRESS_BAD },
    { "a@x y", ADDRESS_BAD },
    { "\"a\rb\"@x", ADDRESS_BAD },
    { "\"a\\\rb\"@x", ADDRESS_BAD },
    /* A13, A15: beyond ASCII */
    { "\xe7\x94\xb0\xe4\xb8\xad@example.jp", ADDRESS_NOT_ASCII },
    { "info@\xe4\xbe\x8b\xe3\x81\x88.jp", ADDRESS_NOT_ASCII },
    { "info@\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82jp", ADDRESS_NOT_ASCII }, /* ideographic full stop */
    { "info@a\xef\xbc\x8f" "b.jp", ADDRESS_BAD },                          /* full-width slash */
    { "a\xe9@x", ADDRESS_BAD },
    { "a\xc2\x85@x", ADDRESS_BAD },     /* C1 control */
    { "a\xe2\x80\xae" "b@x", ADDRESS_BAD }, /* right-to-left override */
    { "a\xc2\xa0" "b@x", ADDRESS_BAD },
    /* A16: quoted local parts */
    { "\"a b\"@x", ADDRESS_OK },
    { "\"a\\\"b\"@x", ADDRESS_OK },
    { "\"a'--\"@x", ADDRESS_OK },
    { "\"a@b\"@x", ADDRESS_OK },
    { "\"a\\0\"@x", ADDRESS_BAD },
    { "\"\"@x", ADDRESS_BAD },
    { "\"a", ADDRESS_BAD },
    { "\"a\\", ADDRESS_BAD },
    { "\"a\"b@x", ADDRESS_BAD },
    /* A18 */
    { "@r1,@r2:b@x", ADDRESS_BAD }, /* the route is the path parser's to drop */
    { "b@[127.0.0.1]", ADDRESS_BAD },
    { "b@[IPv6:::1]", ADDRESS_BAD },
    /* A19: dots */
    { "a..b@x", ADDRESS_OK },
    { "a.@x", ADDRESS_OK },
    { ".a@x", ADDRESS_BAD },
    { "b@x.", ADDRESS_BAD },
    { "b@.x", ADDRESS_BAD },
    { "b@x..y", ADDRESS_BAD },
    { "b@-x.y", ADDRESS_BAD },
    { "b@x-.y", ADDRESS_BAD },
    { "b@xn--r8jz45g.jp", ADDRESS_OK },
};

static void
test_check(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].address);
        g_assert_cmpint(address_check(rows[i].address), ==, rows[i].want);
    }
}

static AddressCheck
check_sized(guint local, guint label, guint labels)
{
    g_autoptr(GString) address = g_string_new(NULL);

    while (address->len < local)
        g_string_append_c(address, 'a');
    for (guint i = 0; i < labels; i++) {
        g_string_append_c(address, i == 0 ? '@' : '.');
        for (guint j = 0; j < label; j++)
            g_string_append_c(address, 'd');
    }
    return address_check(address->str);
}

/* A17 */
static void
test_lengths(void)
{
    g_assert_cmpint(check_sized(64, 3, 1), ==, ADDRESS_OK);
    g_assert_cmpint(check_sized(65, 3, 1), ==, ADDRESS_OK);
    g_assert_cmpint(check_sized(250, 3, 1), ==, ADDRESS_OK); /* 254 in all */
    g_assert_cmpint(check_sized(251, 3, 1), ==, ADDRESS_TOO_LONG);
    g_assert_cmpint(check_sized(1, 63, 3), ==, ADDRESS_OK);
    g_assert_cmpint(check_sized(1, 64, 1), ==, ADDRESS_TOO_LONG);
    g_assert_cmpint(check_sized(1, 63, 4), ==, ADDRESS_TOO_LONG); /* domain of 255 */
    g_assert_cmpint(check_sized(255, 0, 0), ==, ADDRESS_TOO_LONG);
}

static const struct {
    const char *a, *b;
    bool same;
} pairs[] = {
    { "a@x", "a@x", true },
    { "a@x", "a@X", true },
    { "a@x", "A@x", true },
    { "a@x", "b@x", false },
    { "a@x", "a@y", false },
    { "root", "ROOT", true },
    { "root", "root@x", false },
    { "\"a\"@x", "a@x", true },
    { "\"a\\ b\"@x", "\"a b\"@X", true },
    { "\"a@b\"@x", "a@b@x", true }, /* the second isn't an address */
    { "a@\xe4\xbe\x8b\xe3\x81\x88.jp", "a@XN--R8JZ45G.jp", true },
    { "\xc3\xa9@x", "\xc3\x89@x", true },
    { "a\xff@x", "A\xff@x", true }, /* not UTF-8: still comparable */
};

static void
test_compare(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_test_message("%s %s", pairs[i].a, pairs[i].b);
        g_assert_cmpint(address_same(pairs[i].a, pairs[i].b), ==, pairs[i].same);
        g_assert_cmpint(address_same(pairs[i].b, pairs[i].a), ==, pairs[i].same);
    }
}

static void
test_parts(void)
{
    g_assert_cmpstr(address_domain("a@x"), ==, "x");
    g_assert_cmpstr(address_domain("\"a@b\"@x"), ==, "x");
    g_assert_cmpstr(address_domain("\"a\\\"@b\"@x"), ==, "x");
    g_assert_null(address_domain("root"));
    g_assert_null(address_domain("\"a@b\""));

    g_autofree char *plain = address_qualify("root", "example.jp");
    g_autofree char *empty = address_qualify("root@", "example.jp");
    g_autofree char *full = address_qualify("a@x", "example.jp");
    g_autofree char *none = address_qualify("root", NULL);
    g_assert_cmpstr(plain, ==, "root@example.jp");
    g_assert_cmpstr(empty, ==, "root@example.jp");
    g_assert_cmpstr(full, ==, "a@x");
    g_assert_cmpstr(none, ==, "root");

    g_autofree char *ascii = address_to_ascii("A\xc3\xa9@\xe4\xbe\x8b\xe3\x81\x88.jp");
    g_autofree char *kept = address_to_ascii("A@X");
    g_assert_cmpstr(ascii, ==, "A\xc3\xa9@xn--r8jz45g.jp");
    g_assert_cmpstr(kept, ==, "A@X");
    g_assert_null(address_to_ascii("a@\xff.jp"));
}

/* A header may hold anything: no crash, no quadratic time. */
static void
test_monsters(void)
{
    g_autoptr(GString) text = g_string_new("a@");

    while (text->len < 200000)
        g_string_append(text, "\xe4\xbe\x8b");
    g_autofree char *key = address_key(text->str);
    g_assert_true(g_str_has_prefix(key, "a@\xe4"));
    g_assert_null(address_to_ascii(text->str));
    g_assert_cmpint(address_check(text->str), ==, ADDRESS_TOO_LONG);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/address/check", test_check);
    g_test_add_func("/address/lengths", test_lengths);
    g_test_add_func("/address/compare", test_compare);
    g_test_add_func("/address/parts", test_parts);
    g_test_add_func("/address/monsters", test_monsters);
    return g_test_run();
}
