#include "base/clock.h"
#include "queue/store_kind.h"
#include "site.h"

#include <string.h>

/* A relay that keeps mail, in a store that can be told to fail. */

static StoreOps ops;      /* the memory store's, some replaced */
static _Atomic guint update_fails; /* how often yet */
static _Atomic guint updates;
static _Atomic guint refused; /* new rows */
static _Atomic guint notice_fails; /* how often yet */

static bool
put(Store *self, const Entry *entry, gint64 lease_ms, GError **error)
{
    if (entry->is_bounce && notice_fails > 0) {
        notice_fails--;
        g_set_error_literal(error, STORE_ERROR, STORE_ERROR_IO, "made to fail");
        return false;
    }
    bool good = store_memory.put(self, entry, lease_ms, error);

    refused += !good;
    return good;
}

static bool
update(Store *self, const Entry *entry, GError **error)
{
    updates++;
    if (update_fails == 0)
        return store_memory.update(self, entry, error);
    update_fails--;
    g_set_error_literal(error, STORE_ERROR, STORE_ERROR_IO, "made to fail");
    return false;
}

static bool
remove_row(Store *self, const char *id, GError **error)
{
    updates++;
    if (update_fails == 0)
        return store_memory.remove(self, id, error);
    update_fails--;
    g_set_error_literal(error, STORE_ERROR, STORE_ERROR_IO, "made to fail");
    return false;
}

static void
open_with_store(Site *site, const char *keys, guint max_entries)
{
    const StoreConf conf = { .max_entries = max_entries, .spool_memory_bytes = 1 << 20 };
    g_autoptr(GError) error = NULL;
    Store *store = store_open("memory", &conf, &error);

    g_assert_no_error(error);
    ops = store_memory;
    ops.put = put;
    ops.update = update;
    ops.remove = remove_row;
    store->ops = &ops;
    update_fails = updates = refused = 0;
    site_open(site, keys, "max-calls = 1\nmax-pause = 0s\n");
    relay_set_store(site->relay, store);
}

static void
deliver_by(Site *site, guint guest, DeliveryMode mode, const char *recipients)
{
    Entry *entry = entry_of(MAIL, recipients);

    entry->envelope->delivery = mode;
    relay_deliver(site->relay, entry, &site->guests[guest].waiter);
}

/* Until no mail is in hand. */
static void
run_until_idle(Site *site)
{
    while (relay_size(site->relay) > 0 || store_thread_size(relay_store(site->relay)) > 0)
        uv_run(&site->loop, UV_RUN_ONCE);
}

static void
assert_queued(const Site *site, guint guest)
{
    g_assert_cmpuint(site->guests[guest].replies, ==, 1);
    g_assert_true(g_str_has_prefix(site->guests[guest].line, "250 2.0.0 Ok: queued as Q"));
}

/* Time passes until whatever waits is due. */
static void
run_later(Site *site, gint64 *now_ms, gint64 ms)
{
    clock_freeze(*now_ms += ms);
    relay_wake(site->relay);
}

static gint64
freeze(void)
{
    gint64 now_ms = clock_now();

    clock_freeze(now_ms);
    return now_ms;
}

/* What was refused where it came in is here for its sender to be told: in each mode, and said only if so. */
static void
test_refused_before(void)
{
    static const struct { EnvelopeRefusal refusal; DeliveryMode mode; bool bounces; const char *reply; } rows[] = {
        { ENVELOPE_TOO_BIG, DELIVERY_AUTO, true, "552 5.3.4 Message too big; returned to the sender\r\n" },
        { ENVELOPE_TOO_OLD, DELIVERY_QUEUE, true,
          "554 5.4.7 It could not be taken for too long; returned to the sender\r\n" },
        { ENVELOPE_TOO_OLD, DELIVERY_WAIT, false, "554 5.4.7 It could not be taken for too long\r\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Entry *entry = entry_of(MAIL, "a@x.test");
        Site site;

        open_with_store(&site, "", 0);
        entry->envelope->refusal = rows[i].refusal;
        entry->envelope->delivery = rows[i].mode;
        entry->envelope->bounce_refusals = rows[i].bounces;
        relay_deliver(site.relay, entry, &site.guests[0].waiter);
        run_until_reply(&site, 0);
        g_assert_cmpstr(site.guests[0].line, ==, rows[i].reply);
        if (rows[i].bounces) { /* the notice, not the mail */
            run_until_open(&site, 1);
            fake_http_answer(0, 200, OK_BODY);
        }
        run_until_idle(&site);
        g_assert_cmpuint(fake_http.sent, ==, rows[i].bounces);
        site_close(&site);
    }
}

static void
test_kept_and_tried_again(void)
{
    gint64 now_ms = freeze();
    Site site;

    open_with_store(&site, "", 0);
    deliver_by(&site, 0, DELIVERY_AUTO, "a@x.test");
    run_until_open(&site, 1);
    fake_http_answer(0, 500, "");
    g_assert_cmpuint(site.guests[0].replies, ==, 0); /* not before it is durable */
    run_until_reply(&site, 0);
    assert_queued(&site, 0);
    run_until_idle(&site);
    run_later(&site, &now_ms, 90 * 1000);
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    run_later(&site, &now_ms, 3600 * 1000); /* there is nothing left */
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.sent, ==, 2);
    clock_freeze(-1);
    site_close(&site);
}

