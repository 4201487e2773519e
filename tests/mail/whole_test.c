#include "mail/whole.h"

#include "mail/mail.h"

#include <string.h>

static Mail *
translate(const char *message, gint64 text_chars, gint64 html_chars)
{
    static const TranslateConf conf = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(Spool) spool = spool_new(1 << 16, NULL);
    g_autoptr(Scan) scan = scan_new();
    g_autoptr(Envelope) envelope = envelope_new("me@x.test");

    spool_append(spool, message, strlen(message));
    g_assert_true(spool_finish(spool, NULL));
    scan_push(scan, message, strlen(message));
    scan_finish(scan);
    g_autoptr(Message) opened = message_open(spool, scan, &error);
    g_assert_no_error(error);
    TranslateContext context = { .conf = &conf, .hostname = "here.test", .id = "id", .envelope = envelope,
                                 .text_chars = text_chars, .html_chars = html_chars };
    Mail *mail = mail_from_message(opened, &context, &error);
    g_assert_no_error(error);
    return mail;
}

static char *
content_of(const PartContent *content)
{
    bool cut;

    if (!content)
        return NULL;
    g_autoptr(GByteArray) array = part_content_read(content, 1 << 28, &cut, NULL);
    return g_strndup((const char *) array->data, array->len);
}

static const struct {
    const char *head, *body;
    const char *text, *html; /* the wholes, for limits of 10 and 20 characters */
} rows[] = {
    { "", "123456789\n", NULL, NULL },
    { "", "1234567890\n", "1234567890\n", NULL },
    { "", "日本語日本語日本語\n", NULL, NULL },
    { "", "日本語日本語日本語日\n", "日本語日本語日本語日\n", NULL },
    { "Content-Type: text/html\r\n", "<p>9012345678</p>\r\n", NULL, NULL },
    { "Content-Type: text/html; charset=utf-8\r\n", "<p>日901234567890</p>\n", NULL, "\xef\xbb\xbf<p>日901234567890</p>\n" },
    { "Content-Type: multipart/mixed; boundary=b\r\n",
      "--b\r\n\r\n12345\r\n--b\r\n\r\nfooter\r\n--b--\r\n", "12345\nfooter", NULL },
};

static void
test_table(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *message = g_strdup_printf("From: me@x.test\r\nMIME-Version: 1.0\r\n%s\r\n%s", rows[i].head,
                                                   rows[i].body);
        g_autoptr(Mail) mail = translate(message, 10, 20);
        g_autofree char *text = content_of(mail->whole_text);
        g_autofree char *html = content_of(mail->whole_html);

        g_test_message("%s", rows[i].body);
        g_assert_cmpstr(text, ==, rows[i].text);
        g_assert_cmpstr(html, ==, rows[i].html);
    }
}

/* Longer than any text is held in memory: the parts are read once more, in their order, and nothing else is done twice. */
static void
test_second_walk(void)
{
    g_autoptr(GString) message = g_string_new("From: me@x.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                                              "--b\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n");
    g_autoptr(GString) want = g_string_new(NULL);

    for (guint i = 0; i < 400; i++) {
        g_string_append_printf(message, "%03u \x1b$BF|K\\8l\x1b(B\r\n", i);
        g_string_append_printf(want, "%03u 日本語\n", i);
    }
    g_string_append(message, "\r\n--b\r\nContent-Type: image/png; name=a.png\r\n\r\npng\r\n"
                             "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nfooter\r\n--b--\r\n");
    g_string_append(want, "footer");
    g_autoptr(Mail) mail = translate(message->str, 10, 10); /* room for 88 bytes */
    g_autofree char *text = content_of(mail->whole_text);

    g_assert_cmpint(strcmp(text, want->str), ==, 0);
    g_assert_cmpint(mail->text_chars, >, 10);
    g_assert_cmpuint(mail->attachments->len, ==, 1);
}

/* Blocks end where lines do: no character is torn, in any charset. */
static void
test_blocks(void)
{
    g_autoptr(Spool) in = spool_new(1 << 16, NULL);
    g_autoptr(Spool) spool = spool_new(1 << 16, NULL);
    g_autoptr(GString) want = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < 30000; i++) {
        spool_append(in, "\x93\xfa\x96\x7b\x8c\xea\x83\x5c\r\n", 10);
        g_string_append(want, "日本語ソ\n");
    }
    g_assert_true(spool_finish(in, NULL));
    g_autoptr(PartContent) content = part_content_new(in, 0, spool_length(in), TRANSFER_IDENTITY);
    g_assert_true(whole_append_part(spool, content, "shift_jis", NULL, &error));
    g_autoptr(PartContent) whole = whole_finish(spool_ref(spool), &error);
    g_autofree char *text = content_of(whole);
    g_assert_cmpint(strcmp(text, want->str), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/whole/table", test_table);
    g_test_add_func("/whole/second-walk", test_second_walk);
    g_test_add_func("/whole/blocks", test_blocks);
    return g_test_run();
}
