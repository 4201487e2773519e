#include "daemon/rate.h"

#include <string.h>

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static void
test_parse(void)
{
    static const struct {
        const char *text; /* blank-separated */
        bool good;
        guint most[RATE_UNITS];
    } rows[] = {
        { "", true, { 0, 0, 0 } },
        { "100/minute", true, { 100, 0, 0 } },
        { "2000/day 100/minute", true, { 100, 0, 2000 } },
        { "1/minute 2/hour 1000000/day", true, { 1, 2, 1000000 } },
        { "100", false, { 0 } },
        { "100/", false, { 0 } },
        { "/minute", false, { 0 } },
        { "100/week", false, { 0 } },
        { "100/minutes", false, { 0 } },
        { "100/minute/hour", false, { 0 } },
        { "0/minute", false, { 0 } },
        { "-1/minute", false, { 0 } },
        { "+1/minute", false, { 0 } },
        { "1.5/minute", false, { 0 } },
        { "1000001/day", false, { 0 } },
        { "99999999999999999999999/day", false, { 0 } },
        { "5/minute 6/minute", false, { 0 } },
        { "5/minute no", false, { 0 } },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) texts = g_strsplit(rows[i].text, " ", -1);
        g_autoptr(GError) error = NULL;
        Rate rate;
        g_test_message("'%s'", rows[i].text);
        g_assert_cmpint(rate_parse(texts, &rate, &error), ==, rows[i].good);
        g_assert_cmpint(error == NULL, ==, rows[i].good);
        if (!rows[i].good)
            continue;
        g_assert_cmpmem(rate.most, sizeof rate.most, rows[i].most, sizeof rows[i].most);
        g_assert_cmpint(rate_is_set(&rate), ==, rows[i].text[0] != '\0');
    }
}

/* What has come, when, and how long the next one waits. */
static void
test_wait(void)
{
    static const struct {
        Rate rate;
        int first;
        gint64 later_ms;
        int then;
        gint64 wait_ms;
    } rows[] = {
        { { { 0, 0, 0 } }, 1000, 0, 0, 0 },
        { { { 10, 0, 0 } }, 0, 0, 0, 0 },
        { { { 10, 0, 0 } }, 9, 0, 0, 0 },
        { { { 10, 0, 0 } }, 10, 0, 0, 6000 },
        { { { 10, 0, 0 } }, 10, 5000, 0, 1000 },
        { { { 10, 0, 0 } }, 10, 6000, 0, 0 },
        { { { 10, 0, 0 } }, 10, 6000, 1, 6000 },
        { { { 10, 0, 0 } }, 10, DAY, 10, 6000 }, /* what was not used is not saved up */
        { { { 10, 0, 0 } }, 10, 0, -1, 0 },
        { { { 10, 0, 0 } }, 1, 0, -5, 0 },
        { { { 10, 0, 0 } }, 20, 0, 0, 66000 },
        { { { 10, 20, 0 } }, 10, MINUTE, 10, 2 * MINUTE }, /* the hour's holds 19.67: it has the last word */
        { { { 0, 0, 24 } }, 24, 0, 0, HOUR },
        { { { 1, 0, 0 } }, 1, 0, 0, MINUTE },
        { { { 0, 0, RATE_MOST } }, RATE_MOST, 0, 0, 86 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        RateBuckets buckets = { 0 };
        g_test_message("row %u", i);
        rate_add(&rows[i].rate, &buckets, rows[i].first);
        rate_leak(&rows[i].rate, &buckets, rows[i].later_ms);
        rate_add(&rows[i].rate, &buckets, rows[i].then);
        gint64 wait = rate_wait(&rows[i].rate, &buckets);
        g_assert_cmpint(wait, >=, rows[i].wait_ms);
        g_assert_cmpint(wait, <=, rows[i].wait_ms > 0 ? rows[i].wait_ms + 1 : 0);
        rate_leak(&rows[i].rate, &buckets, wait);
        g_assert_cmpint(rate_wait(&rows[i].rate, &buckets), ==, 0);
    }
}

/* In small steps as in a large one, all N fit into a full bucket's time, and never one more. */
static void
test_steady(void)
{
    static const Rate rate = { { 7, 0, 1000 } };
    RateBuckets buckets = { 0 };
    guint n = 0;

    for (guint ms = 0; ms < DAY; ms += 100) {
        rate_leak(&rate, &buckets, 100);
        if (rate_wait(&rate, &buckets) == 0) {
            rate_add(&rate, &buckets, 1);
            n++;
        }
    }
    g_assert_cmpuint(n, >=, 1990);
    g_assert_cmpuint(n, <=, 2000);
    g_assert_cmpint(rate_memory(&rate, &buckets), <=, DAY + 1);
    rate_leak(&rate, &buckets, DAY + 1);
    g_assert_cmpint(rate_memory(&rate, &buckets), <=, 1);
}

static void
test_words(void)
{
    static const struct {
        gint64 ms;
        const char *words;
    } rows[] = {
        { 0, "in 1 second" },          { 1, "in 1 second" },           { 1000, "in 1 second" },
        { 1001, "in 2 seconds" },      { 2 * MINUTE, "in 120 seconds" }, { 2 * MINUTE + 1, "in 3 minutes" },
        { 2 * HOUR, "in 120 minutes" }, { 2 * HOUR + 1, "in 3 hours" },  { DAY, "in 24 hours" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *words = rate_words(rows[i].ms);
        g_assert_cmpstr(words, ==, rows[i].words);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rate/parse", test_parse);
    g_test_add_func("/rate/wait", test_wait);
    g_test_add_func("/rate/steady", test_steady);
    g_test_add_func("/rate/words", test_words);
    return g_test_run();
}
