#include "mail/dsn.h"

#include "mail/encoded_word.h"

#include <string.h>

static const struct {
    const char *notify;
    bool failed, delayed, relayed;
} wishes[] = {
    { NULL, true, true, false },
    { "NEVER", false, false, false },
    { "FAILURE", true, false, false },
    { "DELAY", false, true, false },
    { "SUCCESS", false, false, true },
    { "success,failure", true, false, true },
    { "SUCCESS,FAILURE,DELAY", true, true, true },
    { "", false, false, false },
};

static void
test_wanted(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(wishes); i++) {
        g_assert_cmpint(dsn_is_wanted(DSN_FAILED, wishes[i].notify), ==, wishes[i].failed);
        g_assert_cmpint(dsn_is_wanted(DSN_DELAYED, wishes[i].notify), ==, wishes[i].delayed);
        g_assert_cmpint(dsn_is_wanted(DSN_RELAYED, wishes[i].notify), ==, wishes[i].relayed);
    }
}

static const struct {
    DsnAction action;
    OutcomeVerdict verdict;
    const char *dsn, *status;
} statuses[] = {
    { DSN_FAILED, OUTCOME_PERMANENT, "5.1.3", "5.1.3" },
    { DSN_FAILED, OUTCOME_PERMANENT, "", "5.0.0" },
    { DSN_FAILED, OUTCOME_TRANSIENT, "4.3.2", "4.3.2" },
    { DSN_FAILED, OUTCOME_TRANSIENT, "", "4.4.7" },
    { DSN_FAILED, OUTCOME_OPEN, "", "4.4.7" },
    { DSN_FAILED, OUTCOME_UNKNOWN, "2.0.0", "4.4.7" },
    { DSN_DELAYED, OUTCOME_TRANSIENT, "4.4.1", "4.4.1" },
    { DSN_DELAYED, OUTCOME_TRANSIENT, "5.0.0", "4.0.0" },
    { DSN_DELAYED, OUTCOME_OPEN, "", "4.0.0" },
    { DSN_RELAYED, OUTCOME_DELIVERED, "2.1.5", "2.1.5" },
    { DSN_RELAYED, OUTCOME_DELIVERED, "", "2.0.0" },
};

static void
test_status(void)
{
    g_autoptr(Fields) none = fields_parse("", 0);

    for (guint i = 0; i < G_N_ELEMENTS(statuses); i++) {
        Outcome outcome = { .verdict = statuses[i].verdict };
        g_strlcpy(outcome.dsn, statuses[i].dsn, sizeof outcome.dsn);
        const DsnRecipient recipient = { statuses[i].action, "a@b.test", NULL, &outcome, NULL };
        const Dsn dsn = { .hostname = "h.test", .from = "m@h.test", .to = "s@h.test",
                          .message_id = "<i@h>", .boundary = "b", .recipients = &recipient, .n_recipients = 1,
                          .original = none };
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *want = g_strdup_printf("\r\nStatus: %s\r\n", statuses[i].status);
        dsn_begin(&dsn, out);
        g_assert_nonnull(strstr(out->str, want));
    }
}

static const struct {
    const char *in;
    gsize n;
    const char *out;
} copies[] = {
    { "", 0, "" },
    { "a", 1, "a" },
    { "a\n", 2, "a\r\n" },
    { "a\r\nb", 4, "a\r\nb" },
    { "a\rb", 3, "a\r\nb" },
    { "a\r", 2, "a\r\n" },
    { "a\r\r\n\n", 5, "a\r\n\r\n\r\n" },
    { "a\0b\r\0\n", 6, "ab\r\n" },
};

static char *
copied(const char *bytes, gsize n, gsize step)
{
    GString *out = g_string_new(NULL);
    DsnCopy copy = { 0 };

    for (gsize at = 0; at < n; at += step)
        dsn_copy(&copy, bytes + at, MIN(step, n - at), out);
    dsn_copy_end(&copy, out);
    return g_string_free(out, FALSE);
}

static void
test_copy(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(copies); i++) {
        for (gsize step = 1; step <= 6; step++) {
            g_autofree char *got = copied(copies[i].in, copies[i].n, step);
            g_assert_cmpstr(got, ==, copies[i].out);
        }
    }
}

/* Long lines of characters of every length: nothing is lost, none is cut in two, pieces change nothing. */
static void
test_long_lines(void)
{
    static const char *const units[] = { "x", "\xc3\xa9", "\xe3\x81\x82", "\xf0\x9f\x90\x9f", "\xff", "\x80" };

    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autoptr(GString) line = g_string_new("");
        while (line->len < 5000)
            g_string_append(line, units[i]);
        g_autofree char *whole = copied(line->str, line->len, line->len);
        for (gsize step = 1; step < 1200; step += 97) {
            g_autofree char *pieces = copied(line->str, line->len, step);
            g_assert_cmpstr(pieces, ==, whole);
        }
        g_auto(GStrv) lines = g_strsplit(whole, "\r\n ", -1);
        g_autofree char *joined = g_strjoinv("", lines);
        g_assert_cmpstr(joined, ==, line->str);
        for (guint k = 0; lines[k]; k++) {
            g_assert_cmpuint(strlen(lines[k]), <=, k ? DSN_LINE_BYTES - 1 : DSN_LINE_BYTES);
            g_assert_true(i > 3 || g_utf8_validate(lines[k], -1, NULL));
        }
    }
}

static void
test_words(void)
{
    static const char *const texts[] = { "plain words", "会議の件", "a =?utf-8?q?b?= c",
                                         "会議の件について、長い長い題名がここにあり、折り返しが要る。🐟🐟🐟🐟🐟🐟🐟" };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *encoded = encoded_word_encode(texts[i]);
        g_autofree char *decoded = encoded_word_decode(encoded, NULL);
        g_auto(GStrv) lines = g_strsplit(encoded, "\r\n ", -1);
        g_assert_true(g_str_is_ascii(encoded));
        g_assert_cmpstr(decoded, ==, texts[i]);
        for (guint k = 0; lines[k]; k++)
            g_assert_cmpuint(strlen(lines[k]), <=, 75);
    }
    g_autofree char *injected = encoded_word_encode("a\r\nBcc: b@c");
    g_assert_null(strstr(injected, "\r\nB"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dsn/wanted", test_wanted);
    g_test_add_func("/dsn/status", test_status);
    g_test_add_func("/dsn/copy", test_copy);
    g_test_add_func("/dsn/long-lines", test_long_lines);
    g_test_add_func("/dsn/words", test_words);
    return g_test_run();
}
