#include "relay/throttle.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

enum { GUESTS = 2000 };

typedef struct {
    Ticket ticket;
    Throttle *throttle;
    guint number;
    guint pauses;
    bool leaves_at_once;
} Guest;

static uv_loop_t loop;
static guint turns[GUESTS];
static guint n_turns;

/* Ends the guest's call; a letter says how. */
static void
leave(Guest *guest, char letter)
{
    g_autoptr(GArray) outcomes = outcomes_new(1);
    Outcome *outcome = &g_array_index(outcomes, Outcome, 0);

    outcome_set(outcome, letter == '+' ? OUTCOME_DELIVERED : OUTCOME_TRANSIENT, 451, "4.3.0", "words of the API");
    outcome->flags = letter == '!' ? OUTCOME_ALARM : letter == '<' ? OUTCOME_BACK_OFF : 0;
    throttle_report(guest->throttle, &guest->ticket, outcomes);
    throttle_leave(guest->throttle);
}

static void
on_turn(Ticket *ticket)
{
    Guest *guest = (Guest *) ticket;

    turns[n_turns++] = guest->number;
    if (guest->leaves_at_once)
        leave(guest, '+');
}

static void
on_paused(Ticket *ticket)
{
    Guest *guest = (Guest *) ticket;

    guest->pauses++;
}

static Throttle *
open_throttle(guint places, Guest *guests, guint n)
{
    static Provider provider = { .name = (char *) "main", .max_pause_ms = 300 * 1000 };

    provider.limits.calls = places;
    Throttle *throttle = throttle_new(&loop, &provider);
    n_turns = 0;
    for (guint i = 0; i < n; i++)
        guests[i] = (Guest) {
            .ticket = { .sender = "me@x.test", .turn = on_turn, .paused = on_paused },
            .throttle = throttle,
            .number = i,
        };
    return throttle;
}

/* Nothing keeps the loop alive any more. */
static void
close_throttle(Throttle *throttle)
{
    throttle_free(throttle);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_false(uv_loop_alive(&loop));
}

static ThrottleAnswer
enter(Guest *guest)
{
    return throttle_enter(guest->throttle, &guest->ticket);
}

static void
test_in_turn(void)
{
    Guest guests[5];
    Throttle *throttle = open_throttle(2, guests, 5);

    g_assert_cmpint(enter(&guests[0]), ==, THROTTLE_GO);
    g_assert_cmpint(enter(&guests[1]), ==, THROTTLE_GO);
    for (guint i = 2; i < 5; i++)
        g_assert_cmpint(enter(&guests[i]), ==, THROTTLE_WAIT);
    g_assert_cmpuint(n_turns, ==, 0);
    leave(&guests[0], '+');
    g_assert_cmpuint(n_turns, ==, 1);
    leave(&guests[1], '+');
    leave(&guests[2], '+');
    g_assert_cmpuint(n_turns, ==, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpuint(turns[i], ==, i + 2);
    leave(&guests[3], '+');
    leave(&guests[4], '+');
    g_assert_cmpint(enter(&guests[0]), ==, THROTTLE_GO);
    leave(&guests[0], '+');
    close_throttle(throttle);
}

static void
test_forget(void)
{
    Guest guests[4];
    Throttle *throttle = open_throttle(1, guests, 4);

    for (guint i = 0; i < 4; i++)
        enter(&guests[i]);
    throttle_forget(throttle, &guests[1].ticket);
    throttle_forget(throttle, &guests[1].ticket); /* it may say so twice */
    throttle_forget(throttle, &guests[0].ticket); /* or give up its call */
    throttle_leave(throttle);
    leave(&guests[2], '+');
    leave(&guests[3], '+');
    g_assert_cmpuint(n_turns, ==, 2);
    g_assert_cmpuint(turns[0], ==, 2);
    g_assert_cmpuint(turns[1], ==, 3);
    close_throttle(throttle);
}

/* A long line of guests that leave at once needs no deep stack. */
static void
test_long_line(void)
{
    g_autofree Guest *guests = g_new(Guest, GUESTS);
    Throttle *throttle = open_throttle(1, guests, GUESTS);

    for (guint i = 0; i < GUESTS; i++) {
        guests[i].leaves_at_once = true;
        g_assert_cmpint(enter(&guests[i]), ==, i == 0 ? THROTTLE_GO : THROTTLE_WAIT);
    }
    leave(&guests[0], '+');
    g_assert_cmpuint(n_turns, ==, GUESTS - 1);
    for (guint i = 1; i < GUESTS; i++)
        g_assert_cmpuint(turns[i - 1], ==, i);
    close_throttle(throttle);
}

static void
test_close(void)
{
    Guest guests[3];
    Throttle *throttle = open_throttle(1, guests, 3);

    g_assert_cmpint(enter(&guests[0]), ==, THROTTLE_GO);
    g_assert_cmpint(enter(&guests[1]), ==, THROTTLE_WAIT);
    throttle_close(throttle);
    leave(&guests[0], '+');
    g_assert_cmpint(enter(&guests[2]), ==, THROTTLE_WAIT);
    g_assert_cmpuint(n_turns, ==, 0);
    throttle_forget(throttle, &guests[1].ticket);
    throttle_forget(throttle, &guests[2].ticket);
    close_throttle(throttle);
}

/* Each sender has a turn before any has another; which of its own addresses' cases it wrote does not matter. */
static void
test_senders(void)
{
    static const char *const senders[] = { "a@x.test", "A@X.test", "a@x.test", "a@X.test", "b@x.test",
                                           "b@x.test", "",         "a@x.test", "c@x.test" };
    static const guint want[] = { 1, 4, 6, 8, 2, 5, 3, 7 };
    Guest guests[G_N_ELEMENTS(senders)];
    Throttle *throttle = open_throttle(1, guests, G_N_ELEMENTS(guests));

    for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
        guests[i].ticket.sender = senders[i];
        enter(&guests[i]);
    }
    leave(&guests[0], '+');
    for (guint i = 0; i < G_N_ELEMENTS(want); i++)
        leave(&guests[turns[i]], '+');
    g_assert_cmpuint(n_turns, ==, G_N_ELEMENTS(want));
    for (guint i = 0; i < G_N_ELEMENTS(want); i++)
        g_assert_cmpuint(turns[i], ==, want[i]);
    close_throttle(throttle);
}

