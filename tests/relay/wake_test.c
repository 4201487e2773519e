/* Whatever is due is looked for in time, in whichever order things happen. The clock here, which takes the place of
 * base/clock.c, moves on with every look at it when it is told to. */
#include "base/clock.h"
#include "relay/state.h"
#include "site.h"

#define QUICK "retry-min = 1s\nretry-max = 1s\n"

static _Atomic gint64 wall_ms = 1800000000000;
static _Atomic gint64 skipped_ms;
static _Atomic bool ticks;

gint64
clock_now(void)
{
    return ticks ? ++wall_ms : wall_ms;
}

gint64
clock_monotonic(void)
{
    return g_get_monotonic_time() / 1000 + skipped_ms;
}

void
clock_skip(gint64 ms)
{
    skipped_ms += ms;
}

void
clock_freeze(gint64 ms)
{
    g_assert_not_reached();
}

gint64
clock_monotonic_us(void)
{
    return g_get_monotonic_time();
}

static bool
run_gate(Store *store, void *user, GError **error)
{
    uv_sem_wait(user);
    return true;
}

static void
on_gate(void *user, const GError *error)
{
}

static const StoreTask gate_task = { run_gate, on_gate };

static void
start(Site *site, const char *account)
{
    const StoreConf conf = { .spool_memory_bytes = 1 << 20 };

    ticks = false;
    site_open(site, QUICK, account);
    relay_set_store(site->relay, store_open("memory", &conf, NULL));
}

static void
run_until_idle(Site *site)
{
    while (relay_size(site->relay) > 0 || store_thread_size(relay_store(site->relay)) > 0)
        uv_run(&site->loop, UV_RUN_ONCE);
}

/* What waits is looked for when it is due, a second after it failed. */
static void
assert_timed(const Site *site)
{
    g_assert_true(uv_is_active((uv_handle_t *) &site->relay->due));
    g_assert_cmpuint(uv_timer_get_due_in(&site->relay->due), <=, 2000);
}

static void
fail_one(Site *site)
{
    Entry *entry = entry_of(MAIL, "a@x.test");

    entry->envelope->delivery = DELIVERY_QUEUE;
    relay_deliver(site->relay, entry, &site->guests[0].waiter);
    run_until_open(site, 1);
}

static void
test_clock_goes_on(void)
{
    Site site;

    start(&site, "max-pause = 0s\n");
    ticks = true;
    fail_one(&site);
    fake_http_answer(0, 503, "");
    run_until_idle(&site);
    assert_timed(&site);
    site_close(&site);
}

/* A look at the store is under way when an entry becomes due: before it, and behind it. */
static void
test_look_and_settlement(gconstpointer look_first)
{
    uv_sem_t gate;
    Site site;

    uv_sem_init(&gate, 0);
    for (guint moving = 0; moving < 2; moving++) {
        start(&site, "max-pause = 0s\n");
        ticks = moving > 0;
        fail_one(&site);
        store_thread_do(relay_store(site.relay), &gate_task, &gate);
        if (look_first)
            relay_wake(site.relay);
        fake_http_answer(0, 503, "");
        if (!look_first)
            relay_wake(site.relay);
        uv_sem_post(&gate);
        run_until_idle(&site);
        assert_timed(&site);
        site_close(&site);
    }
    uv_sem_destroy(&gate);
}

/* Its time is over while a look is under way that did not see it. */
static void
test_due_during_look(void)
{
    uv_sem_t gate;
    Site site;

    uv_sem_init(&gate, 0);
    start(&site, "max-pause = 0s\n");
    fail_one(&site);
    fake_http_answer(0, 503, "");
    run_until_idle(&site);
    store_thread_do(relay_store(site.relay), &gate_task, &gate);
    relay_wake(site.relay);
    wall_ms += 2000;
    relay_wake(site.relay);
    uv_sem_post(&gate);
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    site_close(&site);
    uv_sem_destroy(&gate);
}

/* The pause of the account ends, though only a client's mail finds out that it works. */
static void
test_pause_ends(void)
{
    Site site;

    start(&site, "");
    fail_one(&site);
    fake_http_answer_later(0, 429, "", 3600 * 1000);
    run_until_idle(&site);
    wall_ms += 7200 * 1000;
    relay_wake(site.relay);
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.open->len, ==, 0);
    clock_skip(7200 * 1000);
    deliver(&site, 1, MAIL, "b@x.test");
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    run_until_reply(&site, 1);
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    site_close(&site);
}

/* No worker was free when it was due. */
static void
test_worker_comes_free(void)
{
    Site site;

    start(&site, "max-pause = 0s\n");
    site.settings->conf.queue_workers = 1;
    for (guint i = 0; i < 3; i++) {
        Entry *entry = entry_of(MAIL, "a@x.test");
        entry->envelope->delivery = DELIVERY_QUEUE;
        relay_deliver(site.relay, entry, &site.guests[i].waiter);
        run_until_reply(&site, i);
    }
    wall_ms += 5000;
    relay_wake(site.relay);
    for (guint i = 0; i < 3; i++) {
        run_until_open(&site, 1);
        fake_http_answer(0, 200, OK_BODY);
    }
    run_until_idle(&site);
    site_close(&site);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wake/clock-goes-on", test_clock_goes_on);
    g_test_add_data_func("/wake/look-then-settlement", "look", test_look_and_settlement);
    g_test_add_data_func("/wake/settlement-then-look", NULL, test_look_and_settlement);
    g_test_add_func("/wake/due-during-look", test_due_during_look);
    g_test_add_func("/wake/pause-ends", test_pause_ends);
    g_test_add_func("/wake/worker-comes-free", test_worker_comes_free);
    return g_test_run();
}