static void
test_store_first(void)
{
    Site site;

    open_with_store(&site, "", 0);
    deliver_by(&site, 0, DELIVERY_QUEUE, "a@x.test");
    run_until_reply(&site, 0);
    assert_queued(&site, 0);
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    g_assert_cmpuint(updates, ==, 1);
    site_close(&site);
}

/* More than there are workers for: they come out of the store, each once. */
static void
test_workers(void)
{
    Site site;

    open_with_store(&site, "queue-workers = 2", 0);
    for (guint i = 0; i < GUESTS; i++)
        deliver_by(&site, i, DELIVERY_QUEUE, "a@x.test");
    for (guint i = 0; i < GUESTS; i++)
        run_until_reply(&site, i);
    for (guint i = 0; i < GUESTS; i++) {
        while (fake_http.open->len == 0)
            uv_run(&site.loop, UV_RUN_ONCE);
        g_assert_cmpuint(relay_size(site.relay), <=, 2);
        fake_http_answer(0, 200, OK_BODY);
    }
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.sent, ==, GUESTS);
    site_close(&site);
}

static void
test_later(void)
{
    gint64 now_ms = freeze();
    Site site;

    open_with_store(&site, "", 0);
    deliver_by(&site, 0, DELIVERY_LATER, "a@x.test");
    run_until_reply(&site, 0);
    assert_queued(&site, 0);
    run_later(&site, &now_ms, 30 * 1000);
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.sent, ==, 0);
    run_later(&site, &now_ms, 60 * 1000);
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    clock_freeze(-1);
    site_close(&site);
}

/* The client is answered while the call goes on; who comes late settles the row. */
static void
test_patience(void)
{
    Site site;

    open_with_store(&site, "", 0);
    site.guests[0].waiter.wait_ms = 1;
    deliver_by(&site, 0, DELIVERY_AUTO, "a@x.test");
    run_until_reply(&site, 0);
    assert_queued(&site, 0);
    g_assert_cmpuint(fake_http.open->len, ==, 1);
    relay_wake(site.relay); /* nobody else takes it meanwhile */
    g_assert_cmpuint(relay_size(site.relay), ==, 1);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    g_assert_cmpuint(updates, ==, 1);
    site_close(&site);
}

/* No room for the promise: the client waits for the API, rather than to send again what is there. */
static void
test_patience_without_room(void)
{
    Site site;

    open_with_store(&site, "", 1);
    deliver_by(&site, 0, DELIVERY_LATER, "b@x.test");
    run_until_reply(&site, 0);
    site.guests[1].waiter.wait_ms = 1;
    deliver_by(&site, 1, DELIVERY_AUTO, "a@x.test");
    run_until_open(&site, 1);
    while (refused == 0) /* its patience is over */
        uv_run(&site.loop, UV_RUN_ONCE);
    while (store_thread_size(relay_store(site.relay)) > 0)
        uv_run(&site.loop, UV_RUN_ONCE);
    g_assert_cmpuint(site.guests[1].replies, ==, 0);
    fake_http_answer(0, 200, OK_BODY);
    g_assert_cmpstr(site.guests[1].line, ==, "250 2.0.0 Ok: queued as <id-1@api.test>\r\n");
    deliver_by(&site, 2, DELIVERY_AUTO, "a@x.test");
    run_until_open(&site, 1);
    fake_http_answer(0, 500, "");
    run_until_reply(&site, 2);
    g_assert_true(g_str_has_prefix(site.guests[2].line, "452 4.3.1 "));
    site_close(&site);
}

/* The provider has it and the store fails: it is settled again, not sent again. */
static void
test_settled_again(void)
{
    gint64 now_ms = freeze();
    Site site;

    open_with_store(&site, "", 0);
    deliver_by(&site, 0, DELIVERY_QUEUE, "a@x.test");
    run_until_open(&site, 1);
    update_fails = 1;
    fake_http_answer(0, 200, OK_BODY);
    while (updates == 0)
        uv_run(&site.loop, UV_RUN_ONCE);
    run_later(&site, &now_ms, 3600 * 1000); /* its lease is over, but it is in hand */
    run_until_idle(&site);
    g_assert_cmpuint(updates, ==, 2);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    clock_freeze(-1);
    site_close(&site);
}

