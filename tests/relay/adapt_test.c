#include "relay/adapt.h"

#include "mail/part_source.h"
#include "mail/translate.h"
#include "provider/fixture.h"

#include <string.h>
#include <syslog.h>

#define EMOJI "\xf0\x9f\x98\x80" /* U+1F600: four bytes, two units of UTF-16 */

static const ProviderLimits limits = { .subject_chars = 10, .text_chars = 200, .html_chars = 100, .header_bytes = 998,
                                       .attachments = 2, .mail_bytes = 4000 };

typedef struct {
    Provider *provider;
    Mail *mail;
    Spool *spool;
    Outcome refusal;
} Case;

static void
add_part(Case *self, const char *name, const char *bytes)
{
    g_autoptr(GBytes) content = g_bytes_new(bytes, strlen(bytes));

    g_ptr_array_add(self->mail->attachments, mail_part_new(name, "text/plain", part_content_new_bytes(content)));
}

/* NULL: as it is without. */
static void
case_open(Case *self, const char *subject, const char *text, const char *html)
{
    Mail *mail = mail_new();

    *self = (Case) { .provider = fixture_account(""), .mail = mail, .spool = spool_new(1 << 20, NULL) };
    self->provider->limits = limits;
    mail->text = g_strdup(text ? text : "text\n");
    mail->subject = g_strdup(subject ? subject : "subject");
    mail->subject_chars = g_utf8_strlen(mail->subject, -1);
    mail->html = g_strdup(html);
    mail->text_chars = g_utf8_strlen(mail->text, -1);
    mail->html_chars = html ? g_utf8_strlen(html, -1) : 0;
    g_autoptr(GBytes) whole_text = g_bytes_new(mail->text, strlen(mail->text));
    mail->whole_text = part_content_new_bytes(whole_text);
    if (html) {
        g_autoptr(GBytes) whole_html = g_bytes_new(html, strlen(html));
        mail->whole_html = part_content_new_bytes(whole_html);
    }
}

static bool
case_adapt(Case *self)
{
    return adapt_mail(self->mail, self->provider, self->spool, &self->refusal);
}

static void
case_close(Case *self)
{
    outcome_clear(&self->refusal);
    spool_unref(self->spool);
    mail_free(self->mail);
    provider_free(self->provider);
}

static char *
repeat(const char *text, guint n)
{
    GString *out = g_string_new(NULL);

    while (n-- > 0)
        g_string_append(out, text);
    return g_string_free(out, FALSE);
}

static char *
content_of(const MailPart *part)
{
    g_autoptr(Source) source = mail_part_bytes(part);
    char *out = g_malloc0((gsize) part->length + 1);
    gint64 at = 0;
    gssize n;

    g_assert_cmpint(source->length, ==, part->length);
    while ((n = source_read(source, out + at, (gsize) (part->length - at) + 1, NULL)) > 0)
        at += n;
    g_assert_cmpint(at, ==, part->length);
    return out;
}

/* unit, repeated, under a limit of characters or bytes: how many stay before the ellipsis; -1: all. */
static const struct {
    const char *unit;
    guint n, chars, bytes;
    int kept;
} subjects[] = {
    { "s", 9, 10, 0, -1 },      { "s", 10, 10, 0, -1 },    { "s", 11, 10, 0, 9 },
    { "日", 10, 10, 0, -1 },    { "日", 11, 10, 0, 9 },    { EMOJI, 10, 10, 0, -1 },   { EMOJI, 11, 10, 0, 9 },
    { "s", 19, 0, 20, -1 },     { "s", 20, 0, 20, -1 },    { "s", 21, 0, 20, 17 },
    { "日", 6, 0, 20, -1 },     { "日", 7, 0, 20, 5 },     { "日", 7, 0, 21, -1 },     { "日", 8, 0, 21, 6 },
    { EMOJI, 5, 0, 20, -1 },    { EMOJI, 6, 0, 20, 4 },    { EMOJI, 6, 0, 22, 4 },     { EMOJI, 6, 0, 23, 5 },
    { "日", 11, 10, 20, 5 },    { "s", 11, 0, 0, -1 },
};

static void
test_subject(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(subjects); i++) {
        g_autofree char *subject = repeat(subjects[i].unit, subjects[i].n);
        g_autofree char *first = repeat(subjects[i].unit, (guint) MAX(subjects[i].kept, 0));
        g_autofree char *cut = g_strconcat(first, "…", NULL);
        Case one;

        case_open(&one, subject, NULL, NULL);
        one.provider->limits.subject_chars = subjects[i].chars;
        one.provider->limits.subject_bytes = subjects[i].bytes;
        g_assert_true(case_adapt(&one));
        g_assert_cmpstr(one.mail->subject, ==, subjects[i].kept < 0 ? subject : cut);
        g_assert_cmpint(one.mail->subject_chars, ==, g_utf8_strlen(one.mail->subject, -1));
        g_assert_cmpuint(one.mail->notes->len, ==, subjects[i].kept >= 0);
        g_assert_cmpuint(one.mail->attachments->len, ==, 0);
        case_close(&one);
    }
}

