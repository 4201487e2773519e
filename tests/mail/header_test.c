#include "mail/fields.h"
#include "mail/header.h"

#include <string.h>

static void
test_passes(void)
{
    static const struct {
        const char *name;
        bool want;
    } rows[] = {
        { "X-Mailer", true }, { "x-api-data", true }, { "References", true }, { "List-Unsubscribe", true },
        { "Auto-Submitted", true }, { "Content-Language", true }, { "Disposition-Notification-To", true },
        { "From", false }, { "BCC", false }, { "Resent-Bcc", false }, { "MIME-Version", false },
        { "Content-Type", false }, { "DKIM-Signature", false }, { "ARC-Seal", false }, { "Received", false },
        { "Authentication-Results", false }, { "X-Original-To-Header", false }, { "Foo", false },
        { "Date", false }, { "", false }, { "X-a b", false }, { "X-\xc3\xa9", false },
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        if (header_passes(rows[i].name, NULL, NULL) != rows[i].want)
            g_error("%s", rows[i].name);

    g_auto(GStrv) pass = g_strsplit("foo* bcc Content-*", " ", -1);
    g_auto(GStrv) drop = g_strsplit("X-Secret* Foobar", " ", -1);
    g_assert_true(header_passes("FOO-1", pass, drop));
    g_assert_false(header_passes("Foobar", pass, drop));
    g_assert_false(header_passes("X-Secret-1", pass, drop));
    g_assert_true(header_passes("X-Other", pass, drop));
    g_assert_false(header_passes("Bcc", pass, drop));
    g_assert_false(header_passes("Content-Type", pass, drop));
}

static void
test_value(void)
{
    g_autofree char *value = header_value(" =?utf-8?q?a=0D=0AX:_b?=\r\n\tc\r\n", NULL);
    g_assert_cmpstr(value, ==, "a X: b c");
}

static void
test_references(void)
{
    static const struct {
        const char *value;
        gsize max;
        const char *want;
    } rows[] = {
        { "<a@x> <b@x> <c@x>", 100, "<a@x> <b@x> <c@x>" },
        { "<a@x> <b@x> <c@x>", 17, "<a@x> <b@x> <c@x>" },
        { "<a@x> <b@x> <c@x>", 16, "<a@x> <c@x>" },
        { "<a@x>\t <b@x>  <c@x>", 11, "<a@x> <c@x>" },
        { "<a@x> <b@x> <c@x>", 10, "<a@x>" },
        { "<a@x>", 4, "" },
        { "  ", 4, "" },
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = header_cut_references(rows[i].value, rows[i].max);
        g_assert_cmpstr(got, ==, rows[i].want);
    }
}

static void
test_fields(void)
{
    static const char header[] = "Subject: a\r\n\tb\r\nTo : x\nX-Nul: a\0b\r\nto:y\r\n: z\r\nCc: no\r\n";
    g_autoptr(Fields) fields = fields_parse(header, sizeof header - 1);

    g_assert_cmpuint(fields_count(fields), ==, 4);
    g_assert_cmpstr(fields_get(fields, "subject", 0), ==, " a\r\n\tb");
    g_assert_cmpstr(fields_get(fields, "To", 0), ==, " x");
    g_assert_cmpstr(fields_get(fields, "TO", 1), ==, "y");
    g_assert_cmpstr(fields_get(fields, "x-nul", 0), ==, " ab");
    g_assert_null(fields_get(fields, "to", 2));
    g_assert_cmpstr(fields_at(fields, 1)->name, ==, "To");
    g_autoptr(Fields) none = fields_parse(" x: y", 5);
    g_assert_cmpuint(fields_count(none), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/header/passes", test_passes);
    g_test_add_func("/header/value", test_value);
    g_test_add_func("/header/references", test_references);
    g_test_add_func("/header/fields", test_fields);
    return g_test_run();
}
