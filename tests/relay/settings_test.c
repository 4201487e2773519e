#include "relay/settings.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT(name) "[account " name "]\nprovider = customers-mail-cloud\nurl = https://api.test\n" \
                      "api-user = u\napi-key-file = KEYFILE\n"

#define ASKED(name) "[account " name "]\nprovider = arara-v1\nurl = https://v1.test\nsite = 1\nservice = 2\n" \
                    "user = u\npassword-file = KEYFILE\n"

static RelaySettings *
open_text(const char *text, GError **error)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("shimta-key-XXXXXX", &path, NULL);
    g_assert_cmpint(write(fd, "key-of-tests\n", 13), ==, 13);
    close(fd);
    g_auto(GStrv) pieces = g_strsplit(text, "KEYFILE", -1);
    g_autofree char *whole = g_strjoinv(path, pieces);
    g_autoptr(ConfFile) file = conf_open_text("test.conf", whole, error);
    g_assert_nonnull(file);
    RelaySettings *settings = relay_settings_open(file, "here.test", error);

    g_unlink(path);
    return settings;
}

static const struct {
    const char *text, *error; /* pieces of it, separated by | */
} faults[] = {
    { "[shimta]\n", "[account NAME]" },
    { "[shimta]\naccount = other\n" ACCOUNT("main"), "test.conf:2: |[account other]" },
    { "[shimta]\n" ACCOUNT("a") ACCOUNT("b"), "account|several accounts" },
    { "[shimta]\ndefault-domain = a b\n" ACCOUNT("main"), "test.conf:2: |default-domain|'a b' is not a domain" },
    { "[shimta]\nlocal-domains = ok.test, -bad-@x\n" ACCOUNT("main"), "test.conf:2: |local-domains" },
    { "[shimta]\nalias-file = /nonexistent/aliases\n" ACCOUNT("main"), "test.conf:2: |alias-file|/nonexistent/aliases" },
    { "[shimta]\nhttp-proxy = http://u:p@proxy.test\n" ACCOUNT("main"), "test.conf:2: |http-proxy|user or password" },
    { "[shimta]\nhttp-proxy = socks5://proxy.test\n" ACCOUNT("main"), "test.conf:2: |http-proxy" },
    { "[shimta]\nca-file = /nonexistent/ca.pem\n" ACCOUNT("main"), "test.conf:2: |ca-file|/nonexistent/ca.pem" },
    { "[shimta]\naccount = a\n" ACCOUNT("a") "fallback = b\n", "test.conf:8: |fallback|[account b]" },
    { "[shimta]\naccount = a\n" ACCOUNT("a") "fallback = a\n", "test.conf:8: |fallback|tried before" },
    { "[shimta]\naccount = a\n" ACCOUNT("a") "fallback = b\n" ACCOUNT("b") "fallback = c\n" ACCOUNT("c")
      "fallback = b\n", "fallback|tried before" },
    { "[shimta]\n" ACCOUNT("a") "limits = ignore\n", "test.conf:7: |limits" },
    { "[shimta]\n" ACCOUNT("a") "[route r]\nto = x.test\n", "[route r]|account|missing" },
    { "[shimta]\n" ACCOUNT("a") "[route r]\naccount = b\nto = x.test\n", "test.conf:8: |[account b]" },
    { "[shimta]\n" ACCOUNT("a") "[route r]\naccount = a\n", "test.conf:7: |[route r]|says of no mail" },
    { "[shimta]\n" ACCOUNT("a") "[route r]\naccount = a\nto = a@b@c\n", "test.conf:9: |to|'a@b@c'" },
    { "[shimta]\n" ACCOUNT("a") "[route r]\naccount = a\nfrom = <>\n", "test.conf:9: |from|'<>'" },
    { "[shimta]\n" ACCOUNT("a") "[route r]\naccount = a\nlistener = lan\n", "test.conf:9: |[listen lan]" },
    { "[shimta]\naccount = v1\n" ACCOUNT("a") ASKED("v1"), "test.conf:2: |[account v1] sends no mail" },
    { "[shimta]\n" ACCOUNT("a") "fallback = v1\n" ASKED("v1"), "test.conf:7: |[account v1] sends no mail" },
    { "[shimta]\n" ACCOUNT("a") ASKED("v1") "[route r]\naccount = v1\nto = x.test\n", "[account v1] sends no mail" },
    { "[shimta]\n" ACCOUNT("a") ASKED("v1") "unsubscribe-list-path = tm\n", "unsubscribe-list-path|'tm'" },
    { "[shimta]\n" ACCOUNT("a") ASKED("v1") "unsubscribe-list-path = /a?b=c\n", "unsubscribe-list-path|'/a?b=c'" },
    { "[shimta]\n" ACCOUNT("a") ASKED("v1") "unsubscribe-lift-path = /a/\n", "unsubscribe-lift-path|'/a/'" },
    { "[shimta]\n[account a]\nprovider = none\nurl = https://a.test\n", "test.conf:3: |provider|no provider 'none'" },
    { "[shimta]\n[account a]\nurl = https://a.test\n", "[account a]|provider|missing" },
    { "[shimta]\nretry-min = 2h\n" ACCOUNT("main"), "retry-max|less than retry-min" },
    { "[shimta]\nbounce-from = me\n" ACCOUNT("main"), "test.conf:2: |bounce-from|'me'" },
    { "[shimta]\nmax-received = 1001\n" ACCOUNT("main"), "test.conf:2: |max-received" },
    { "[shimta]\nconnect-timeout = 10\n" ACCOUNT("main"), "test.conf:2: |connect-timeout" },
};