/* At limit - 1, limit and limit + 1, in characters of one to four bytes. */
static void
test_text(void)
{
    static const char *const units[] = { "t", "é", "日", EMOJI };

    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        for (guint n = 199; n <= 201; n++) {
            g_autofree char *text = repeat(units[i], n);
            Case one;

            case_open(&one, NULL, text, NULL);
            g_assert_true(case_adapt(&one));
            g_assert_cmpint(g_utf8_strlen(one.mail->text, -1), ==, MIN(n, 200));
            g_assert_true(g_utf8_validate(one.mail->text, -1, NULL));
            g_assert_cmpuint(one.mail->attachments->len, ==, n > 200);
            g_assert_cmpint(g_str_has_suffix(one.mail->text, "The whole text is attached as message.txt.]\n"), ==, n > 200);
            if (n > 200) {
                const MailPart *whole = one.mail->attachments->pdata[0];
                const MailNote *note = one.mail->notes->pdata[0];
                g_autofree char *content = content_of(whole);
                g_assert_cmpstr(whole->filename, ==, "message.txt");
                g_assert_cmpstr(whole->type, ==, "text/plain; charset=utf-8");
                g_assert_cmpstr(content, ==, text);
                g_assert_cmpstr(note->rule, ==, "text-cut");
            }
            case_close(&one);
        }
    }
}

static void
test_html(void)
{
    for (guint n = 99; n <= 101; n++) {
        g_autofree char *html = repeat("日", n);
        Case one;

        case_open(&one, NULL, NULL, html);
        g_assert_true(case_adapt(&one));
        g_assert_cmpstr(one.mail->html, ==, n > 100 ? NULL : html);
        g_assert_cmpuint(one.mail->attachments->len, ==, n > 100);
        if (n > 100) {
            const MailPart *whole = one.mail->attachments->pdata[0];
            g_autofree char *content = content_of(whole);
            g_assert_cmpstr(whole->filename, ==, "message.html");
            g_assert_cmpstr(content, ==, html);
        }
        case_close(&one);
    }
}

/* Both bodies over their limits, and a text that was made from such an HTML. */
static void
test_both(void)
{
    g_autofree char *text = repeat("t", 201);
    g_autofree char *html = repeat("h", 101);

    for (guint made = 0; made < 2; made++) {
        Case one;

        case_open(&one, NULL, text, html);
        if (made)
            g_clear_pointer(&one.mail->whole_text, part_content_free);
        g_assert_true(case_adapt(&one));
        const MailPart *last = one.mail->attachments->pdata[one.mail->attachments->len - 1];
        g_assert_cmpuint(one.mail->attachments->len, ==, made ? 1 : 2);
        g_assert_cmpstr(last->filename, ==, "message.html");
        g_assert_true(g_str_has_suffix(one.mail->text, made ? "as message.html.]\n" : "as message.txt.]\n"));
        case_close(&one);
    }
}

/* How many attachments stay themselves; the last of the places is the archive. */
static void
test_attachments(void)
{
    for (guint n = 1; n <= 4; n++) {
        Case one;

        case_open(&one, NULL, NULL, NULL);
        for (guint i = 0; i < n; i++)
            add_part(&one, "領収書.txt", "paid\n");
        g_assert_true(case_adapt(&one));
        g_assert_cmpuint(one.mail->attachments->len, ==, MIN(n, 2));
        const MailPart *last = one.mail->attachments->pdata[one.mail->attachments->len - 1];
        g_assert_cmpstr(last->filename, ==, n > 2 ? "attachments.zip" : "領収書.txt");
        if (n > 2) {
            g_autofree char *zip = content_of(last);
            g_assert_cmpstr(last->type, ==, "application/zip");
            g_assert_cmpint(memcmp(zip, "PK\3\4", 4), ==, 0);
            g_assert_cmpint((zip[7] & 8), ==, 8); /* names are UTF-8 */
            g_assert_nonnull(memmem(zip, (gsize) last->length, "領収書.txt", strlen("領収書.txt")));
            g_assert_cmpint(memmem(zip, (gsize) last->length, "領収書 (2).txt", strlen("領収書 (2).txt")) != NULL, ==, n > 2);
        }
        case_close(&one);
    }
}

