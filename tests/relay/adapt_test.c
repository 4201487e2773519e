#include "relay/adapt.h"

#include <string.h>

static const ProviderLimits limits = { .subject_chars = 10, .subject_bytes = 20, .text_chars = 100, .html_chars = 200,
                                       .attachments = 2, .mail_bytes = 4000 };

/* A mail by its measures; all of its parts have part_bytes. */
static const struct {
    gint64 subject, text, html;
    guint attachments;
    gint64 part_bytes;
    int code; /* 0: it fits */
    const char *dsn, *text_piece;
} rows[] = {
    { 10, 100, 200, 2, 3, 0, NULL, NULL },
    { 11, 1, 0, 0, 0, 554, "5.6.0", "a subject over 10 characters" },
    { 1, 101, 0, 0, 0, 554, "5.6.0", "a text over 100 characters" },
    { 1, 1, 201, 0, 0, 554, "5.6.0", "an HTML body over 200 characters" },
    { 1, 1, 0, 3, 3, 554, "5.6.0", "attachments over 2 files" },
    { 1, 3, 0, 1, 2997, 0, NULL, NULL }, /* 4 + 3996 */
    { 1, 3, 0, 1, 2998, 552, "5.3.4", "Message of 4004 bytes once encoded is over 4000" },
    { 11, 3, 0, 1, 2998, 552, "5.3.4", "4004" }, /* what no adaptation mends comes first */
};

static void
test_table(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strnfill((gsize) rows[i].text, 't');
        g_autofree char *html = g_strnfill((gsize) rows[i].html, 'h');
        g_autofree char *subject = g_strnfill((gsize) rows[i].subject, 's');
        g_autoptr(GPtrArray) attachments = g_ptr_array_new();
        g_autoptr(GPtrArray) headers = g_ptr_array_new();
        MailPart part = { .length = rows[i].part_bytes };
        Mail mail = { .subject = subject, .subject_chars = rows[i].subject, .text = text, .text_chars = rows[i].text,
                      .html = rows[i].html ? html : NULL, .html_chars = rows[i].html, .attachments = attachments,
                      .headers = headers };
        Outcome refusal = { 0 };

        for (guint k = 0; k < rows[i].attachments; k++)
            g_ptr_array_add(attachments, &part);
        g_assert_cmpint(adapt_fits(&mail, &limits, &refusal), ==, rows[i].code == 0);
        g_assert_cmpint(refusal.code, ==, rows[i].code);
        if (rows[i].code) {
            g_assert_cmpint(refusal.verdict, ==, OUTCOME_PERMANENT);
            g_assert_cmpstr(refusal.dsn, ==, rows[i].dsn);
            g_assert_nonnull(strstr(refusal.text, rows[i].text_piece));
        }
        outcome_clear(&refusal);
    }
}

static void
test_unlimited(void)
{
    static const ProviderLimits none = { 0 };
    g_autofree char *text = g_strnfill(100000, 't');
    g_autoptr(GPtrArray) empty = g_ptr_array_new();
    Mail mail = { .subject = text, .subject_chars = 100000, .text = text, .text_chars = 100000, .html = text,
                  .html_chars = 100000, .attachments = empty, .headers = empty };
    Outcome refusal = { 0 };

    g_assert_true(adapt_fits(&mail, &none, &refusal));
    g_assert_cmpint(refusal.verdict, ==, OUTCOME_OPEN);
}

/* Bytes are another limit than characters: six characters, 18 bytes; seven, 21. */
static void
test_subject_bytes(void)
{
    g_autoptr(GPtrArray) empty = g_ptr_array_new();
    Mail mail = { .text = (char *) "", .attachments = empty, .headers = empty };
    Outcome refusal = { 0 };

    mail.subject = (char *) "日本語日本語";
    mail.subject_chars = 6;
    g_assert_true(adapt_fits(&mail, &limits, &refusal));
    mail.subject = (char *) "日本語日本語日";
    mail.subject_chars = 7;
    g_assert_false(adapt_fits(&mail, &limits, &refusal));
    g_assert_nonnull(strstr(refusal.text, "a subject over 20 bytes"));
    outcome_clear(&refusal);
}

static const struct {
    const char *from, *envelope_from, *to;
    bool fits;
} addresses[] = {
    { "a@x.test", "a@x.test", "b@x.test", true },
    { "a@x.test", "", "b@x.test", true },
    { "a@x.test", "a@x.test", "b@日本語.test", true }, /* has an ASCII form */
    { "a@日本語.test", "a@日本語.test", "b@x.test", true },
    { "あ@x.test", "a@x.test", "b@x.test", false },
    { "a@x.test", "あ@x.test", "b@x.test", false },
    { "a@x.test", "a@x.test", "あ@x.test", false },
};

static void
test_addresses(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autoptr(Mailbox) from = mailbox_new("", addresses[i].from);
        g_autoptr(Call) call = call_new("key");
        Mail mail = { .from = from, .envelope_from = (char *) addresses[i].envelope_from };
        Outcome refusal = { 0 };

        g_ptr_array_add(call->bcc, mailbox_new("", addresses[i].to));
        g_assert_cmpint(adapt_addresses_fit(&mail, call, &refusal), ==, addresses[i].fits);
        g_assert_cmpint(refusal.code, ==, addresses[i].fits ? 0 : 553);
        outcome_clear(&refusal);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/adapt/table", test_table);
    g_test_add_func("/adapt/unlimited", test_unlimited);
    g_test_add_func("/adapt/subject-bytes", test_subject_bytes);
    g_test_add_func("/adapt/addresses", test_addresses);
    return g_test_run();
}
