/* What calls say of an account, step by step; and how often an account is called whose API never works. */
#include "relay/health.h"

#include <string.h>

#define S 1000
#define MIN_MS (60 * S)

/* Words of a script, each about the call it names by a letter, or about time:
 *   a      call a begins
 *   a+     it ends well; a- failed, a. nothing was learnt, a< slow down, a<30 within 30 s, a! refused
 *   9000   so many ms pass
 *   =W     the state is now well; P paused, D due, B probing
 *   ~1250  of that a pause is left */
static const struct {
    const char *name, *script;
} rows[] = {
    { "well", "=W a a+ =W b b+ =W" },
    { "one failure costs a probe", "a a- =D b =B b+ =W" },
    { "two cost a pause", "a a- b b- =P ~1250 1249 =P 1 =D c =B c+ =W" },
    { "pauses grow", "a a- b b- ~1250 1250 c c- ~2500 2500 d d- ~5000 5000 e e- ~10000" },
    { "and end growing", "a a- b b- 1250 c c- 2500 c c- 5000 c c- 10000 c c- 20000 c c- 40000 c c- 80000 c c- ~160000 "
                         "160000 c c- ~300000 300000 c c- ~300000" },
    { "well again they begin anew", "a a- b b- 1250 c c- 2500 d d+ =W e e- =D f f- ~1250" },
    { "all at once are one failure", "a b c d a- b- c- d- =D e e- =P ~1250" },
    { "the last to fail after a probe that worked", "a b a- =D c c+ b- =W" },
    { "one that works shows that it does", "a b c a- d d- =P b+ =W c- =W" },
    { "nothing learnt: the next is the probe", "a a- =D b =B b. =D c =B c+ =W" },
    { "a probe from before the pause is none any more", "a b a- c =B b! =P c+ =P" },
    { "slow down", "a a< =P ~1250 1250 =D b b< ~2500 2500 c c+ =W" },
    { "slow down for so long", "a a<30 =P ~30000 30000 b b<5 ~5000 5000 c c< ~5000" },
    { "an hour at most", "a a<86400 ~3600000" },
    { "the longest of several", "a b a<10 ~10000 b<30 ~30000" },
    { "not the shortest", "a b a<30 5000 b<10 ~25000" },
    { "who is answered meanwhile shows nothing", "a b a< b+ =P 1250 =D" },
    { "asked by one that had failed before", "a b a- =D b-30 =P ~30000" },
    { "not once more for each", "a b c a<10 500 b<10 ~9500" },
    { "failed within seconds", "a a-7 =P ~7000" },
    { "refused", "a a! =P ~75000 75000 b b! ~150000 150000 c c! ~300000 300000 d d! ~600000 600000 e e! ~600000" },
    { "refused, then mended", "a a! 75000 b b+ =W" },
    { "refused, graver than what was known", "a b a- c c- ~1250 b! ~75000" },
    { "graver, and new, after all was well", "a b a- c c+ =W b! =P ~75000" },
    { "less grave, later", "a a! 75000 b b- =P ~1250" },
    { "refused until later than asked", "a a!600 ~600000" },
    { "refused for longer than asked", "a a!1 ~75000" },
};

typedef struct {
    Health health;
    HealthCall calls[26];
    gint64 now_ms;
} World;

static HealthReport
report_of(const char *word)
{
    static const char signs[] = ".+-<!";

    return (HealthReport) { .sign = (HealthSign) (strchr(signs, word[1]) - signs), .retry_after_ms = S * atoi(word + 2) };
}

static void
do_word(World *world, const char *word, double luck)
{
    static const char states[] = "WPDB";

    if (g_ascii_isdigit(*word)) {
        world->now_ms += atoi(word);
    } else if (*word == '=') {
        g_assert_cmpint(states[health_state(&world->health, world->now_ms)], ==, word[1]);
    } else if (*word == '~') {
        g_assert_cmpint(world->health.until_ms - world->now_ms, ==, atoi(word + 1));
    } else if (word[1] == '\0') {
        health_begin(&world->health, &world->calls[*word - 'a'], world->now_ms);
    } else {
        HealthReport report = report_of(word);
        HealthState before = health_state(&world->health, world->now_ms);
        HealthChange change =
            health_end(&world->health, &world->calls[*word - 'a'], &report, world->now_ms, luck);
        HealthState after = health_state(&world->health, world->now_ms);
        g_assert_cmpint(change == HEALTH_NOW_WELL, ==, before != HEALTH_WELL && after == HEALTH_WELL);
        g_assert_true(change != HEALTH_NOW_PAUSED || after == HEALTH_PAUSED);
        g_assert_true(change == HEALTH_NOW_PAUSED || after != HEALTH_PAUSED || before == HEALTH_PAUSED);
    }
}

static void
test_scripts(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        World world = { .health.most_ms = 300 * S, .now_ms = 5000000 };
        g_auto(GStrv) words = g_strsplit(rows[i].script, " ", -1);

        g_test_message("%s", rows[i].name);
        for (guint k = 0; words[k]; k++)
            do_word(&world, words[k], 0);
    }
}

