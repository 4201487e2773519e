#include "relay/bounce.h"

#include "base/clock.h"
#include "mail/mail.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT(name) "[account " name "]\nprovider = customers-mail-cloud\nurl = https://api.test\n" \
                      "api-user = u\napi-key-file = KEYFILE\n"
#define MESSAGE "From: me@from.test\r\nTo: a@x.test\r\nBcc: hidden@x.test\r\nSubject: Hello\r\nMessage-ID: <o@from.test>\r\n" \
                "\r\nThe body\r\n"

enum { NOW_MS = 1000 };

/* keys go into [shimta], account behind the one account. */
static RelaySettings *
open_settings(const char *keys, const char *account)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("shimta-key-XXXXXX", &path, NULL);
    g_assert_cmpint(write(fd, "key-of-tests\n", 13), ==, 13);
    close(fd);
    g_autofree char *text = g_strconcat("[shimta]\naccount = main\n", keys, ACCOUNT("main"), account, NULL);
    g_auto(GStrv) pieces = g_strsplit(text, "KEYFILE", -1);
    g_autofree char *whole = g_strjoinv(path, pieces);
    g_autoptr(GError) error = NULL;
    g_autoptr(ConfFile) file = conf_open_text("test.conf", whole, &error);
    RelaySettings *settings = relay_settings_open(file, "here.test", &error);

    g_assert_no_error(error);
    g_unlink(path);
    return settings;
}

/* Everybody refused. */
static Entry *
entry_of(const char *sender, const char *message, gsize n, const char *recipients)
{
    Envelope *envelope = envelope_new(sender);
    Spool *spool = spool_new(64 * 1024, NULL);
    g_auto(GStrv) words = g_strsplit(recipients, " ", -1);

    for (guint i = 0; words[i]; i++)
        envelope_add_recipient(envelope, words[i]);
    spool_append(spool, message, n);
    g_assert_true(spool_finish(spool, NULL));
    Entry *entry = entry_new(envelope, spool, NULL);
    for (guint i = 0; i < entry->outcomes->len; i++)
        outcome_set(&g_array_index(entry->outcomes, Outcome, i), OUTCOME_PERMANENT, 550, "5.1.1", "nobody here");
    entry->expires_ms = entry->arrived_ms + 1000;
    return entry;
}

static Entry *
plain_entry(void)
{
    return entry_of("me@from.test", MESSAGE, strlen(MESSAGE), "a@x.test b@x.test");
}

static Entry *
bounce_of_one_kind(const RelaySettings *settings, const Entry *entry, DsnAction action, const GArray *places,
                   GError **error)
{
    const BounceNews news = {
        .failed = action == DSN_FAILED ? places : NULL,
        .delayed = action == DSN_DELAYED ? places : NULL,
        .relayed = action == DSN_RELAYED ? places : NULL,
    };

    return bounce_of_round(settings, entry, &news, error);
}

static Entry *
bounce(const RelaySettings *settings, const Entry *entry, DsnAction action)
{
    g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < entry->outcomes->len; i++)
        g_array_append_val(places, i);
    Entry *made = bounce_of_one_kind(settings, entry, action, places, &error);
    g_assert_no_error(error);
    return made;
}

static char *
bytes_of(const Entry *entry)
{
    gsize n = (gsize) spool_length(entry->spool);
    char *bytes = g_malloc0(n + 1);

    g_assert_cmpint(spool_read_at(entry->spool, 0, bytes, n, NULL), ==, n);
    g_assert_cmpuint(strlen(bytes), ==, n);
    return bytes;
}

