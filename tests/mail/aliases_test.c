#include "mail/aliases.h"

#include <string.h>

static const char table[] =
    "# see man 5 aliases\n"
    "mailer-daemon: postmaster\n"
    "postmaster:    root\r\n"
    "root: admin@example.jp,\n"
    "# a comment between\n"
    "\tops@example.jp, \\root\n"
    "\n"
    "\"Two Words\": \"a, b\"@example.jp\n"
    "Self: self, other@example.jp\n"
    "loop1: loop2\n"
    "loop2: loop1\n"
    "twice: root, postmaster, Admin@EXAMPLE.jp\n";

static char *
expand(const Localities *where, const char *address)
{
    g_autoptr(GPtrArray) result = aliases_expand(where, address);

    g_ptr_array_add(result, NULL);
    return g_strjoinv(" ", (char **)result->pdata);
}

static const struct {
    const char *address, *want;
} rows[] = {
    { "user@example.org", "user@example.org" },
    { "root@example.org", "root@example.org" },
    { "nobody", "nobody@example.jp" },
    { "root", "admin@example.jp ops@example.jp root@example.jp" },
    { "MAILER-DAEMON", "admin@example.jp ops@example.jp root@example.jp" },
    { "Root@Web1.Example.jp", "admin@example.jp ops@example.jp root@example.jp" },
    { "nobody@web1.example.jp", "nobody@web1.example.jp" },
    { "\"two words\"", "\"a, b\"@example.jp" },
    { "self", "self@example.jp other@example.jp" },
    { "loop1", "loop1@example.jp" },
    { "twice", "admin@example.jp ops@example.jp root@example.jp" },
    { "\"x\\\"y\"@example.org", "\"x\\\"y\"@example.org" },
    { "\\root", "root@example.jp" },
};

static void
test_expand(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Aliases) aliases = aliases_parse("aliases", table, &error);
    char *local[] = { (char *)"web1.example.jp", NULL };
    Localities where = { aliases, "example.jp", local };

    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = expand(&where, rows[i].address);
        g_assert_cmpstr(got, ==, rows[i].want);
    }
}

static void
test_default(void)
{
    const char *text = "default: a@x\npostmaster: root\ndave: d@y\n";
    g_autoptr(Aliases) aliases = aliases_parse("aliases", text, NULL);
    Localities where = { aliases, "example.jp", NULL };
    g_autofree char *other = expand(&where, "www-data");
    g_autofree char *through = expand(&where, "postmaster");
    g_autofree char *own = expand(&where, "dave");
    g_autofree char *foreign = expand(&where, "www-data@example.org");
    g_autofree char *quoted = expand(&where, "\"x\\\"y\"@example.org");

    g_assert_cmpstr(other, ==, "a@x");
    g_assert_cmpstr(through, ==, "a@x");
    g_assert_cmpstr(own, ==, "d@y");
    g_assert_cmpstr(foreign, ==, "www-data@example.org");
    g_assert_cmpstr(quoted, ==, "\"x\\\"y\"@example.org");
}

static void
test_none(void)
{
    Localities where = { 0 };
    g_autofree char *plain = expand(&where, "root");

    g_assert_cmpstr(plain, ==, "root");
}

/* A fan of aliases over aliases stays small. */
static void
test_bounded(void)
{
    g_autoptr(GString) text = g_string_new("all:");

    for (guint i = 0; i < 1500; i++)
        g_string_append_printf(text, "%s u%u@x", i ? "," : "", i);
    for (guint i = 0; i < 40; i++)
        g_string_append_printf(text, "\nn%u: n%u, n%u", i, i + 1, i + 2);
    g_autoptr(Aliases) aliases = aliases_parse("aliases", text->str, NULL);
    Localities where = { aliases, "x", NULL };
    g_autoptr(GPtrArray) all = aliases_expand(&where, "all");
    g_autofree char *fan = expand(&where, "n0");

    g_assert_cmpuint(all->len, ==, 1500); /* nobody is left out */
    g_assert_cmpstr(fan, ==, "n40@x n41@x");
}

static const struct {
    const char *text, *want;
} errors[] = {
    { "ok: a@x\nroot: |/bin/sh\n", "f:2: programs can't be aliases' targets: '|/bin/sh'" },
    { "root: \"|/bin/sh -c id\"\n", "f:1: programs can't be aliases' targets: '\"|/bin/sh -c id\"'" },
    { "root: /var/mail/x\n", "f:1: files can't be aliases' targets: '/var/mail/x'" },
    { "root: a@x,\n  :include:/etc/list\n", "f:1: includes are not supported: ':include:/etc/list'" },
    { "root a@x\n", "f:1: expected 'name: address', got 'root a@x'" },
    { "root:\n", "f:1: no target for alias 'root'" },
    { "a@x: b@x\n", "f:1: an alias needs a name without domain, not 'a@x'" },
    { ": b@x\n", "f:1: an alias needs a name without domain, not ''" },
    { "root: a@x\n\nRoot: b@x\n", "f:3: a second alias 'root'" },
    { "root: a@@x\n", "f:1: not an address: 'a@@x'" },
};

static void
test_errors(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(aliases_parse("f", errors[i].text, &error));
        g_assert_nonnull(error);
        g_assert_cmpstr(error->message, ==, errors[i].want);
    }
    g_autoptr(GError) missing = NULL;
    g_assert_null(aliases_load("/nonexistent/aliases", &missing));
    g_assert_nonnull(strstr(missing->message, "/nonexistent/aliases"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/aliases/expand", test_expand);
    g_test_add_func("/aliases/default", test_default);
    g_test_add_func("/aliases/none", test_none);
    g_test_add_func("/aliases/bounded", test_bounded);
    g_test_add_func("/aliases/errors", test_errors);
    return g_test_run();
}
