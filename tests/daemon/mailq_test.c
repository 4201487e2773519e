#include "daemon/mailq.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static Entry *
entry_of(const char *sender, const char *const *recipients)
{
    Envelope *envelope = envelope_new(sender);
    for (; *recipients; recipients++)
        envelope_add_recipient(envelope, *recipients);
    Spool *spool = spool_new(4096, NULL);
    spool_finish(spool, NULL);
    Entry *entry = entry_new(envelope, spool, NULL);
    g_free(entry->id);
    entry->id = g_strdup("0hXk2bQ4ZW9s1PzC");
    entry->arrived_ms = G_GINT64_CONSTANT(1795341600123);
    entry_set_envelope(entry, envelope);
    return entry;
}

static void
fail(Entry *entry, guint i, const char *text)
{
    outcome_set(&g_array_index(entry->outcomes, Outcome, i), OUTCOME_TRANSIENT, 451, "4.3.2", text);
}

static void
check(const Entry *entry, bool leased, const char *want)
{
    const StoreRow row = { .entry = entry, .bytes = 1500, .leased = leased };
    g_autoptr(GString) out = g_string_new(NULL);

    mailq_append(out, &row);
    g_assert_cmpstr(out->str, ==, want);
}

#define COLUMNS "                                               "
#define FIRST(mark) "0hXk2bQ4ZW9s1PzC" mark "     1500 Sun Nov 22 10:00:00 "

static void
test_marks(void)
{
    g_autoptr(Entry) entry = entry_of("a@x.test", (const char *const[]) { "b@y.test", NULL });

    check(entry, false, FIRST(" ") "a@x.test\n" COLUMNS "b@y.test\n");
    check(entry, true, FIRST("*") "a@x.test\n" COLUMNS "b@y.test\n");
    entry->held = g_strdup("by the operator");
    check(entry, false, FIRST("!") "a@x.test\n"
          "                                                             (by the operator)\n" COLUMNS "b@y.test\n");
}

static void
test_reasons(void)
{
    g_autoptr(Entry) entry = entry_of("", (const char *const[]) { "b@y.test", "c@y.test", "d@y.test", "山田@y.test", NULL });

    fail(entry, 0, "later");
    fail(entry, 1, "later");
    fail(entry, 2, "much\nlater");
    g_array_index(entry->tries, EntryTry, 1).closed = true;
    check(entry, false, FIRST(" ") "MAILER-DAEMON\n"
          "                                                                       (later)\n" COLUMNS "b@y.test\n"
          "                                                                  (much later)\n" COLUMNS "d@y.test\n"
          COLUMNS "山田@y.test\n");
}

/* A line of a reply holds 512 bytes: a longer one would be broken, and its second half look like a mail. */
static void
test_long(void)
{
    g_autoptr(Entry) entry = entry_of("a@x.test", (const char *const[]) { "b@y.test", NULL });
    g_autofree char *kana = g_strnfill(4000, 'x');
    g_autoptr(GString) out = g_string_new(NULL);

    for (char *p = kana; *p; p += 4)
        memcpy(p, "\xe3\x81\x82x", 4);
    fail(entry, 0, kana);
    mailq_append(out, &(StoreRow) { .entry = entry });
    g_auto(GStrv) lines = g_strsplit(out->str, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_assert_cmpuint(strlen(*line), <, 480);
        g_assert_true(g_utf8_validate(*line, -1, NULL));
    }
    g_assert_cmpuint(g_strv_length(lines), ==, 4);
}

int
main(int argc, char **argv)
{
    setenv("TZ", "UTC", 1);
    tzset();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/daemon/mailq/marks", test_marks);
    g_test_add_func("/daemon/mailq/reasons", test_reasons);
    g_test_add_func("/daemon/mailq/long", test_long);
    return g_test_run();
}
