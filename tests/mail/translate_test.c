/* Each corpus/NAME.eml becomes what NAME.mail says. NAME.set changes the envelope or the account. With
 * UPDATE=1 in the environment the .mail files are written instead. */
#include "mail/mail.h"

#include <string.h>

#include "tests/mail/corpus_mail.h"

typedef struct {
    char *sender;
    bool submission, from_headers, gateway;
    char *full_name;
} EnvelopeSettings;

static const ConfKey envelope_keys[] = {
    CONF_KEY(EnvelopeSettings, sender, "sender", CONF_STRING, "sender@example.jp"),
    CONF_KEY(EnvelopeSettings, submission, "submission", CONF_BOOL, "no"),
    CONF_KEY(EnvelopeSettings, from_headers, "from-headers", CONF_BOOL, "no"),
    CONF_KEY(EnvelopeSettings, gateway, "gateway", CONF_BOOL, "no"),
    CONF_KEY(EnvelopeSettings, full_name, "full-name", CONF_STRING, NULL),
    { 0 },
};

typedef struct {
    guint text_chars, html_chars, header_bytes;
} ContextSettings;

static const ConfKey context_keys[] = {
    CONF_KEY(ContextSettings, text_chars, "text-chars", CONF_UINT, "0"),
    CONF_KEY(ContextSettings, html_chars, "html-chars", CONF_UINT, "0"),
    CONF_KEY(ContextSettings, header_bytes, "header-bytes", CONF_UINT, "998"),
    { 0 },
};

typedef struct {
    EnvelopeSettings envelope;
    ContextSettings context;
    TranslateConf account;
} Settings;

static void
read_settings(const char *path, Settings *into)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    g_autoptr(ConfFile) file = conf_open_text(path, text ? text : "", &error);
    g_assert_no_error(error);
    g_assert_true(conf_read(file, "envelope", "", envelope_keys, &into->envelope, &error));
    g_assert_true(conf_read(file, "context", "", context_keys, &into->context, &error));
    g_assert_true(conf_read(file, "account", "main", translate_conf_keys, &into->account, &error));
    g_assert_true(conf_check_unknown(file, &error));
}

static void
print_mailboxes(GString *out, const char *name, const GPtrArray *list)
{
    for (guint i = 0; i < list->len; i++) {
        const Mailbox *mailbox = list->pdata[i];
        g_string_append_printf(out, "%s: [%s] <%s>\n", name, mailbox->name, mailbox->address);
    }
}

static void
print_body(GString *out, const char *name, const char *body, gint64 chars)
{
    g_auto(GStrv) lines = g_strsplit(body, "\n", -1);

    g_string_append_printf(out, "%s: %" G_GINT64_FORMAT " characters\n", name, chars);
    for (guint i = 0; lines[i]; i++)
        if (lines[i + 1] || *lines[i])
            g_string_append_printf(out, "  |%s%s\n", lines[i], lines[i + 1] ? "" : "<no line end>");
}

static char *
print_mail(const Mail *mail)
{
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "from: [%s] <%s>\n", mail->from->name, mail->from->address);
    if (mail->reply_to)
        g_string_append_printf(out, "reply-to: [%s] <%s>\n", mail->reply_to->name, mail->reply_to->address);
    g_string_append_printf(out, "envelope-from: <%s>\n", mail->envelope_from);
    print_mailboxes(out, "to", mail->to);
    print_mailboxes(out, "cc", mail->cc);
    print_mailboxes(out, "named", mail->named);
    if (mail->to_header)
        g_string_append_printf(out, "to-header: %s\n", mail->to_header);
    if (mail->cc_header)
        g_string_append_printf(out, "cc-header: %s\n", mail->cc_header);
    g_string_append_printf(out, "subject: %s\n", mail->subject);
    g_string_append_printf(out, "message-id: %s\n", mail->message_id);
    if (strcmp(mail->charset, "UTF-8") != 0)
        g_string_append_printf(out, "charset: %s\n", mail->charset);
    for (guint i = 0; i < mail->headers->len; i++) {
        const MailHeader *header = mail->headers->pdata[i];
        g_string_append_printf(out, "header: %s: %s\n", header->name, header->value);
    }
    print_body(out, "text", mail->text, mail->text_chars);
    if (mail->html)
        print_body(out, "html", mail->html, mail->html_chars);
    for (guint i = 0; i < mail->attachments->len; i++) {
        const MailPart *part = mail->attachments->pdata[i];
        g_autofree char *digest = corpus_digest(part, 4096);
        digest[16] = '\0';
        g_string_append_printf(out, "attachment: \"%s\" %s, %" G_GINT64_FORMAT " bytes, sha256 %s…\n",
                               part->filename, part->type, part->length, digest);
    }
    for (guint i = 0; i < mail->notes->len; i++) {
        const MailNote *note = mail->notes->pdata[i];
        g_string_append_printf(out, "note: %d %s: %s\n", note->level, note->rule, note->text);
    }
    return g_string_free(out, FALSE);
}

static char *
translate_and_print(const char *bytes, size_t n, const Settings *settings)
{
    const EnvelopeSettings *from = &settings->envelope;
    g_autoptr(Envelope) envelope = envelope_new(from->sender);
    TranslateContext context = {
        .conf = &settings->account,
        .hostname = "web1.example.jp",
        .default_domain = "example.jp",
        .id = "3fQz81",
        .envelope = envelope,
        .text_chars = settings->context.text_chars,
        .html_chars = settings->context.html_chars,
        .header_bytes = settings->context.header_bytes,
    };
    g_autoptr(GError) error = NULL;

    envelope->submission = from->submission;
    envelope->from_headers = from->from_headers;
    envelope->gateway = from->gateway;
    envelope->full_name = g_strdup(from->full_name);
    g_autoptr(Mail) mail = corpus_translate(bytes, n, &context, &error);
    if (!mail) {
        g_assert_cmpuint(error->domain, ==, MAIL_ERROR);
        return g_strdup_printf("refused: %d %s\n", error->code, error->message);
    }
    corpus_check(mail);
    return print_mail(mail);
}

static void
test_file(const void *data)
{
    const char *eml = data;
    g_autofree char *base = g_strndup(eml, strlen(eml) - strlen(".eml"));
    g_autofree char *set = g_strconcat(base, ".set", NULL);
    g_autofree char *golden = g_strconcat(base, ".mail", NULL);
    g_autofree char *bytes = NULL;
    g_autofree char *want = NULL;
    g_autoptr(GError) error = NULL;
    gsize n;
    Settings settings = { 0 };

    g_file_get_contents(eml, &bytes, &n, &error);
    g_assert_no_error(error);
    read_settings(set, &settings);
    g_autofree char *got = translate_and_print(bytes, n, &settings);
    if (g_getenv("UPDATE"))
        g_file_set_contents(golden, got, -1, &error);
    else if (g_file_get_contents(golden, &want, NULL, &error))
        g_assert_cmpstr(got, ==, want);
    g_assert_no_error(error);
    conf_clear(envelope_keys, &settings.envelope);
    conf_clear(context_keys, &settings.context);
    conf_clear(translate_conf_keys, &settings.account);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "mail", "corpus", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        if (!g_str_has_suffix(name, ".eml"))
            continue;
        g_autofree char *path = g_strdup_printf("/translate/%.*s", (int)(strlen(name) - 4), name);
        g_test_add_data_func_full(path, g_build_filename(folder, name, NULL), test_file, g_free);
    }
    return g_test_run();
}
