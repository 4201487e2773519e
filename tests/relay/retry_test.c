#include "relay/retry.h"

#define S G_GINT64_CONSTANT(1000)
#define MIN_MS (60 * S)
#define HOUR (3600 * S)
#define DAY (24 * HOUR)
#define NOW (2000000000 * S)

static const RetryConf conf = { MIN_MS, HOUR };

/* The pause lies between. */
static const struct {
    guint attempts;
    gint64 asked, least, most;
} rows[] = {
    { 1, 0, 45 * S, 75 * S },
    { 2, 0, 90 * S, 150 * S },
    { 3, 0, 180 * S, 300 * S },
    { 6, 0, 24 * MIN_MS, 40 * MIN_MS },
    { 7, 0, 45 * MIN_MS, 75 * MIN_MS }, /* 64 minutes are more than the hour */
    { 100, 0, 45 * MIN_MS, 75 * MIN_MS },
    { G_MAXUINT, 0, 45 * MIN_MS, 75 * MIN_MS },
    { 1, 10 * S, 45 * S, 75 * S },               /* less than we would wait */
    { 1, 10 * MIN_MS, 10 * MIN_MS, 12 * MIN_MS }, /* never earlier than asked for */
    { 1, 50 * MIN_MS, 50 * MIN_MS, 57 * MIN_MS },
    { 1, 400 * DAY, HOUR, 68 * MIN_MS }, /* as an account's pause */
};

static gint64
pause_of(const char *id, guint attempts, gint64 asked)
{
    RetryFacts facts = { id, attempts, asked, NOW + 1000 * DAY, NOW };

    return retry_due(&conf, &facts) - NOW;
}

static void
test_pauses(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        gint64 least = G_MAXINT64, most = 0;
        for (guint k = 0; k < 1000; k++) {
            g_autofree char *id = g_strdup_printf("3fQz81%u", k);
            gint64 pause = pause_of(id, rows[i].attempts, rows[i].asked);
            g_assert_cmpint(pause, >=, rows[i].least);
            g_assert_cmpint(pause, <=, rows[i].most);
            g_assert_cmpint(pause, <=, retry_longest(&conf));
            g_assert_cmpint(pause, ==, pause_of(id, rows[i].attempts, rows[i].asked));
            least = MIN(least, pause);
            most = MAX(most, pause);
        }
        g_assert_cmpint(most - least, >, least / 16); /* they are spread */
    }
}

/* The last try is at the end of the mail's time, not an hour behind it. */
static void
test_end(void)
{
    RetryFacts facts = { "id", 100, 0, NOW + 5 * S, NOW };

    g_assert_cmpint(retry_due(&conf, &facts), ==, NOW + 5 * S);
    facts.asked_ms = DAY;
    g_assert_cmpint(retry_due(&conf, &facts), ==, NOW + 5 * S);
    facts.expires_ms = NOW; /* over, but it has its tries: not at once */
    g_assert_cmpint(retry_due(&conf, &facts), >=, NOW + 45 * S);
    g_assert_cmpint(retry_longest(&conf), <=, 75 * MIN_MS); /* nor longer, should the clock be set back */
}

static const struct {
    guint attempts;
    gint64 expires;
    bool expired;
} ends[] = {
    { 100, NOW + 1, false },
    { 100, NOW, true },
    { 100, NOW - DAY, true },
    { 3, NOW - DAY, true },
    { 2, NOW - DAY, false }, /* the clock was wrong when it came, or the machine was off */
    { 1, NOW - 10000 * DAY, false },
};

static void
test_expired(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        RetryFacts facts = { "id", ends[i].attempts, 0, ends[i].expires, NOW };
        g_assert_cmpint(retry_expired(&facts), ==, ends[i].expired);
    }
}

/* As short as the configuration allows. */
static void
test_short(void)
{
    static const RetryConf quick = { 1, 1 };

    for (guint i = 1; i < 100; i++) {
        RetryFacts facts = { "id", i, 0, NOW + DAY, NOW };
        g_assert_cmpint(retry_due(&quick, &facts), ==, NOW + 1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/retry/pauses", test_pauses);
    g_test_add_func("/retry/end", test_end);
    g_test_add_func("/retry/expired", test_expired);
    g_test_add_func("/retry/short", test_short);
    return g_test_run();
}