/* Never shorter than a second, and than what the API asked for. */
static void
test_luck(void)
{
    for (guint i = 0; i <= 10; i++) {
        Health health = { .most_ms = 300 * S };
        HealthCall call = { 0 };
        HealthReport failed = { .sign = SIGN_FAILED };
        HealthReport asked = { .sign = SIGN_SLOW_DOWN, .retry_after_ms = 30 * S };

        health_end(&health, &call, &failed, 0, i / 10.0);
        call.round = health.round;
        health_end(&health, &call, &failed, 0, i / 10.0);
        g_assert_cmpint(health.pause_ms, >=, 1000);
        g_assert_cmpint(health.pause_ms, <=, 1250);
        call.round = health.round;
        health_end(&health, &call, &asked, 0, i / 10.0);
        g_assert_cmpint(health.pause_ms, >=, 30 * S);
        g_assert_cmpint(health.pause_ms, <=, 33 * S);
    }
}

/* An account's own limit; what an API asks for is above it. */
static void
test_most(void)
{
    static const struct {
        HealthReport report;
        gint64 most_ms;
    } limits[] = {
        { { .sign = SIGN_FAILED }, 5000 },
        { { .sign = SIGN_SLOW_DOWN }, 5000 },
        { { .sign = SIGN_REFUSED }, 10000 },
        { { .sign = SIGN_SLOW_DOWN, .retry_after_ms = 60 * S }, 60 * S },
    };

    for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
        Health health = { .most_ms = 5000 };
        HealthCall call = { 0 };

        for (guint k = 0; k < 40; k++) {
            call.round = health.round;
            health_end(&health, &call, &limits[i].report, 0, 0);
        }
        g_assert_cmpint(health.pause_ms, ==, limits[i].most_ms);
    }
}

static const struct {
    OutcomeVerdict verdict;
    unsigned flags;
    HealthSign sign;
} signs[] = {
    { OUTCOME_OPEN, 0, SIGN_NONE },
    { OUTCOME_DELIVERED, 0, SIGN_WELL },
    { OUTCOME_PERMANENT, 0, SIGN_WELL },
    { OUTCOME_PERMANENT, OUTCOME_ALARM, SIGN_WELL }, /* a fault of ours in this mail */
    { OUTCOME_TRANSIENT, 0, SIGN_FAILED },
    { OUTCOME_UNKNOWN, 0, SIGN_FAILED },
    { OUTCOME_TRANSIENT, OUTCOME_BACK_OFF, SIGN_SLOW_DOWN },
    { OUTCOME_TRANSIENT, OUTCOME_ALARM, SIGN_REFUSED },
    { OUTCOME_TRANSIENT, OUTCOME_ASIDE, SIGN_NONE },
    { OUTCOME_UNKNOWN, OUTCOME_ASIDE, SIGN_NONE },
};

static void
test_signs(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(signs); i++) {
        g_autoptr(GArray) outcomes = outcomes_new(2);
        Outcome *second = &g_array_index(outcomes, Outcome, 1);

        outcome_set(second, signs[i].verdict, 451, "4.0.0", "");
        second->flags = signs[i].flags;
        g_assert_cmpint(health_read(outcomes).sign, ==, signs[i].sign);
    }
}

typedef struct {
    const char *name;
    HealthSign sign;
    guint retry_after_s, answer_ms;
    guint most; /* calls in half an hour */
} Outage;

static const Outage outages[] = {
    { "no connection", SIGN_FAILED, 0, 1, 20 },
    { "time-outs", SIGN_FAILED, 0, 60 * S, 20 },
    { "too many", SIGN_SLOW_DOWN, 0, 5, 20 },
    { "too many, each second", SIGN_SLOW_DOWN, 1, 5, 1810 },
    { "credentials", SIGN_REFUSED, 0, 5, 8 },
};

/* However many mails wait for a place: a call is made whenever one may be, ten at once while all is well. */
static guint
count_calls(const Outage *outage)
{
    Health health = { .most_ms = 300 * S };
    HealthReport report = { .sign = outage->sign, .retry_after_ms = outage->retry_after_s * S };
    GQueue ends = G_QUEUE_INIT; /* of the time at which a call ends, and of the call */
    HealthCall calls[10];
    guint n = 0, active = 0;

    for (gint64 now = 0; now < 30 * MIN_MS; now++) {
        while (active > 0 && now >= GPOINTER_TO_INT(g_queue_peek_head(&ends))) {
            g_queue_pop_head(&ends);
            health_end(&health, &calls[0], &report, now, 0.5);
            memmove(calls, calls + 1, sizeof calls - sizeof calls[0]);
            active--;
        }
        for (HealthState state = health_state(&health, now);
             active < 10 && (state == HEALTH_WELL || state == HEALTH_DUE); state = health_state(&health, now)) {
            health_begin(&health, &calls[active++], now);
            g_queue_push_tail(&ends, GINT_TO_POINTER((int) now + (int) outage->answer_ms));
            n++;
        }
    }
    g_queue_clear(&ends);
    return n;
}

static void
test_outages(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(outages); i++) {
        guint n = count_calls(&outages[i]);

        g_test_message("%s: %u calls", outages[i].name, n);
        g_assert_cmpuint(n, >, 3);
        g_assert_cmpuint(n, <=, 10 + outages[i].most);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/health/scripts", test_scripts);
    g_test_add_func("/health/luck", test_luck);
    g_test_add_func("/health/most", test_most);
    g_test_add_func("/health/signs", test_signs);
    g_test_add_func("/health/outages", test_outages);
    return g_test_run();
}