static void
test_faults(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(RelaySettings) settings = open_text(faults[i].text, &error);
        g_auto(GStrv) pieces = g_strsplit(faults[i].error, "|", -1);

        g_test_message("%s", faults[i].text);
        g_assert_null(settings);
        g_assert_nonnull(error);
        g_test_message("%s", error->message);
        for (guint k = 0; pieces[k]; k++)
            g_assert_nonnull(strstr(error->message, pieces[k]));
    }
}

/* Mail has one account to go through, whatever else can be asked. */
static void
test_asked(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(RelaySettings) settings = open_text(
        "[shimta]\n" ASKED("v1") "[account a]\nprovider = arara\nurl = https://a.test\nclient-id = c\n"
        "client-secret-file = KEYFILE\nplan-path = /contract\n", &error);
    g_autoptr(GString) text = g_string_new(NULL);

    g_assert_no_error(error);
    g_assert_cmpuint(settings->accounts->len, ==, 1);
    g_assert_cmpstr(settings->account->name, ==, "a");
    g_assert_cmpuint(settings->queries->len, ==, 2);
    relay_settings_print(settings, text);
    g_assert_nonnull(strstr(text->str, "\n[account v1]\nprovider = arara-v1\n"));
    g_assert_nonnull(strstr(text->str, "\nunsubscribe-list-path = /tm/unsubscribe_requesters.php\n"));
    g_assert_nonnull(strstr(text->str, "\nplan-path = /contract\n"));
    g_assert_null(strstr(text->str, "key-of-tests"));
    const char *own = strstr(text->str, "client-secret-file");
    g_assert_nonnull(own);
    g_assert_null(strstr(own + 1, "client-secret-file"));
}

static void
test_defaults(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(RelaySettings) settings = open_text("[shimta]\n" ACCOUNT("only"), &error);

    g_assert_no_error(error);
    g_assert_cmpstr(settings->account->name, ==, "only");
    g_assert_cmpstr(settings->where.default_domain, ==, "here.test");
    g_assert_null(settings->where.aliases);
    g_assert_cmpint(settings->conf.connect_timeout_ms, ==, 10 * 1000);
}

static void
test_chosen(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(RelaySettings) settings = open_text("[shimta]\naccount = b\ndefault-domain = x.test\n" ACCOUNT("a")
                                                  ACCOUNT("b"), &error);

    g_assert_no_error(error);
    g_assert_cmpstr(settings->account->name, ==, "b");
    g_assert_cmpuint(settings->accounts->len, ==, 2);
    g_autoptr(GString) out = g_string_new(NULL);
    relay_settings_print(settings, out);
    g_assert_nonnull(strstr(out->str, "account = b\n"));
    g_assert_nonnull(strstr(out->str, "[account a]\n"));
    g_assert_nonnull(strstr(out->str, "[account b]\n"));
    g_assert_null(strstr(out->str, "key-of-tests"));
}

static const char two_accounts[] = "[shimta]\naccount = a\n" ACCOUNT("a") "max-mail-size = 1M\n" ACCOUNT("b")
                                   "max-mail-size = 3M\n[listen lan]\n";

