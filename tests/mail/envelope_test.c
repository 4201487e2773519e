#include "mail/envelope.h"

static void
test_recipients(void)
{
    g_autoptr(Envelope) envelope = envelope_new("");
    EnvelopeRecipient *first = envelope_add_recipient(envelope, "User@Example.org");

    first->orcpt = g_strdup("rfc822;u");
    g_assert_true(envelope_add_recipient(envelope, "user@EXAMPLE.ORG") == first);
    g_assert_true(envelope_add_recipient(envelope, "other@example.org") != first);
    g_assert_cmpuint(envelope->recipients->len, ==, 2);
    g_assert_cmpstr(first->address, ==, "User@Example.org");
    g_assert_cmpstr(envelope->sender, ==, "");
}

static void
test_many(void)
{
    g_autoptr(Envelope) envelope = envelope_new("a@x");

    for (guint i = 0; i < 20000; i++) {
        g_autofree char *address = g_strdup_printf("user%u@x", i % 10000);
        envelope_add_recipient(envelope, address);
    }
    g_assert_cmpuint(envelope->recipients->len, ==, 10000);
    envelope_free(NULL);
}

/* Somebody who is named twice, with what was asked each time. */
static void
test_notify(void)
{
    static const struct {
        const char *first, *second, *both;
    } rows[] = {
        { NULL, NULL, NULL },
        { NULL, "NEVER", NULL },
        { "NEVER", NULL, NULL },
        { "NEVER", "never", "NEVER" },
        { NULL, "SUCCESS", "SUCCESS,FAILURE,DELAY" },
        { "NEVER", "SUCCESS", "SUCCESS" },
        { "FAILURE", "delay,success", "SUCCESS,FAILURE,DELAY" },
        { "FAILURE", NULL, NULL },
        { "SUCCESS", "FAILURE", "SUCCESS,FAILURE" },
        { "SUCCESS", "DELAY", "SUCCESS,DELAY" },
        { "DELAY", "DELAY", "DELAY" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Envelope) envelope = envelope_new("me@x.test");
        EnvelopeRecipient *one = envelope_ask(envelope, "a@x.test", rows[i].first, NULL);
        g_assert_cmpstr(one->notify, ==, rows[i].first);
        g_assert_true(envelope_ask(envelope, "A@X.test", rows[i].second, "rfc822;a") == one);
        g_assert_cmpstr(one->notify, ==, rows[i].both);
        g_assert_cmpstr(one->orcpt, ==, "rfc822;a");
        g_assert_cmpuint(envelope->recipients->len, ==, 1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/envelope/recipients", test_recipients);
    g_test_add_func("/envelope/many", test_many);
    g_test_add_func("/envelope/notify", test_notify);
    return g_test_run();
}