static void
test_entry(void)
{
    g_autoptr(RelaySettings) settings = open_settings("queue-lifetime = 2d\n", "");
    g_autoptr(Entry) entry = plain_entry();

    entry->envelope->listener = g_strdup("lan");
    clock_freeze(NOW_MS);
    g_autoptr(Entry) made = bounce(settings, entry, DSN_FAILED);
    clock_freeze(-1);
    g_assert_cmpstr(made->envelope->sender, ==, "");
    g_assert_cmpuint(made->envelope->recipients->len, ==, 1);
    const EnvelopeRecipient *to = made->envelope->recipients->pdata[0];
    g_assert_cmpstr(to->address, ==, "me@from.test");
    g_assert_cmpstr(made->envelope->listener, ==, "lan");
    g_assert_true(made->is_bounce && made->expanded);
    g_assert_cmpuint(entry_open(made), ==, 1);
    g_assert_cmpint(made->due_ms, ==, NOW_MS);
    g_assert_cmpint(made->expires_ms, ==, NOW_MS + 2 * 24 * 3600 * 1000);
    g_assert_nonnull(strstr(made->message_id, made->id));
    g_assert_cmpint(scan_verdict(made->scan), ==, SCAN_OK);
    g_autofree char *bytes = bytes_of(made);
    g_assert_nonnull(strstr(bytes, "\r\nFinal-Recipient: rfc822; b@x.test\r\n"));
    g_assert_null(strstr(bytes, "hidden@x.test"));
}

/* Nobody is told of a bounce's fate. */
static void
test_nobody(void)
{
    g_autoptr(RelaySettings) settings = open_settings("", "");
    g_autoptr(Entry) null_sender = entry_of("", MESSAGE, strlen(MESSAGE), "a@x.test");
    g_autoptr(Entry) own = plain_entry();
    g_autoptr(Entry) never = plain_entry();
    g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GError) error = NULL;

    own->is_bounce = true;
    for (guint i = 0; i < 2; i++)
        ((EnvelopeRecipient *) never->envelope->recipients->pdata[i])->notify = g_strdup("NEVER");
    for (DsnAction action = DSN_FAILED; action <= DSN_RELAYED; action++) {
        g_assert_null(bounce(settings, null_sender, action));
        g_assert_null(bounce(settings, own, action));
        g_assert_null(bounce(settings, never, action));
    }
    g_autoptr(Entry) plain = plain_entry();
    g_assert_null(bounce(settings, plain, DSN_RELAYED)); /* nobody asked for it */
    g_assert_null(bounce_of_one_kind(settings, plain, DSN_FAILED, none, &error));
    g_assert_no_error(error);
}

static void
test_notify(void)
{
    g_autoptr(RelaySettings) settings = open_settings("", "");
    g_autoptr(Entry) entry = plain_entry();
    EnvelopeRecipient *first = entry->envelope->recipients->pdata[0];

    first->notify = g_strdup("SUCCESS,DELAY");
    g_autoptr(Entry) failed = bounce(settings, entry, DSN_FAILED);
    g_autoptr(Entry) relayed = bounce(settings, entry, DSN_RELAYED);
    g_autofree char *of_failed = bytes_of(failed), *of_relayed = bytes_of(relayed);
    g_assert_null(strstr(of_failed, "Final-Recipient: rfc822; a@x.test"));
    g_assert_nonnull(strstr(of_failed, "Final-Recipient: rfc822; b@x.test"));
    g_assert_nonnull(strstr(of_relayed, "Final-Recipient: rfc822; a@x.test"));
    g_assert_null(strstr(of_relayed, "Final-Recipient: rfc822; b@x.test"));
}

/* One notification, whatever happened. */
static void
test_round(void)
{
    static const guint one = 0, other = 1;
    g_autoptr(RelaySettings) settings = open_settings("", "");
    g_autoptr(Entry) entry = plain_entry();
    g_autoptr(GArray) failed = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GArray) delayed = g_array_new(FALSE, FALSE, sizeof(guint));
    const BounceNews news = { .failed = failed, .delayed = delayed };

    g_array_append_val(failed, other);
    g_array_append_val(delayed, one);
    g_autoptr(Entry) made = bounce_of_round(settings, entry, &news, NULL);
    g_autofree char *bytes = bytes_of(made);
    g_assert_nonnull(strstr(bytes, "rfc822; b@x.test\r\nAction: failed\r\n"));
    g_assert_nonnull(strstr(bytes, "rfc822; a@x.test\r\nAction: delayed\r\n"));
}

