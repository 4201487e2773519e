#include "relay/rewrite.h"

/* Recipients before and after, separated by blanks. */
static const struct {
    const char *before, *after;
} rows[] = {
    { "a@x.test", "a@x.test" },
    { "a@x.test b@X.test", "a@x.test b@X.test" },
    { "nobody", "nobody@here.test" },
    { "root", "admin@x.test second@x.test" },
    { "root@here.test", "root@here.test" }, /* a mailbox of the domain, not of the machine */
    { "root@web1.test", "admin@x.test second@x.test" },
    { "root admin@x.test", "admin@x.test second@x.test" },
    { "cron", "admin@x.test second@x.test" },
    { "a@x.test A@x.test", "a@x.test" },
};

static Localities
where(Aliases **aliases)
{
    static char *local[] = { (char *) "web1.test", NULL };
    g_autoptr(GError) error = NULL;

    *aliases = aliases_parse("aliases", "root: admin@x.test, second@x.test\ncron: root\n", &error);
    g_assert_no_error(error);
    return (Localities) { *aliases, "here.test", local };
}

static Envelope *
envelope_to(const char *recipients)
{
    Envelope *envelope = envelope_new("me");
    g_auto(GStrv) words = g_strsplit(recipients, " ", -1);

    for (guint i = 0; words[i]; i++)
        envelope_add_recipient(envelope, words[i]);
    return envelope;
}

static char *
listed(const Envelope *envelope)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < envelope->recipients->len; i++) {
        const EnvelopeRecipient *recipient = envelope->recipients->pdata[i];
        g_string_append_printf(out, "%s%s", i ? " " : "", recipient->address);
    }
    return g_string_free(out, FALSE);
}

/* sendmail -n */
static void
test_no_aliases(void)
{
    g_autoptr(Aliases) aliases = NULL;
    Localities here = where(&aliases);
    g_autoptr(Envelope) before = envelope_to("root cron@web1.test");

    before->no_aliases = true;
    g_autoptr(Envelope) after = rewrite_envelope(before, &here);
    g_autofree char *names = listed(after);
    g_assert_cmpstr(names, ==, "root@here.test cron@web1.test");
}

static void
test_recipients(void)
{
    g_autoptr(Aliases) aliases = NULL;
    Localities here = where(&aliases);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Envelope) before = envelope_to(rows[i].before);
        g_autoptr(Envelope) after = rewrite_envelope(before, &here);
        g_autoptr(Envelope) again = rewrite_envelope(after, &here);
        g_autofree char *list = listed(after);
        g_autofree char *same = listed(again);
        g_assert_cmpstr(list, ==, rows[i].after);
        g_assert_cmpstr(same, ==, rows[i].after);
    }
}

static void
test_sender(void)
{
    g_autoptr(Aliases) aliases = NULL;
    Localities here = where(&aliases);
    static const struct {
        const char *before, *after;
    } senders[] = { { "", "" }, { "root", "root@here.test" }, { "a@web1.test", "a@web1.test" } };

    for (guint i = 0; i < G_N_ELEMENTS(senders); i++) {
        g_autoptr(Envelope) before = envelope_new(senders[i].before);
        g_autoptr(Envelope) after = rewrite_envelope(before, &here);
        g_assert_cmpstr(after->sender, ==, senders[i].after);
    }
}

static void
test_facts(void)
{
    g_autoptr(Aliases) aliases = NULL;
    Localities here = where(&aliases);
    g_autoptr(Envelope) before = envelope_to("root");
    EnvelopeRecipient *recipient = before->recipients->pdata[0];

    recipient->notify = g_strdup("NEVER");
    recipient->orcpt = g_strdup("rfc822;root");
    before->smtputf8 = before->submission = before->from_headers = before->gateway = true;
    before->full_name = g_strdup("Me");
    before->listener = g_strdup("local");
    before->client = g_strdup("127.0.0.1");
    before->helo = g_strdup("web1");
    before->user = g_strdup("www-data");
    g_autoptr(Envelope) after = rewrite_envelope(before, &here);

    g_assert_true(after->smtputf8 && after->submission && after->from_headers && after->gateway);
    g_assert_cmpstr(after->full_name, ==, "Me");
    g_assert_cmpstr(after->listener, ==, "local");
    g_assert_cmpstr(after->client, ==, "127.0.0.1");
    g_assert_cmpstr(after->helo, ==, "web1");
    g_assert_cmpstr(after->user, ==, "www-data");
    g_assert_cmpuint(after->recipients->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        recipient = after->recipients->pdata[i];
        g_assert_cmpstr(recipient->notify, ==, "NEVER");
        g_assert_cmpstr(recipient->orcpt, ==, "rfc822;root");
    }
}

/* One who is reached twice: the alias that wants no news does not silence the address that said nothing. */
static void
test_notify(void)
{
    g_autoptr(Aliases) aliases = NULL;
    Localities here = where(&aliases);
    g_autoptr(Envelope) before = envelope_new("me");

    envelope_ask(before, "admin@x.test", NULL, NULL);
    envelope_ask(before, "root", "NEVER", NULL);
    g_autoptr(Envelope) after = rewrite_envelope(before, &here);
    g_assert_cmpuint(after->recipients->len, ==, 2);
    g_assert_cmpstr(((EnvelopeRecipient *) after->recipients->pdata[0])->notify, ==, NULL);
    g_assert_cmpstr(((EnvelopeRecipient *) after->recipients->pdata[1])->notify, ==, "NEVER");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rewrite/no-aliases", test_no_aliases);
    g_test_add_func("/rewrite/recipients", test_recipients);
    g_test_add_func("/rewrite/sender", test_sender);
    g_test_add_func("/rewrite/facts", test_facts);
    g_test_add_func("/rewrite/notify", test_notify);
    return g_test_run();
}
