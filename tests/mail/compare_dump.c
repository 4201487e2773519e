/* Prints what the mails named on the command line become, for compare_test.py: a line for each fact, its words
 * escaped as in URLs. */
#include <stdio.h>
#include <string.h>

#include "tests/mail/corpus_mail.h"

static void
print(const char *fact, const char *one, const char *two, const char *three)
{
    const char *const words[] = { one, two, three };

    fputs(fact, stdout);
    for (guint i = 0; i < G_N_ELEMENTS(words) && words[i]; i++) {
        g_autofree char *escaped = g_uri_escape_string(words[i], NULL, FALSE);
        printf(" %s", escaped);
    }
    putchar('\n');
}

static void
print_mailboxes(const char *fact, const GPtrArray *list)
{
    for (guint i = 0; i < list->len; i++) {
        const Mailbox *mailbox = list->pdata[i];
        print(fact, mailbox->name, mailbox->address, NULL);
    }
}

static void
print_mail(const Mail *mail)
{
    print("from", mail->from->name, mail->from->address, NULL);
    print_mailboxes("to", mail->to);
    print_mailboxes("cc", mail->cc);
    print("subject", mail->subject, NULL, NULL);
    print("text", mail->text, NULL, NULL);
    if (mail->html)
        print("html", mail->html, NULL, NULL);
    for (guint i = 0; i < mail->attachments->len; i++) {
        const MailPart *part = mail->attachments->pdata[i];
        g_autofree char *digest = corpus_digest(part, 65536);
        print("attachment", part->filename, part->type, digest);
    }
}

static void
dump(const char *path)
{
    g_autoptr(Envelope) envelope = envelope_new("sender@example.jp");
    TranslateConf conf = { 0 };
    TranslateContext context = { .conf = &conf, .hostname = "h.example.jp", .id = "1", .envelope = envelope };
    g_autofree char *bytes = NULL;
    g_autoptr(GError) error = NULL;
    gsize n;

    print("mail", path, NULL, NULL);
    g_file_get_contents(path, &bytes, &n, &error);
    g_assert_no_error(error);
    g_autoptr(Mail) mail = corpus_translate(bytes, n, &context, &error);
    if (mail)
        print_mail(mail);
    else
        print("refused", error->message, NULL, NULL);
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        dump(argv[i]);
    return 0;
}
