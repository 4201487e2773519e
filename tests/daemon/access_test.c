#include "daemon/access.h"

static void
read_access(Access *access, const char *keys)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("[listen a]\n%s", keys);
    g_autoptr(ConfFile) file = conf_open_text("test", text, &error);

    g_assert_no_error(error);
    *access = (Access) { 0 };
    access_read(access, file, "a", &error);
    g_assert_no_error(error);
}

static void
test_mail(void)
{
    static const char rules[] = "senders = alice:alice@example.jp alice:*@shop.test *:news@example.jp "
                                "www-data:<> a:b:c@example.jp\n";
    static const struct {
        const char *keys, *login, *user, *sender;
        guint uid, want;
    } rows[] = {
        { "", NULL, NULL, "a@b.test", 0, 0 },
        { "", "alice", NULL, "a@b.test", 0, 0 },
        { "users = alice\n", "alice", NULL, "a@b.test", 0, 0 },
        { "users = alice\n", "bob", NULL, "a@b.test", 0, 550 },
        { "users = alice\n", "alic", NULL, "a@b.test", 0, 550 },
        { "users = alice\n", NULL, "bob", "a@b.test", 9, 550 },
        { "users = alice\n", NULL, "alice", "a@b.test", 9, 550 },
        { "users = alice\n", NULL, NULL, "a@b.test", 0, 550 },
        { "users = alice\nlocal-users = bob\n", NULL, "bob", "a@b.test", 9, 0 },
        { "users = alice\nlocal-users = bob\n", "alice", "carl", "a@b.test", 9, 0 },
        { "users = alice\nlocal-users = bob\n", NULL, "alice", "a@b.test", 9, 550 },
        { "local-users = bob, 33\n", NULL, "bob", "a@b.test", 9, 0 },
        { "local-users = bob, 33\n", NULL, "www-data", "a@b.test", 33, 0 },
        { "local-users = bob, 33\n", NULL, "root", "a@b.test", 0, 550 },
        { "local-users = bob, 33\n", NULL, NULL, "a@b.test", 0, 550 },
        { "local-users = @lp, bob\n", NULL, "carl", "a@b.test", 9, 550 },
        { "local-users = @web, bob\n", NULL, "carl", "a@b.test", 9, 0 },
        { "local-users = @staff\n", NULL, "carl", "a@b.test", 9, 0 },
        { "local-users = web, staff, @carl, @\n", NULL, "carl", "a@b.test", 9, 550 },
        { "local-users = @web\n", NULL, NULL, "a@b.test", 0, 550 },
        { "users = @web\n", NULL, "carl", "a@b.test", 9, 550 },
        { rules, "alice", NULL, "alice@example.jp", 0, 0 },
        { rules, "alice", NULL, "alice@EXAMPLE.jp", 0, 0 },
        { rules, "alice", NULL, "any@shop.test", 0, 0 },
        { rules, "alice", NULL, "any@sub.shop.test", 0, 553 },
        { rules, "alice", NULL, "any@shop.test.evil.test", 0, 553 },
        { rules, "alice", NULL, "news@example.jp", 0, 0 },
        { rules, "alice", NULL, "", 0, 553 },
        { rules, "alic", NULL, "alice@example.jp", 0, 553 },
        { rules, "alicex", NULL, "alice@example.jp", 0, 553 },
        { rules, "ALICE", NULL, "alice@example.jp", 0, 553 },
        { rules, "*", NULL, "alice@example.jp", 0, 553 },
        { rules, "bob", "alice", "alice@example.jp", 9, 553 },
        { rules, NULL, "alice", "alice@example.jp", 9, 0 },
        { rules, NULL, "www-data", "", 33, 0 },
        { rules, NULL, NULL, "alice@example.jp", 0, 553 },
        { rules, NULL, NULL, "news@example.jp", 0, 0 },
        { rules, "a:b", NULL, "c@example.jp", 0, 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        static char web[] = "web", staff[] = "staff", *groups[] = { web, staff, NULL };
        const AccessWho who = { rows[i].login, rows[i].user, rows[i].uid, rows[i].user ? groups : NULL };
        Access access;
        read_access(&access, rows[i].keys);
        const Reply *refusal = access_mail(&access, &who, rows[i].sender);
        g_test_message("row %u: %s %s as %s", i, rows[i].login, rows[i].user, rows[i].sender);
        g_assert_cmpuint(refusal ? (guint) refusal->code : 0, ==, rows[i].want);
        g_assert_cmpstr(refusal ? refusal->dsn : "5.7.1", ==, "5.7.1");
        access_clear(&access);
    }
}

static void
test_rcpt(void)
{
    static const struct {
        const char *keys, *recipient;
        bool fine;
    } rows[] = {
        { "", "a@b.test", true },
        { "recipient-domains = b.test, *@c.test, one@d.test\n", "a@b.test", true },
        { "recipient-domains = b.test, *@c.test, one@d.test\n", "a@C.TEST", true },
        { "recipient-domains = b.test, *@c.test, one@d.test\n", "one@d.test", true },
        { "recipient-domains = b.test, *@c.test, one@d.test\n", "two@d.test", false },
        { "recipient-domains = b.test, *@c.test, one@d.test\n", "a@x.b.test", false },
        { "recipient-domains = b.test, *@c.test, one@d.test\n", "\"a@b.test\"@e.test", false },
        { "recipient-domains = b.test, *@c.test, one@d.test\n", "a", false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Access access;
        read_access(&access, rows[i].keys);
        g_test_message("row %u: %s", i, rows[i].recipient);
        g_assert_cmpint(access_rcpt(&access, rows[i].recipient) == NULL, ==, rows[i].fine);
        access_clear(&access);
    }
}

static void
test_wrong(void)
{
    static const char *const rows[] = { "senders = alice", "senders = :a@b.test", "senders = alice:",
                                        "senders = alice:a@b@c", "recipient-domains = <>", "recipient-domains = a@b@c" };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup_printf("[listen a]\n%s\n", rows[i]);
        g_autoptr(ConfFile) file = conf_open_text("test", text, NULL);
        Access access = { 0 };
        g_assert_false(access_read(&access, file, "a", &error));
        g_assert_true(g_str_has_prefix(error->message, "test:2: [listen a] "));
        access_clear(&access);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/access/mail", test_mail);
    g_test_add_func("/access/rcpt", test_rcpt);
    g_test_add_func("/access/wrong", test_wrong);
    return g_test_run();
}