static const struct {
    const char *keys, *account, *from;
} froms[] = {
    { "", "", "From: Mail Delivery System <MAILER-DAEMON@here.test>\r\n" },
    { "", "default-from = shop@from.test\n", "From: Mail Delivery System <shop@from.test>\r\n" },
    { "", "from-domains = from.test, other.test\n", "From: Mail Delivery System <MAILER-DAEMON@from.test>\r\n" },
    { "", "from-domains = b\xc3\xbc" "cher.test\n", "From: Mail Delivery System <MAILER-DAEMON@xn--bcher-kva.test>\r\n" },
    { "", "from-domains = from.test\ndefault-from = shop@from.test\n", "From: Mail Delivery System <shop@from.test>\r\n" },
    { "bounce-from = post@from.test\n", "default-from = shop@from.test\n",
      "From: Mail Delivery System <post@from.test>\r\n" },
    { "", "default-from = shop@from.test\n" ACCOUNT("other") "default-from = o@o.test\n[route r]\naccount = other\nsender = <>\n",
      "From: Mail Delivery System <o@o.test>\r\n" },
};

static void
test_from(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(froms); i++) {
        g_autoptr(RelaySettings) settings = open_settings(froms[i].keys, froms[i].account);
        g_autoptr(Entry) entry = plain_entry();
        g_autoptr(Entry) made = bounce(settings, entry, DSN_FAILED);
        g_autofree char *bytes = bytes_of(made);
        g_assert_true(g_str_has_prefix(bytes, froms[i].from));
    }
}

/* What would be held for good is said before it happens. */
static void
test_from_fault(void)
{
    static const struct {
        const char *keys, *account, *fault;
    } rows[] = {
        { "", "", "account main: bounces come from MAILER-DAEMON@here.test, which the API may refuse: *" },
        { "bounce-from = a@from.test\n", "", NULL },
        { "", "default-from = a@from.test\n", NULL },
        { "", "from-domains = from.test\n", NULL },
        { "bounce-from = a@from.test\n", "from-domains = x.test, FROM.test\n", NULL },
        { "bounce-from = a@y.test\n", "from-domains = from.test\n",
          "account main: bounces come from a@y.test, which is outside its from-domains: *" },
        { "bounce-from = a@y.test\n", "from-domains = from.test\ndefault-from = b@from.test\n", NULL }, /* rewritten */
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(RelaySettings) settings = open_settings(rows[i].keys, rows[i].account);
        g_autofree char *fault = bounce_from_fault(settings, settings->account);
        g_assert_true(rows[i].fault ? fault && g_pattern_match_simple(rows[i].fault, fault) : !fault);
    }
}

static const struct {
    const char *keys, *account, *ret;
    DsnAction action;
    bool whole;
} returns[] = {
    { "", "", NULL, DSN_FAILED, true },
    { "bounce-size = 10\n", "", NULL, DSN_FAILED, false },
    { "bounce-size = 10\n", "", "FULL", DSN_FAILED, true },
    { "", "", "HDRS", DSN_FAILED, false },
    { "", "", "FULL", DSN_DELAYED, false },
    { "", "max-mail-size = 100k\n", "FULL", DSN_FAILED, false }, /* the account could not carry it */
};

static void
test_return(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(returns); i++) {
        g_autoptr(RelaySettings) settings = open_settings(returns[i].keys, returns[i].account);
        g_autoptr(Entry) entry = plain_entry();
        entry->envelope->ret = g_strdup(returns[i].ret);
        g_autoptr(Entry) made = bounce(settings, entry, returns[i].action);
        g_autofree char *bytes = bytes_of(made);
        g_assert_cmpint(strstr(bytes, "The body") != NULL, ==, returns[i].whole);
        g_assert_cmpint(strstr(bytes, "message/rfc822\r\n") != NULL, ==, returns[i].whole);
        g_assert_nonnull(strstr(bytes, "Message-ID: <o@from.test>\r\n"));
    }
}

/* A mail of root's here is answered to who reads it. */
static void
test_aliases(void)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("shimta-aliases-XXXXXX", &path, NULL);
    g_assert_cmpint(write(fd, "root: admin@x.test\n", 19), ==, 19);
    close(fd);
    g_autofree char *keys = g_strdup_printf("alias-file = %s\nlocal-domains = here.test\n", path);
    g_autoptr(RelaySettings) settings = open_settings(keys, "");
    g_autoptr(Entry) entry = entry_of("root@here.test", MESSAGE, strlen(MESSAGE), "a@x.test");
    g_autoptr(Entry) made = bounce(settings, entry, DSN_FAILED);
    const EnvelopeRecipient *to = made->envelope->recipients->pdata[0];

    g_assert_cmpstr(to->address, ==, "admin@x.test");
    g_unlink(path);
}

