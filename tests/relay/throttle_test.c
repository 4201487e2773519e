#include "relay/throttle.h"

enum { GUESTS = 2000 };

typedef struct {
    Ticket ticket;
    Throttle *throttle;
    guint number;
    bool leaves_at_once;
} Guest;

static guint turns[GUESTS];
static guint n_turns;

static void
on_turn(Ticket *ticket)
{
    Guest *guest = (Guest *) ticket;

    turns[n_turns++] = guest->number;
    if (guest->leaves_at_once)
        throttle_leave(guest->throttle);
}

static void
invite(Guest *guests, guint n, Throttle *throttle)
{
    n_turns = 0;
    for (guint i = 0; i < n; i++)
        guests[i] = (Guest) { .ticket.turn = on_turn, .throttle = throttle, .number = i };
}

static void
test_in_turn(void)
{
    g_autoptr(Throttle) throttle = throttle_new(2);
    Guest guests[5];

    invite(guests, 5, throttle);
    g_assert_true(throttle_enter(throttle, &guests[0].ticket));
    g_assert_true(throttle_enter(throttle, &guests[1].ticket));
    for (guint i = 2; i < 5; i++)
        g_assert_false(throttle_enter(throttle, &guests[i].ticket));
    g_assert_cmpuint(n_turns, ==, 0);
    throttle_leave(throttle);
    g_assert_cmpuint(n_turns, ==, 1);
    throttle_leave(throttle);
    throttle_leave(throttle);
    g_assert_cmpuint(n_turns, ==, 3);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpuint(turns[i], ==, i + 2);
    throttle_leave(throttle);
    throttle_leave(throttle);
    g_assert_true(throttle_enter(throttle, &guests[0].ticket));
    throttle_leave(throttle);
}

static void
test_forget(void)
{
    g_autoptr(Throttle) throttle = throttle_new(1);
    Guest guests[4];

    invite(guests, 4, throttle);
    for (guint i = 0; i < 4; i++)
        throttle_enter(throttle, &guests[i].ticket);
    throttle_forget(throttle, &guests[1].ticket);
    throttle_forget(throttle, &guests[1].ticket); /* it may say so twice */
    throttle_forget(throttle, &guests[0].ticket); /* or although it has its place */
    throttle_leave(throttle);
    throttle_leave(throttle);
    throttle_leave(throttle);
    g_assert_cmpuint(n_turns, ==, 2);
    g_assert_cmpuint(turns[0], ==, 2);
    g_assert_cmpuint(turns[1], ==, 3);
}

/* A long line of guests that leave at once needs no deep stack. */
static void
test_long_line(void)
{
    g_autoptr(Throttle) throttle = throttle_new(1);
    g_autofree Guest *guests = g_new(Guest, GUESTS);

    invite(guests, GUESTS, throttle);
    for (guint i = 0; i < GUESTS; i++) {
        guests[i].leaves_at_once = true;
        g_assert_cmpint(throttle_enter(throttle, &guests[i].ticket), ==, i == 0);
    }
    throttle_leave(throttle);
    g_assert_cmpuint(n_turns, ==, GUESTS - 1);
    for (guint i = 1; i < GUESTS; i++)
        g_assert_cmpuint(turns[i - 1], ==, i);
}

static void
test_close(void)
{
    g_autoptr(Throttle) throttle = throttle_new(1);
    Guest guests[3];

    invite(guests, 3, throttle);
    g_assert_true(throttle_enter(throttle, &guests[0].ticket));
    g_assert_false(throttle_enter(throttle, &guests[1].ticket));
    throttle_close(throttle);
    throttle_leave(throttle);
    g_assert_false(throttle_enter(throttle, &guests[2].ticket));
    g_assert_cmpuint(n_turns, ==, 0);
    throttle_forget(throttle, &guests[1].ticket);
    throttle_forget(throttle, &guests[2].ticket);
}

static void
test_pause(void)
{
    g_autoptr(Throttle) throttle = throttle_new(1);

    g_assert_cmpint(throttle_paused_ms(throttle), ==, 0);
    throttle_pause(throttle, 600 * 1000);
    g_assert_cmpint(throttle_paused_ms(throttle), >, 500 * 1000);
    throttle_pause(throttle, 1000); /* a shorter one does not end the longer */
    g_assert_cmpint(throttle_paused_ms(throttle), >, 500 * 1000);
    throttle_pause(throttle, G_MAXINT32);
    g_assert_cmpint(throttle_paused_ms(throttle), <=, THROTTLE_MAX_PAUSE_MS);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/throttle/in-turn", test_in_turn);
    g_test_add_func("/throttle/forget", test_forget);
    g_test_add_func("/throttle/long-line", test_long_line);
    g_test_add_func("/throttle/close", test_close);
    g_test_add_func("/throttle/pause", test_pause);
    return g_test_run();
}