/* The higher first, but each fourth turn is of a lower one. */
static void
test_priorities(void)
{
    static const int priorities[] = { 0, 0, 0, 5, 5, 5, 5, -9, 9 };
    static const guint want[] = { 8, 3, 4, 1, 5, 6, 2, 7 };
    Guest guests[G_N_ELEMENTS(priorities)];
    Throttle *throttle = open_throttle(1, guests, G_N_ELEMENTS(guests));

    for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
        guests[i].ticket.priority = priorities[i];
        enter(&guests[i]);
    }
    leave(&guests[0], '+');
    for (guint i = 0; i < G_N_ELEMENTS(want); i++)
        leave(&guests[turns[i]], '+');
    for (guint i = 0; i < G_N_ELEMENTS(want); i++)
        g_assert_cmpuint(turns[i], ==, want[i]);
    close_throttle(throttle);
}

/* A burst keeps nobody waiting for more than the calls on their way and one of its own. */
static void
test_burst(void)
{
    g_autofree Guest *guests = g_new(Guest, GUESTS);
    Throttle *throttle = open_throttle(10, guests, GUESTS);

    for (guint i = 0; i < GUESTS - 1; i++)
        enter(&guests[i]);
    guests[GUESTS - 1].ticket.sender = "one@x.test";
    enter(&guests[GUESTS - 1]);
    leave(&guests[0], '+');
    leave(&guests[1], '+');
    g_assert_cmpuint(n_turns, ==, 2);
    g_assert_cmpuint(turns[1], ==, GUESTS - 1);
    for (guint i = 2; i < 10; i++)
        leave(&guests[i], '+');
    for (guint i = 0; i < n_turns; i++)
        leave(&guests[turns[i]], '+');
    g_assert_cmpuint(n_turns, ==, GUESTS - 10);
    close_throttle(throttle);
}

/* A long pause sends everyone away at once, and one comes back as the probe. */
static void
test_pause(void)
{
    Guest guests[6];
    Throttle *throttle = open_throttle(2, guests, 6);
    ThrottleStats stats;

    for (guint i = 0; i < 4; i++)
        enter(&guests[i]);
    leave(&guests[0], '!');
    g_assert_cmpint(throttle_state(throttle), ==, HEALTH_PAUSED);
    g_assert_cmpint(throttle_paused_ms(throttle), >=, 55 * 1000);
    g_assert_cmpuint(guests[2].pauses + guests[3].pauses, ==, 2);
    g_assert_cmpint(enter(&guests[4]), ==, THROTTLE_PAUSED);
    leave(&guests[1], '!');
    throttle_stats(throttle, &stats);
    g_assert_cmpstr(stats.why, ==, "words of the API");
    g_assert_cmpuint(stats.pauses, ==, 1);
    g_assert_cmpuint(stats.calls + stats.waiting, ==, 0);
    g_assert_cmpint(stats.paused_ms, >=, 55 * 1000);

    clock_skip(80 * 1000);
    g_assert_cmpint(throttle_paused_ms(throttle), ==, 0);
    g_assert_cmpint(enter(&guests[4]), ==, THROTTLE_GO);
    g_assert_cmpint(throttle_state(throttle), ==, HEALTH_PROBING);
    g_assert_cmpint(throttle_paused_ms(throttle), >, 0);
    g_assert_cmpint(enter(&guests[5]), ==, THROTTLE_PAUSED);
    leave(&guests[4], '+');
    g_assert_cmpint(enter(&guests[5]), ==, THROTTLE_GO);
    throttle_stats(throttle, &stats);
    g_assert_null(stats.why);
    leave(&guests[5], '+');
    g_assert_cmpuint(n_turns, ==, 0);
    close_throttle(throttle);
}