/* What adaptation attaches counts; an account may take but one file, or any number. */
static void
test_attachment_limits(void)
{
    g_autofree char *text = repeat("t", 201);
    static const guint allowed[] = { 1, 0 };

    for (guint i = 0; i < G_N_ELEMENTS(allowed); i++) {
        Case one;

        case_open(&one, NULL, text, NULL);
        one.provider->limits.attachments = allowed[i];
        add_part(&one, "a.txt", "a");
        g_assert_true(case_adapt(&one));
        const MailPart *first = one.mail->attachments->pdata[0];
        g_assert_cmpuint(one.mail->attachments->len, ==, allowed[i] ? 1 : 2);
        g_assert_cmpstr(first->filename, ==, allowed[i] ? "attachments.zip" : "message.txt");
        case_close(&one);
    }
}

/* limits = refuse; each by one over the limit, and at it. */
static const struct {
    guint subject, text, html, attachments;
    int code;
    const char *text_piece;
} refusals[] = {
    { 10, 200, 100, 2, 0, NULL },
    { 11, 1, 0, 0, 554, "The subject has over 10 characters" },
    { 1, 201, 0, 0, 554, "The text has over 200 characters" },
    { 1, 1, 101, 0, 554, "The HTML has over 100 characters" },
    { 1, 1, 0, 3, 554, "The mail has over 2 attachments" },
};

static void
test_refuse(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *subject = repeat("s", refusals[i].subject);
        g_autofree char *text = repeat("t", refusals[i].text);
        g_autofree char *html = refusals[i].html ? repeat("h", refusals[i].html) : NULL;
        Case one;

        case_open(&one, subject, text, html);
        one.provider->over_limits = OVER_LIMITS_REFUSE;
        for (guint k = 0; k < refusals[i].attachments; k++)
            add_part(&one, "a.txt", "a");
        g_assert_cmpint(case_adapt(&one), ==, refusals[i].code == 0);
        g_assert_cmpint(one.refusal.code, ==, refusals[i].code);
        if (refusals[i].code) {
            g_assert_cmpint(one.refusal.verdict, ==, OUTCOME_PERMANENT);
            g_assert_cmpstr(one.refusal.dsn, ==, "5.6.3");
            g_assert_cmpstr(one.refusal.text, ==, refusals[i].text_piece);
        }
        g_assert_cmpuint(one.mail->notes->len, ==, 0);
        case_close(&one);
    }
}

/* A header that translation has cut or dropped for its length, and one that never passes. */
static void
test_refuse_header(void)
{
    static const struct {
        const char *rule;
        int level, code;
    } rows[] = { { "header-cut", 6, 554 }, { "header-dropped", 5, 554 }, { "header-dropped", 7, 0 } };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Case one;

        case_open(&one, NULL, NULL, NULL);
        one.provider->over_limits = OVER_LIMITS_REFUSE;
        mail_note(one.mail, rows[i].level, rows[i].rule, "a note");
        case_adapt(&one);
        g_assert_cmpint(one.refusal.code, ==, rows[i].code);
        case_close(&one);
    }
}

/* The whole mail after base64, whatever the account says of its limits: "txt" takes 4 bytes, the part the rest. */
static void
test_size(void)
{
    for (guint n = 2997; n <= 2998; n++) {
        g_autofree char *bytes = repeat("b", n);
        Case one;

        case_open(&one, NULL, "txt", NULL);
        add_part(&one, "a.txt", bytes);
        g_assert_cmpint(case_adapt(&one), ==, n == 2997);
        g_assert_cmpint(one.refusal.code, ==, n == 2997 ? 0 : 552);
        if (n > 2997)
            g_assert_cmpstr(one.refusal.text, ==, "Message of 4004 bytes once encoded is over 4000");
        case_close(&one);
    }
}

static const struct {
    const char *from, *envelope_from;
    bool fits;
} senders[] = {
    { "a@x.test", "a@x.test", true },
    { "a@x.test", "", true },
    { "a@日本語.test", "a@日本語.test", true }, /* has an ASCII form */
    { "あ@x.test", "a@x.test", false },
    { "a@x.test", "あ@x.test", false },
};

static void
test_addresses(void)
{
    Outcome refusal = { 0 };

    for (guint i = 0; i < G_N_ELEMENTS(senders); i++) {
        g_autoptr(Mailbox) from = mailbox_new("", senders[i].from);
        Mail mail = { .from = from, .envelope_from = (char *) senders[i].envelope_from };
        g_assert_cmpint(adapt_sender_fits(&mail, &refusal), ==, senders[i].fits);
        g_assert_cmpint(refusal.code, ==, senders[i].fits ? 0 : 553);
        outcome_clear(&refusal);
    }
    g_assert_true(adapt_address_fits("b@日本語.test", &refusal));
    g_assert_false(adapt_address_fits("あ@x.test", &refusal));
    g_assert_cmpstr(refusal.dsn, ==, "5.6.7");
    outcome_clear(&refusal);
}

