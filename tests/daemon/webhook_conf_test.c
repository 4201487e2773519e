#include "daemon/webhook_conf.h"

#include <glib/gstdio.h>
#include <string.h>

#define ACCOUNT(name) "[account " name "]\nprovider = customers-mail-cloud\nurl = https://api.test\napi-user = u\n" \
                      "api-key-file = KEYFILE\n"
#define OTHER "[account ar]\nprovider = arara\nurl = https://ar.test\nclient-id = c\nclient-secret-file = KEYFILE\n"
#define HEAD "[shimta]\naccount = a\n"
#define HOOK "[webhook]\naddress = 127.0.0.1:0\n"

/* Whose events are taken: letters of accounts. */
static const struct {
    const char *title, *text, *served;
} rows[] = {
    { "no webhook", HEAD ACCOUNT("a"), "" },
    { "no address", HEAD ACCOUNT("a") "[webhook]\npath = /x\n", "" },
    { "the only one", HEAD ACCOUNT("a") HOOK, "a" },
    { "the only one of its API", HEAD ACCOUNT("a") OTHER HOOK, "a" },
    { "with a name", HEAD ACCOUNT("a") "server-composition = s\n" HOOK, "a" },
    { "two without a name", HEAD ACCOUNT("a") ACCOUNT("b") HOOK, "" },
    { "two with names", HEAD ACCOUNT("a") "server-composition = s\n" ACCOUNT("b") "server-composition = t\n" HOOK, "ab" },
    { "two of one name", HEAD ACCOUNT("a") "server-composition = s\n" ACCOUNT("b") "server-composition = s\n" HOOK, "a" },
    { "one with a name", HEAD ACCOUNT("a") "server-composition = s\n" ACCOUNT("b") HOOK, "a" },
    { "the rest is b's", HEAD ACCOUNT("a") "server-composition = s\n" ACCOUNT("b") HOOK "account = b\n", "ab" },
    { "the rest is a's", HEAD ACCOUNT("a") ACCOUNT("b") HOOK "account = a\n", "a" },
};

static void
test_serves(void)
{
    static const char *const names[] = { "a", "b", "ar", "none" };
    g_autofree char *key = NULL;

    g_close(g_file_open_tmp("shimta-key-XXXXXX", &key, NULL), NULL);
    g_assert_true(g_file_set_contents(key, "k\n", -1, NULL));
    g_assert_cmpint(g_chmod(key, 0600), ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) pieces = g_strsplit(rows[i].text, "KEYFILE", -1);
        g_autofree char *text = g_strjoinv(key, pieces);
        g_autoptr(GError) error = NULL;
        g_autoptr(ConfFile) file = conf_open_text("test.conf", text, &error);
        g_assert_no_error(error);
        g_autoptr(RelaySettings) relay = relay_settings_open(file, "here.test", &error);
        g_assert_no_error(error);
        WebhookAccess access = { { 0 }, NULL, NULL };
        g_assert_true(webhook_read(&access, file, relay, &error));
        g_autoptr(GString) served = g_string_new(NULL);
        for (guint n = 0; n < G_N_ELEMENTS(names); n++)
            g_string_append(served, webhook_serves(&access, relay, names[n]) ? names[n] : "");
        g_test_message("%s", rows[i].title);
        g_assert_cmpstr(served->str, ==, rows[i].served);
        webhook_clear(&access);
    }
    g_unlink(key);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/webhook-conf/serves", test_serves);
    return g_test_run();
}