/* What the client is told while nobody may call. */
static void
test_refuse(void)
{
    Guest guest;
    Throttle *throttle = open_throttle(1, &guest, 1);
    Outcome outcome = { 0 };

    enter(&guest);
    leave(&guest, '!');
    throttle_refuse(throttle, &outcome);
    g_assert_cmpint(outcome.verdict, ==, OUTCOME_TRANSIENT);
    g_assert_cmpint(outcome.code, ==, 451);
    g_assert_cmpstr(outcome.dsn, ==, "4.3.0");
    g_assert_cmpint(outcome.retry_after_ms, >=, 55 * 1000);
    g_assert_cmpstr(outcome.text, ==, "The account is paused: words of the API");
    outcome_clear(&outcome);
    close_throttle(throttle);
}

/* During a short pause who waits goes on waiting, and the loop wakes him. */
static void
test_short_pause(void)
{
    Guest guests[4];
    Throttle *throttle = open_throttle(3, guests, 4);

    for (guint i = 0; i < 3; i++)
        enter(&guests[i]);
    leave(&guests[0], '<');
    g_assert_cmpint(enter(&guests[3]), ==, THROTTLE_WAIT);
    leave(&guests[1], '+'); /* no sign: it was asked before */
    leave(&guests[2], '<');
    enter(&guests[0]);
    enter(&guests[1]);
    g_assert_cmpint(throttle_state(throttle), ==, HEALTH_PAUSED);
    while (n_turns == 0)
        uv_run(&loop, UV_RUN_ONCE);
    g_assert_cmpuint(turns[0], ==, 3);
    g_assert_cmpint(throttle_state(throttle), ==, HEALTH_PROBING);
    leave(&guests[3], '+');
    g_assert_cmpuint(n_turns, ==, 3);
    leave(&guests[0], '+');
    leave(&guests[1], '+');
    close_throttle(throttle);
}

/* The probe fails: who waited beside it is sent away, since the next pause is longer. */
static void
test_failed_probe(void)
{
    Guest guests[3];
    Throttle *throttle = open_throttle(3, guests, 3);

    enter(&guests[0]);
    leave(&guests[0], '<');
    clock_skip(1250);
    g_assert_cmpint(enter(&guests[0]), ==, THROTTLE_GO);
    g_assert_cmpint(enter(&guests[1]), ==, THROTTLE_WAIT);
    g_assert_cmpint(enter(&guests[2]), ==, THROTTLE_WAIT);
    leave(&guests[0], '<');
    g_assert_cmpint(throttle_paused_ms(throttle), >, THROTTLE_SHORT_MS);
    g_assert_cmpuint(guests[1].pauses + guests[2].pauses, ==, 2);
    g_assert_cmpuint(n_turns, ==, 0);
    close_throttle(throttle);
}

/* The client of the probe has left: the next in line takes its part. */
static void
test_lost_probe(void)
{
    Guest guests[3];
    Throttle *throttle = open_throttle(2, guests, 3);

    enter(&guests[0]);
    leave(&guests[0], '-');
    g_assert_cmpint(throttle_state(throttle), ==, HEALTH_DUE);
    enter(&guests[0]);
    g_assert_cmpint(enter(&guests[1]), ==, THROTTLE_WAIT);
    throttle_forget(throttle, &guests[0].ticket);
    throttle_leave(throttle);
    g_assert_cmpuint(n_turns, ==, 1);
    g_assert_cmpint(throttle_state(throttle), ==, HEALTH_PROBING);
    leave(&guests[1], '+');
    g_assert_cmpint(throttle_state(throttle), ==, HEALTH_WELL);
    close_throttle(throttle);
}

/* Half an hour of an API that is down, with mails always waiting: each tries as soon as it may. */
static void
test_outage(void)
{
    Guest guests[20];
    Throttle *throttle = open_throttle(10, guests, 20);
    guint calls = 0;

    for (guint s = 0; s < 1800; s++) {
        for (guint i = 0; i < 20; i++) {
            if (throttle_enter(throttle, &guests[i].ticket) == THROTTLE_GO) {
                calls++;
                leave(&guests[i], '-');
            }
            throttle_forget(throttle, &guests[i].ticket);
        }
        clock_skip(1000);
    }
    g_test_message("%u calls", calls);
    g_assert_cmpuint(calls, <, 30);
    close_throttle(throttle);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_open(LOG_EMERG);
    uv_loop_init(&loop);
    g_test_add_func("/throttle/in-turn", test_in_turn);
    g_test_add_func("/throttle/forget", test_forget);
    g_test_add_func("/throttle/long-line", test_long_line);
    g_test_add_func("/throttle/close", test_close);
    g_test_add_func("/throttle/senders", test_senders);
    g_test_add_func("/throttle/priorities", test_priorities);
    g_test_add_func("/throttle/burst", test_burst);
    g_test_add_func("/throttle/pause", test_pause);
    g_test_add_func("/throttle/refuse", test_refuse);
    g_test_add_func("/throttle/short-pause", test_short_pause);
    g_test_add_func("/throttle/failed-probe", test_failed_probe);
    g_test_add_func("/throttle/lost-probe", test_lost_probe);
    g_test_add_func("/throttle/outage", test_outage);
    int status = g_test_run();
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
    return status;
}
