#include "relay/settings.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT(name) "[account " name "]\nprovider = customers-mail-cloud\nurl = https://api.test\n" \
                      "api-user = u\napi-key-file = KEYFILE\n"

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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settings/faults", test_faults);
    g_test_add_func("/settings/defaults", test_defaults);
    g_test_add_func("/settings/chosen", test_chosen);
    return g_test_run();
}
