#include "tests/mail/corpus_mail.h"

#include <string.h>

Mail *
corpus_translate(const char *bytes, size_t n, const TranslateContext *context, GError **error)
{
    g_autoptr(Spool) spool = spool_new(1 << 20, NULL);
    g_autoptr(Scan) scan = scan_new();

    spool_append(spool, bytes, n);
    if (!spool_finish(spool, error))
        return NULL;
    scan_push(scan, bytes, n);
    scan_finish(scan);

    g_autoptr(Message) message = message_open(spool, scan, error);
    return message ? mail_from_message(message, context, error) : NULL;
}

static void
check_text(const char *text)
{
    g_assert_nonnull(text);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_null(strchr(text, '\r'));
}

static void
check_line(const char *text)
{
    check_text(text);
    g_assert_null(strchr(text, '\n'));
}

static void
check_mailbox(const Mailbox *mailbox)
{
    AddressCheck check = address_check(mailbox->address);

    check_line(mailbox->name);
    g_assert_true(check == ADDRESS_OK || check == ADDRESS_NOT_ASCII || check == ADDRESS_TOO_LONG);
}

static void
check_mailboxes(const GPtrArray *list)
{
    for (guint i = 0; i < list->len; i++)
        check_mailbox(list->pdata[i]);
}

char *
corpus_digest(const MailPart *part, size_t step)
{
    g_autoptr(Source) source = mail_part_bytes(part);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *buf = g_malloc(step);
    gint64 total = 0;
    gssize n;

    g_assert_cmpint(source->length, ==, part->length);
    g_assert_cmpint(source_read(source, buf, 1, NULL), >=, 0);
    g_assert_true(source_rewind(source, NULL));
    while ((n = source_read(source, buf, step, NULL)) > 0) {
        g_checksum_update(sum, (guchar *)buf, n);
        total += n;
    }
    g_assert_cmpint(n, ==, 0);
    g_assert_cmpint(source_read(source, buf, step, NULL), ==, 0);
    g_assert_cmpint(total, ==, part->length);
    return g_strdup(g_checksum_get_string(sum));
}

static void
check_part(const MailPart *part)
{
    g_autofree char *large = corpus_digest(part, 65536);
    g_autofree char *small = corpus_digest(part, 7);

    g_assert_cmpstr(large, ==, small);
    check_line(part->filename);
    check_line(part->type);
    g_assert_cmpstr(part->filename, !=, "");
    g_assert_null(strpbrk(part->filename, "/\\"));
}

void
corpus_check(const Mail *mail)
{
    check_mailbox(mail->from);
    if (mail->reply_to)
        check_mailbox(mail->reply_to);
    check_line(mail->envelope_from);
    check_mailboxes(mail->to);
    check_mailboxes(mail->cc);
    check_mailboxes(mail->named);
    if (mail->to_header)
        check_line(mail->to_header);
    if (mail->cc_header)
        check_line(mail->cc_header);
    check_line(mail->subject);
    g_assert_cmpstr(mail->subject, !=, "");
    check_text(mail->text);
    g_assert_cmpstr(mail->text, !=, "");
    if (mail->html)
        check_text(mail->html);
    check_line(mail->message_id);
    g_assert_true(g_str_equal(mail->charset, "UTF-8") || g_str_equal(mail->charset, "ISO-2022-JP"));
    g_autofree char *subject = g_convert(mail->subject, -1, mail->charset, "UTF-8", NULL, NULL, NULL);
    g_autofree char *text = g_convert(mail->text, -1, mail->charset, "UTF-8", NULL, NULL, NULL);
    g_assert_true(subject && text); /* every character exists there */
    for (guint i = 0; i < mail->attachments->len; i++)
        check_part(mail->attachments->pdata[i]);
    for (guint i = 0; i < mail->headers->len; i++) {
        const MailHeader *header = mail->headers->pdata[i];
        check_line(header->name);
        check_line(header->value);
    }
    for (guint i = 0; i < mail->notes->len; i++)
        check_text(((const MailNote *)mail->notes->pdata[i])->text);
}