/* One route and a mail: does it fit? */
static const struct {
    const char *keys, *from, *sender, *to, *listener, *user;
    bool fits;
} routes[] = {
    { "from = me@x.test", "me@x.test", "", "a@b.test", "lan", NULL, true },
    { "from = me@x.test", "ME@X.TEST", "", "a@b.test", "lan", NULL, true },
    { "from = me@x.test", "you@x.test", "", "a@b.test", "lan", NULL, false },
    { "from = me@x.test", NULL, "", "a@b.test", "lan", NULL, false },
    { "from = *@x.test", "me@X.test", "", "a@b.test", "lan", NULL, true },
    { "from = x.test", "me@x.test", "", "a@b.test", "lan", NULL, true },
    { "from = x.test", "me@sub.x.test", "", "a@b.test", "lan", NULL, false },
    { "from = x.test", "me", "", "a@b.test", "lan", NULL, false },
    { "from = 日本語.test", "me@xn--wgv71a119e.test", "", "a@b.test", "lan", NULL, true },
    { "sender = <>", "me@x.test", "", "a@b.test", "lan", NULL, true },
    { "sender = <>", "me@x.test", "me@x.test", "a@b.test", "lan", NULL, false },
    { "sender = x.test", "me@x.test", "", "a@b.test", "lan", NULL, false },
    { "sender = y.test, x.test", "", "me@x.test", "a@b.test", "lan", NULL, true },
    { "to = *@b.test", "", "", "a@b.test", "lan", NULL, true },
    { "to = a@b.test", "", "", "c@b.test", "lan", NULL, false },
    { "listener = lan", "", "", "a@b.test", "lan", NULL, true },
    { "listener = stdio", "", "", "a@b.test", "lan", NULL, false },
    { "user = www-data root", "", "", "a@b.test", "lan", "root", true },
    { "user = www-data", "", "", "a@b.test", "lan", "root", false },
    { "user = www-data", "", "", "a@b.test", "lan", NULL, false },
    { "from = x.test\nto = b.test", "me@x.test", "", "a@b.test", "lan", NULL, true },
    { "from = x.test\nto = b.test", "me@x.test", "", "a@c.test", "lan", NULL, false },
    { "from = x.test\nto = b.test", "me@y.test", "", "a@b.test", "lan", NULL, false },
};

static void
test_routes(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(routes); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup_printf("%s[route r]\naccount = b\n%s\n", two_accounts, routes[i].keys);
        g_autoptr(RelaySettings) settings = open_text(text, &error);
        g_assert_no_error(error);
        g_autoptr(Envelope) envelope = envelope_new(routes[i].sender);
        RouteFacts facts = { envelope, routes[i].from };

        envelope->listener = g_strdup(routes[i].listener);
        envelope->user = g_strdup(routes[i].user);
        g_test_message("%s", routes[i].keys);
        g_assert_cmpstr(relay_settings_route(settings, &facts, routes[i].to)->name, ==, routes[i].fits ? "b" : "a");
    }
}

/* The first that fits; what is printed can be read again. */
static void
test_route_order(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("%s[route one]\nto = x@y.test\naccount = a\n"
                                            "[route two]\nto = y.test\naccount = b\n", two_accounts);
    g_autoptr(RelaySettings) settings = open_text(text, &error);
    g_assert_no_error(error);
    g_autoptr(Envelope) envelope = envelope_new("");
    g_autoptr(GString) out = g_string_new(NULL);
    RouteFacts facts = { envelope, NULL };

    g_assert_cmpstr(relay_settings_route(settings, &facts, "x@y.test")->name, ==, "a");
    g_assert_cmpstr(relay_settings_route(settings, &facts, "z@y.test")->name, ==, "b");
    g_assert_cmpstr(relay_settings_route(settings, &facts, "z@z.test")->name, ==, "a");
    g_assert_cmpint(relay_settings_mail_bytes(settings), ==, 3 * 1024 * 1024);
    relay_settings_print(settings, out);
    g_assert_nonnull(strstr(out->str, "\n[route one]\naccount = a\n"));
    g_assert_nonnull(strstr(out->str, "to = y.test\n"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settings/faults", test_faults);
    g_test_add_func("/settings/defaults", test_defaults);
    g_test_add_func("/settings/asked", test_asked);
    g_test_add_func("/settings/chosen", test_chosen);
    g_test_add_func("/settings/routes", test_routes);
    g_test_add_func("/settings/route-order", test_route_order);
    return g_test_run();
}
