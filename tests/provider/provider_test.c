#include "fixture.h"

#include "http/url.h"

#include <string.h>

#define GOOD "[account main]\nprovider = customers-mail-cloud\napi-user = u\napi-key-file = KEYFILE\n"

static const struct {
    const char *text;
    const char *error; /* pieces of it, separated by | */
} faults[] = {
    { "[account main]\nurl = https://api.test\n", "[account main]|provider" },
    { "[account main]\nprovider = sendgrid\nurl = https://api.test\n",
      "test.conf:2: |no provider 'sendgrid'|customers-mail-cloud" },
    { "[account main]\nprovider = customers-mail-cloud\napi-user = u\napi-key-file = KEYFILE\n", "url" },
    { "[account main]\nprovider = customers-mail-cloud\nurl = https://api.test\napi-key-file = KEYFILE\n", "api-user" },
    { "[account main]\nprovider = customers-mail-cloud\nurl = https://api.test\napi-user = u\n", "api-key-file" },
    { "[account main]\nprovider = customers-mail-cloud\nurl = https://api.test\napi-user = u\n"
      "api-key-file = /nonexistent/key\n", "test.conf:5: |api-key-file|/nonexistent/key" },
    { GOOD "url = https://api.test/api/v2/emails/send.json\n", "test.conf:5: |must end before /api/v2" },
    { GOOD "url = ftp://api.test\n", "test.conf:5: |https://" },
    { GOOD "url = file:///etc/passwd\n", "test.conf:5: |url" },
    { GOOD "url = http://api.test\n", "test.conf:5: |unencrypted" },
    { GOOD "url = https://user:pass@api.test\n", "test.conf:5: |user or password" },
    { GOOD "url = https://api.test\nmax-calls = 0\n", "test.conf:6: |max-calls" },
    { GOOD "url = https://api.test\nmax-attachments = lots\n", "test.conf:6: |max-attachments" },
    { GOOD "url = https://api.test\ndefault-from = nobody\n", "test.conf:6: |default-from" },
    { GOOD "url = https://api.test\napi-usr = x\n", "test.conf:6: |'api-user'" },
    { GOOD "url = https://api.test\nunknown-outcome = drop\n", "test.conf:6: |retry|hold" },
    { GOOD "url = https://api.test\nlookup-before-retry = yes\n", "test.conf:6: |server-composition" },
    { GOOD "url = https://api.test\ndeliveries-url = http://lists.test\n", "test.conf:6: |unencrypted" },
};

static void
test_faults(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Provider) provider = fixture_open(faults[i].text, &error);
        g_auto(GStrv) pieces = g_strsplit(faults[i].error, "|", -1);

        g_test_message("%s", faults[i].text);
        g_assert_null(provider);
        g_assert_nonnull(error);
        g_test_message("%s", error->message);
        for (guint k = 0; pieces[k]; k++)
            g_assert_nonnull(strstr(error->message, pieces[k]));
    }
}

static const struct {
    const char *url;
    bool good, good_if_allowed;
} urls[] = {
    { "https://sandbox.smtps.jp", true, true },
    { "https://api.test:8443/prefix/", true, true },
    { "https://[2001:db8::1]:443", true, true },
    { "HTTPS://api.test", true, true },
    { "http://127.0.0.1:8080", true, true },
    { "http://127.9.9.9", true, true },
    { "http://[::1]:8080", true, true },
    { "http://localhost:1", true, true },
    { "http://localhost.evil.test", false, true },
    { "http://127.0.0.1.evil.test", false, true },
    { "http://10.0.0.1", false, true },
    { "http://[::2]", false, true },
    { "http://127.0.0.1@evil.test", false, false },
    { "https://@api.test", false, false },
    { "https://user@api.test", false, false },
    { "https://api.test?x=1", false, false },
    { "https://api.test/#f", false, false },
    { "http://127.0.0.1\\@evil.test", false, false },
    { "https://api test", false, false },
    { "https://api.test/\xe3\x81\x82", false, false },
    { "https://127.0.0%2e1", false, false },
    { "https://", false, false },
    { "https:///path", false, false },
    { "api.test", false, false },
    { "//api.test", false, false },
    { "", false, false },
    { "ftp://api.test", false, false },
    { "javascript:alert(1)", false, false },
    { "https://api.test:99999", false, false },
};

static void
test_urls(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_test_message("%s", urls[i].url);
        g_assert_cmpint(http_url_fault(urls[i].url, false) == NULL, ==, urls[i].good);
        g_assert_cmpint(http_url_fault(urls[i].url, true) == NULL, ==, urls[i].good_if_allowed);
    }
}

static void
test_limits(void)
{
    g_autoptr(Provider) plain = fixture_account("");
    g_autoptr(Provider) own = fixture_account("max-mail-size = 5M\nmax-attachments = 3\nmax-calls = 2\n");

    g_assert_cmpint(plain->limits.mail_bytes, ==, 20 << 20);
    g_assert_cmpuint(plain->limits.attachments, ==, 10);
    g_assert_cmpuint(plain->limits.calls, ==, 10);
    g_assert_cmpint(own->limits.mail_bytes, ==, 5 << 20);
    g_assert_cmpuint(own->limits.attachments, ==, 3);
    g_assert_cmpuint(own->limits.calls, ==, 2);
    g_assert_cmpuint(own->limits.subject_chars, ==, 512);
    g_assert_cmpuint(own->limits.to, ==, 10);
}

static const struct {
    const char *url, *deliveries;
} lists[] = {
    { "https://sub.smtps.jp", "https://api.smtps.jp/transaction/v2/deliveries/list.json" },
    { "https://TE.SMTPS.JP/", "https://api.smtps.jp/transaction/v2/deliveries/list.json" },
    { "https://smtps.jp.evil.test", "https://smtps.jp.evil.test/transaction/v2/deliveries/list.json" },
    { "https://notsmtps.jp", "https://notsmtps.jp/transaction/v2/deliveries/list.json" },
    { "http://127.0.0.1:8025", "http://127.0.0.1:8025/transaction/v2/deliveries/list.json" },
};

/* The key goes to the account's own host, or where the vendor says. */
static void
test_deliveries_url(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_autofree char *text = g_strconcat(GOOD "server-composition = s\nurl = ", lists[i].url, "\n", NULL);
        g_autoptr(Provider) provider = fixture_open(text, NULL);
        g_autoptr(HttpRequest) probe = provider->driver->probe(provider, NULL);

        g_assert_cmpstr(probe->url, ==, lists[i].deliveries);
    }
}

static void
test_print(void)
{
    g_autoptr(Provider) provider =
        fixture_account("max-calls = 2\nfrom-domains = a.test, b.test\nunknown-outcome = hold\n");
    g_autoptr(GString) out = g_string_new(NULL);

    provider_print(provider, out);
    g_assert_nonnull(strstr(out->str, "[account main]\n"));
    g_assert_nonnull(strstr(out->str, "url = https://api.test\n"));
    g_assert_nonnull(strstr(out->str, "max-calls = 2\n"));
    g_assert_nonnull(strstr(out->str, "unknown-outcome = hold\n"));
    g_assert_nonnull(strstr(out->str, "api-user = user-of-tests\n"));
    g_assert_nonnull(strstr(out->str, "b.test"));
    g_assert_null(strstr(out->str, "key-of-tests"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/provider/faults", test_faults);
    g_test_add_func("/provider/urls", test_urls);
    g_test_add_func("/provider/limits", test_limits);
    g_test_add_func("/provider/deliveries-url", test_deliveries_url);
    g_test_add_func("/provider/print", test_print);
    return g_test_run();
}
