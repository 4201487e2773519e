#include "relay/watch.h"

#include "queue/watch_line.h"

#include <string.h>

/* The header that a line of the journal has of such a mail; caller frees. */
static char *
kept(const char *mail, gsize n, bool header)
{
    Envelope *envelope = envelope_new("shop@x.jp");
    Spool *spool = spool_new(256 * 1024, NULL);
    g_autoptr(GString) printed = g_string_new(NULL);

    envelope_add_recipient(envelope, "you@y.jp");
    spool_append(spool, mail, n);
    g_assert_true(spool_finish(spool, NULL));
    g_autoptr(Entry) entry = entry_new(envelope, spool, NULL);
    JournalLine line = { .event = JOURNAL_WATCHED, .id = "Q1", .account = "main", .recipient = "you@y.jp",
                         .sender = "shop@x.jp" };
    JournalLine read;
    const Provider account = { 0 };
    g_autofree char *text = watch_text(entry, envelope->recipients->pdata[0], header ? &account : NULL);
    line.text = text;
    journal_line_print(&line, printed);
    g_assert_cmpuint(printed->len, <=, JOURNAL_LINE_BYTES);
    printed->str[printed->len - 1] = '\0';
    g_assert_true(journal_line_parse(printed->str, printed->len - 1, &read));
    FeedbackMail got;
    FeedbackRecipient to;
    g_autofree char *copy = g_strdup(read.text);
    g_assert_true(watch_line_parse(&read, copy, &got, &to));
    g_assert_cmpstr(got.from, ==, header ? "shop@x.jp" : NULL);
    return g_strdup(got.header);
}

#define FROM "From: Shop <shop@x.jp>\r\n"
#define FROM_KEPT "From: Shop <shop@x.jp>\n"

static void
test_whole(void)
{
    static const char *const rows[][2] = {
        { FROM "X-Campaign: 77\r\nList-Id: <l.x.jp>\r\nReply-To: r@x.jp\r\n\r\nX-Body: no\r\n",
          FROM_KEPT "X-Campaign: 77\nList-Id: <l.x.jp>\nReply-To: r@x.jp\n" },
        { FROM "Subject: =?utf-8?B?5rOo?=\r\n\t=?utf-8?B?5paH?=\r\nReceived: a\r\nReceived: b\r\n\r\n",
          FROM_KEPT "Subject: =?utf-8?B?5rOo?=\n\t=?utf-8?B?5paH?=\nReceived: a\nReceived: b\n" },
        { FROM "Bcc: hidden@x.jp,\r\n other@x.jp\r\nbCC : third@x.jp\r\nResent-Bcc: b@x.jp\r\nX-Bcc: c\r\n\r\n",
          FROM_KEPT "X-Bcc: c\n" },
        { FROM "Subject: 注文\r\n", FROM_KEPT "Subject: 注文\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = kept(rows[i][0], strlen(rows[i][0]), true);
        g_autofree char *none = kept(rows[i][0], strlen(rows[i][0]), false);
        g_assert_cmpstr(got, ==, rows[i][1]);
        g_assert_null(none);
    }
}

/* One field of so many lines of 20 bytes, then others. */
static char *
kept_of_long(guint lines, guint more)
{
    g_autoptr(GString) mail = g_string_new(FROM "To: a@y.jp");

    for (guint i = 0; i < lines; i++)
        g_string_append(mail, ",\r\n\tsomebody1@y.jp");
    for (guint i = 0; i < more; i++)
        g_string_append(mail, "\r\nX-Any: 0123456789");
    g_string_append(mail, "\r\nX-Last: 1\r\n\r\nBody\r\n");
    return kept(mail->str, mail->len, true);
}

static void
test_long(void)
{
    static const struct {
        guint lines, more;
        bool to, last;
    } rows[] = {
        { 100, 0, true, true }, { 1000, 0, false, true }, { 100, 5000, true, false }, { 0, 2000, true, false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = kept_of_long(rows[i].lines, rows[i].more);
        g_assert_true(g_str_has_prefix(got, FROM_KEPT));
        g_assert_cmpint(strstr(got, "\nTo: a@y.jp") != NULL, ==, rows[i].to);
        g_assert_cmpint(strstr(got, "\nX-Last: 1\n") != NULL, ==, rows[i].last);
        g_assert_cmpuint(strlen(got), <=, 14 * 1024);
        g_assert_true(g_str_has_suffix(got, "\n"));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/watch/whole", test_whole);
    g_test_add_func("/watch/long", test_long);
    return g_test_run();
}