/* 8 MB of bare LFs, long lines and 8-bit, through blocks and to the disk. */
static void
test_large(void)
{
    g_autoptr(RelaySettings) settings = open_settings("bounce-size = 10M\n", "");
    g_autoptr(GString) message = g_string_new(MESSAGE);

    for (guint i = 0; message->len < 8 << 20; i++)
        g_string_append_printf(message, "%u \xe3\x81\x82%*s\n", i, (int) (i % 3000), "x");
    g_autoptr(Entry) entry = entry_of("me@from.test", message->str, message->len, "a@x.test");
    g_autoptr(Entry) made = bounce(settings, entry, DSN_FAILED);
    g_assert_null(spool_bytes(made->spool)); /* in its file */
    g_autofree char *bytes = bytes_of(made);
    g_assert_nonnull(strstr(bytes, "Content-Type: message/rfc822\r\n"));
    g_assert_nonnull(strstr(bytes, "\r\nContent-Transfer-Encoding: 8bit\r\n"));
    for (const char *line = bytes; *line;) {
        const char *end = g_strstr_len(line, DSN_LINE_BYTES + 2, "\r\n"); /* under ASan strstr() reads all 8 MB */
        g_assert_true(end && end - line <= DSN_LINE_BYTES && !memchr(line, '\n', (gsize) (end - line)));
        line = end + 2;
    }
}

/* Our own translation reads it again: text, report and original. */
static void
test_translated(void)
{
    g_autoptr(RelaySettings) settings = open_settings("", "");
    g_autoptr(Entry) entry = plain_entry();
    g_autoptr(Entry) made = bounce(settings, entry, DSN_FAILED);
    g_autoptr(GError) error = NULL;
    g_autoptr(Message) message = message_open(made->spool, made->scan, &error);
    TranslateContext context = { .conf = &settings->account->translate, .hostname = "here.test", .id = made->id,
                                 .default_domain = "here.test", .envelope = made->envelope };
    g_autoptr(Mail) mail = mail_from_message(message, &context, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(mail->envelope_from, ==, "");
    g_assert_cmpstr(mail->subject, ==, "Undelivered mail: Hello");
    g_assert_nonnull(strstr(mail->text, "<a@x.test>\n    550 5.1.1 nobody here\n"));
    g_assert_cmpuint(mail->attachments->len, ==, 2);
    g_assert_cmpstr(((MailPart *) mail->attachments->pdata[0])->filename, ==, "delivery-status.txt");
    g_assert_cmpstr(((MailPart *) mail->attachments->pdata[1])->filename, ==, "original-message.eml");
}

/* Two bounces of one mail share neither id nor boundary. */
static void
test_unique(void)
{
    g_autoptr(RelaySettings) settings = open_settings("", "");
    g_autoptr(Entry) entry = plain_entry();
    g_autoptr(Entry) one = bounce(settings, entry, DSN_FAILED);
    g_autoptr(Entry) other = bounce(settings, entry, DSN_FAILED);
    g_autofree char *bytes = bytes_of(one), *others = bytes_of(other);
    const char *boundary = strstr(bytes, " boundary=\"") + strlen(" boundary=");

    g_assert_cmpstr(one->id, !=, other->id);
    g_assert_true(g_str_has_prefix(boundary, "\"=_"));
    g_assert_cmpint(strncmp(boundary, strstr(others, " boundary=\"") + strlen(" boundary="), 20), !=, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bounce/entry", test_entry);
    g_test_add_func("/bounce/nobody", test_nobody);
    g_test_add_func("/bounce/notify", test_notify);
    g_test_add_func("/bounce/round", test_round);
    g_test_add_func("/bounce/from", test_from);
    g_test_add_func("/bounce/from-fault", test_from_fault);
    g_test_add_func("/bounce/return", test_return);
    g_test_add_func("/bounce/aliases", test_aliases);
    g_test_add_func("/bounce/large", test_large);
    g_test_add_func("/bounce/translated", test_translated);
    g_test_add_func("/bounce/unique", test_unique);
    return g_test_run();
}