/* A line at limit - 1, limit and limit + 1. */
static void
test_lines(void)
{
    for (guint n = 997; n <= 999; n++) {
        for (int refuse = 0; refuse <= 1; refuse++) {
            g_autofree char *line = repeat("a", n);
            Case one;

            case_open(&one, NULL, line, line);
            one.provider->limits = (ProviderLimits) { .line_bytes = 998 };
            one.provider->over_limits = refuse ? OVER_LIMITS_REFUSE : OVER_LIMITS_ADAPT;
            g_assert_cmpint(case_adapt(&one), ==, !refuse || n <= 998);
            g_assert_cmpuint(one.mail->notes->len, ==, n > 998 && !refuse ? 2 : 0);
            g_assert_cmpint(strchr(one.mail->text, '\n') != NULL, ==, n > 998 && !refuse);
            g_assert_cmpint(strchr(one.mail->html, '\n') != NULL, ==, n > 998 && !refuse);
            g_assert_cmpint(one.mail->text_chars, ==, strlen(one.mail->text));
            g_assert_cmpint(one.mail->html_chars, ==, strlen(one.mail->html));
            case_close(&one);
        }
    }
}

static void
test_unbreakable_line(void)
{
    g_autofree char *script = repeat("a();", 300);
    g_autofree char *html = g_strconcat("<script>", script, NULL);
    Case one;

    case_open(&one, NULL, NULL, html);
    one.provider->limits = (ProviderLimits) { .line_bytes = 998 };
    g_assert_true(case_adapt(&one));
    g_assert_cmpuint(one.mail->notes->len, ==, 2);
    const MailNote *note = one.mail->notes->pdata[1];
    g_assert_cmpstr(note->rule, ==, "long-lines-left");
    case_close(&one);
}

static void
add_header(Mail *mail, const char *name, const char *value)
{
    MailHeader *header = g_new0(MailHeader, 1);

    header->name = g_strdup(name);
    header->value = g_strdup(value);
    g_ptr_array_add(mail->headers, header);
}

static void
test_headers(void)
{
    for (int none = 0; none <= 1; none++) {
        Case one;

        case_open(&one, NULL, NULL, NULL);
        one.provider->limits.no_headers = none;
        one.provider->over_limits = OVER_LIMITS_REFUSE;
        g_assert_true(case_adapt(&one));
        g_assert_cmpuint(one.mail->notes->len, ==, 0); /* there was nothing to drop */
        add_header(one.mail, "X-Mailer", "shop");
        add_header(one.mail, "X-Original-Message-ID", "<1@shop>");
        g_assert_true(case_adapt(&one));
        g_assert_cmpuint(one.mail->headers->len, ==, none ? 0 : 2);
        g_assert_cmpuint(one.mail->notes->len, ==, none);
        if (none) {
            const MailNote *note = one.mail->notes->pdata[0];
            g_assert_cmpstr(note->rule, ==, "headers-dropped");
            g_assert_cmpint(note->level, ==, LOG_DEBUG);
            g_assert_nonnull(strstr(note->text, "X-Mailer, X-Original-Message-ID"));
        }
        case_close(&one);
    }
}

static void
test_extensions(void)
{
    for (int needed = 0; needed <= 1; needed++) {
        Case one;

        case_open(&one, NULL, NULL, NULL);
        one.provider->limits.extensions = needed;
        one.provider->over_limits = OVER_LIMITS_REFUSE;
        add_part(&one, "README", "r");
        add_part(&one, "表.pdf", "p");
        g_assert_true(case_adapt(&one));
        const MailPart *first = one.mail->attachments->pdata[0], *second = one.mail->attachments->pdata[1];
        g_assert_cmpstr(first->filename, ==, needed ? "README.txt" : "README");
        g_assert_cmpstr(second->filename, ==, "表.pdf");
        g_assert_cmpuint(one.mail->notes->len, ==, needed);
        case_close(&one);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/adapt/subject", test_subject);
    g_test_add_func("/adapt/text", test_text);
    g_test_add_func("/adapt/html", test_html);
    g_test_add_func("/adapt/both", test_both);
    g_test_add_func("/adapt/attachments", test_attachments);
    g_test_add_func("/adapt/attachment-limits", test_attachment_limits);
    g_test_add_func("/adapt/refuse", test_refuse);
    g_test_add_func("/adapt/refuse-header", test_refuse_header);
    g_test_add_func("/adapt/size", test_size);
    g_test_add_func("/adapt/addresses", test_addresses);
    g_test_add_func("/adapt/lines", test_lines);
    g_test_add_func("/adapt/unbreakable-line", test_unbreakable_line);
    g_test_add_func("/adapt/headers", test_headers);
    g_test_add_func("/adapt/extensions", test_extensions);
    return g_test_run();
}