/* Nobody is closed unless his sender is told. */
static void
test_notice_fails(void)
{
    Site site;

    open_with_store(&site, "", 0);
    deliver_by(&site, 0, DELIVERY_QUEUE, "a@x.test");
    run_until_open(&site, 1);
    notice_fails = 1;
    fake_http_answer(0, 400, "{\"errors\":[{\"code\":\"11-005\",\"field\":\"to\",\"message\":\"no\"}]}");
    while (notice_fails > 0 || store_thread_size(relay_store(site.relay)) > 0)
        uv_run(&site.loop, UV_RUN_ONCE);
    g_assert_cmpuint(relay_size(site.relay), ==, 1); /* until it works */
    g_assert_cmpuint(updates, ==, 0);
    site_close(&site);
    g_assert_cmpuint(updates, ==, 1);
}

/* The clock jumps ahead, and back: what is in hand is not taken twice. */
static void
test_clock_jumps(void)
{
    gint64 now_ms = freeze();
    Site site;

    open_with_store(&site, "queue-workers = 5", 0);
    deliver_by(&site, 0, DELIVERY_QUEUE, "a@x.test");
    run_until_open(&site, 1);
    for (gint64 days = -400; days <= 400; days += 200) {
        clock_freeze(now_ms + days * 24 * 3600 * 1000);
        relay_wake(site.relay);
        while (store_thread_size(relay_store(site.relay)) > 0)
            uv_run(&site.loop, UV_RUN_ONCE);
        g_assert_cmpuint(relay_size(site.relay), ==, 1);
    }
    clock_freeze(now_ms);
    fake_http_answer(0, 200, OK_BODY);
    run_until_idle(&site);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    clock_freeze(-1);
    site_close(&site);
}

/* A client that leaves: what was promised goes on, what was not is gone. */
static void
test_abandon(void)
{
    Site site;

    open_with_store(&site, "", 0);
    deliver_by(&site, 0, DELIVERY_QUEUE, "a@x.test");
    relay_abandon(&site.guests[0].waiter); /* while its recipients are made final */
    deliver_by(&site, 1, DELIVERY_AUTO, "a@x.test");
    run_until_open(&site, 1);
    relay_abandon(&site.guests[1].waiter); /* in its call */
    fake_http_answer(0, 500, "");
    run_until_idle(&site);
    g_assert_cmpuint(site.guests[0].replies + site.guests[1].replies, ==, 0);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    site_close(&site);
}

static void
on_drained(void *user)
{
    ((Site *) user)->drained = true;
}

/* Told to stop with mail in every state: promises are kept, and nobody waits for ever. */
static void
test_drain(void)
{
    Site site;

    open_with_store(&site, "", 0);
    deliver_by(&site, 0, DELIVERY_AUTO, "a@x.test");
    run_until_open(&site, 1);
    deliver_by(&site, 1, DELIVERY_AUTO, "b@x.test");
    deliver_by(&site, 2, DELIVERY_QUEUE, "c@x.test");
    run_until_reply(&site, 2);
    deliver_by(&site, 3, DELIVERY_LATER, "d@x.test");
    run_until_translated(&site);
    relay_drain(site.relay, 1, on_drained, &site);
    while (!site.drained)
        uv_run(&site.loop, UV_RUN_ONCE);
    for (guint i = 0; i < 4; i++)
        assert_queued(&site, i);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    site_close(&site);
}

static void
test_close(void)
{
    Site site;

    open_with_store(&site, "", 0);
    deliver_by(&site, 0, DELIVERY_AUTO, "a@x.test");
    run_until_open(&site, 1);
    deliver_by(&site, 1, DELIVERY_QUEUE, "c@x.test");
    run_until_reply(&site, 1);
    update_fails = 1000;
    deliver_by(&site, 2, DELIVERY_QUEUE, "c@x.test");
    deliver_by(&site, 3, DELIVERY_AUTO, "c@x.test");
    site_close(&site);
    for (guint i = 0; i < 4; i++)
        g_assert_cmpuint(site.guests[i].replies, ==, 1);
    g_assert_cmpuint(fake_http.sent, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/queue/kept-and-tried-again", test_kept_and_tried_again);
    g_test_add_func("/queue/refused-before", test_refused_before);
    g_test_add_func("/queue/store-first", test_store_first);
    g_test_add_func("/queue/workers", test_workers);
    g_test_add_func("/queue/later", test_later);
    g_test_add_func("/queue/patience", test_patience);
    g_test_add_func("/queue/patience-without-room", test_patience_without_room);
    g_test_add_func("/queue/settled-again", test_settled_again);
    g_test_add_func("/queue/notice-fails", test_notice_fails);
    g_test_add_func("/queue/clock-jumps", test_clock_jumps);
    g_test_add_func("/queue/abandon", test_abandon);
    g_test_add_func("/queue/drain", test_drain);
    g_test_add_func("/queue/close", test_close);
    return g_test_run();
}
