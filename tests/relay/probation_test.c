/* An account that does not work, and a long queue for it: one mail finds out, the others are left in peace. */
#include "base/clock.h"
#include "queue/store_kind.h"
#include "site.h"

#include <string.h>

enum { MANY = 10000, WORKERS = 100, STEPS = 12 };

static StoreOps ops; /* the memory store's, counting */
static _Atomic guint claims, claimed, updates, deferred;

static GPtrArray *
claim(Store *self, const StoreClaim *what, GError **error)
{
    GPtrArray *entries = store_memory.claim(self, what, error);

    claims++;
    claimed += entries ? entries->len : 0;
    return entries;
}

static bool
update(Store *self, const Entry *entry, GError **error)
{
    updates++;
    return store_memory.update(self, entry, error);
}

static bool
defer(Store *self, const char *const *ids, gint64 due_ms, GError **error)
{
    deferred += g_strv_length((char **) ids);
    return store_memory.defer(self, ids, due_ms, error);
}

/* What the store has at the end. */
static struct {
    guint rows, leased, maybe_taken, cut_off, bounces;
} left;

static void
count_row(const StoreRow *row, void *user)
{
    left.rows++;
    left.leased += row->leased;
    left.bounces += row->entry->is_bounce;
    left.maybe_taken += g_array_index(row->entry->tries, EntryTry, 0).maybe_taken;
    left.cut_off += row->entry->cut_off;
}

static void
close_store(Store *self)
{
    const StoreQuery all = { .held = -1 };

    memset(&left, 0, sizeof left);
    g_assert_true(store_memory.each(self, &all, count_row, NULL, NULL));
    store_memory.close(self);
}

static void
forget(void)
{
    claims = claimed = updates = deferred = 0;
    fake_http.sent = 0;
}

/* n entries are due; by_ms: of the last one, which is to be returned then. account: that they were tried through;
 * NULL: they were not. */
static Store *
store_with_late(guint n, const char *account, gint64 by_ms)
{
    const StoreConf conf = { .spool_memory_bytes = 1 << 20 };
    Store *store = store_open("memory", &conf, NULL);

    g_assert_true(store_begin(store, NULL));
    for (guint i = 0; i < n; i++) {
        g_autoptr(Entry) entry = entry_of(MAIL, "a@x.test");
        g_free(entry->envelope->sender);
        entry->envelope->sender = g_strdup_printf("s%u@from.test", i % 20);
        entry->due_ms = 1;
        entry->expires_ms = clock_now() + 5 * 24 * 3600 * G_GINT64_CONSTANT(1000);
        entry->expanded = true;
        g_array_index(entry->tries, EntryTry, 0).account = g_strdup(account);
        if (i == n - 1) {
            entry->envelope->by_ms = by_ms;
            entry->envelope->by_flags = by_ms > 0 ? ENVELOPE_BY_RETURN : 0;
        }
        g_assert_true(store_put(store, entry, 0, NULL));
    }
    g_assert_true(store_commit(store, NULL));
    ops = store_memory;
    ops.claim = claim;
    ops.update = update;
    ops.defer = defer;
    ops.close = close_store;
    store->ops = &ops;
    return store;
}

static Store *
store_with(guint n, const char *account)
{
    return store_with_late(n, account, 0);
}

/* Until no mail is in hand; each call fails. */
static void
fail_all(Site *site)
{
    while (relay_size(site->relay) > 0 || store_thread_size(relay_store(site->relay)) > 0) {
        while (fake_http.open->len > 0)
            fake_http_answer(0, 503, "");
        uv_run(&site->loop, UV_RUN_ONCE);
    }
}

static void
visit(const Provider *account, const ThrottleStats *stats, void *user)
{
    if (g_str_equal(account->name, "main"))
        *(gint64 *) user = stats->paused_ms;
}

static gint64
pause_of(const Site *site)
{
    gint64 ms = 0;

    relay_accounts(site->relay, visit, &ms);
    return ms;
}

static void
test_one_probe(void)
{
    Site site;

    clock_freeze(clock_now());
    site_open(&site, "", "max-pause = 5m\n");
    forget();
    relay_set_store(site.relay, store_with(MANY, NULL));
    fail_all(&site);
    g_assert_cmpuint(claimed, <=, 2 * WORKERS);
    for (guint i = 0; i < STEPS; i++) {
        g_assert_cmpint(pause_of(&site), >, 0);
        forget();
        for (guint k = 0; k < 100; k++) /* clients and operators come and go */
            relay_wake(site.relay);
        fail_all(&site);
        g_assert_cmpuint(claims, ==, 0);
        clock_skip(pause_of(&site) + 1);
        for (guint k = 0; k < 100; k++)
            relay_wake(site.relay);
        fail_all(&site);
        g_assert_cmpuint(fake_http.sent, ==, 1);
        g_assert_cmpuint(claimed, ==, 1);
        g_assert_cmpuint(updates + deferred, ==, 1);
    }
    clock_skip(pause_of(&site) + 1);
    forget();
    relay_wake(site.relay);
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY); /* it works again: all go */
    while (fake_http.sent < 2 * WORKERS) {
        run_until_open(&site, 1);
        fake_http_answer(0, 200, OK_BODY);
    }
    g_assert_cmpuint(deferred, ==, 0);
    site_close(&site);
    clock_freeze(-1);
}

static gint64
skip(gint64 now_ms, gint64 ms)
{
    clock_skip(ms);
    clock_freeze(now_ms + ms);
    return now_ms + ms;
}

/* Its sender wants it back then (RFC 2852), whether an account works or not; nobody else is looked at. */
static void
test_late_is_returned(gconstpointer account)
{
    gint64 now_ms = clock_now(), by_ms = now_ms + 7 * 24 * 3600 * G_GINT64_CONSTANT(1000);
    Site site;

    clock_freeze(now_ms);
    site_open(&site, "", "max-pause = 60m\n");
    forget();
    relay_set_store(site.relay, store_with_late(300, account, by_ms));
    fail_all(&site);
    while (pause_of(&site) < 60000) {
        now_ms = skip(now_ms, pause_of(&site) + 1);
        relay_wake(site.relay);
        fail_all(&site);
    }
    forget();
    skip(by_ms - 1, 0);
    relay_wake(site.relay);
    fail_all(&site);
    g_assert_cmpuint(claims, ==, 0);
    skip(by_ms, 0);
    relay_wake(site.relay);
    while (claims == 0)
        uv_run(&site.loop, UV_RUN_ONCE);
    fail_all(&site);
    g_assert_cmpint(pause_of(&site), >, 0);
    g_assert_cmpuint(fake_http.sent, ==, 0);
    g_assert_cmpuint(claimed, ==, 1);
    site_close(&site);
    g_assert_cmpuint(left.rows, ==, 300); /* a notice in its place */
    g_assert_cmpuint(left.bounces, ==, 1);
    clock_freeze(-1);
}

/* Another account works, so that all are looked at; those of this one go back as they are, and not all at once. */
static void
test_beside_another(void)
{
    gint64 now_ms = clock_now();
    Site site;

    clock_freeze(now_ms);
    site_open(&site, "", "max-pause = 5m\n" ACCOUNT("second", "second.test"));
    forget();
    relay_set_store(site.relay, store_with(1000, "main"));
    fail_all(&site);
    for (guint i = 0; i < STEPS; i++) {
        gint64 pause_ms = pause_of(&site) + 1;
        forget();
        clock_skip(pause_ms);
        clock_freeze(now_ms += pause_ms);
        relay_wake(site.relay);
        fail_all(&site);
        g_assert_cmpuint(fake_http.sent, <=, 1);
        g_assert_cmpuint(updates, <=, 1);
        g_assert_cmpuint(claimed, <=, 1000);
        g_assert_cmpuint(claims, <=, 1000 / WORKERS + 4);
    }
    site_close(&site);
    clock_freeze(-1);
}

/* The account behind works: nothing has to wait for the first one. */
static void
test_fallback_works(void)
{
    Site site;

    site_open(&site, "", "max-pause = 5m\nfallback = second\n" ACCOUNT("second", "second.test"));
    forget();
    relay_set_store(site.relay, store_with(300, "second"));
    while (relay_size(site.relay) > 0 || store_thread_size(relay_store(site.relay)) > 0) {
        while (fake_http.open->len > 0) {
            g_autofree char *request = fake_http_request(0);
            bool second = strstr(request, "second.test");
            fake_http_answer(0, second ? 200 : 503, second ? OK_BODY : "");
        }
        uv_run(&site.loop, UV_RUN_ONCE);
    }
    g_assert_cmpuint(claimed, ==, 300);
    g_assert_cmpuint(deferred, ==, 0);
    site_close(&site);
}

static void
on_drained(void *user)
{
    ((Site *) user)->drained = true;
}

/* The end comes while the API answers nobody, in good order or at once: all stays in the queue, and only what was in a
 * call is of unknown outcome. */
static void
test_end(gconstpointer in_order)
{
    Site site;

    site_open(&site, "", "max-calls = 3\n");
    forget();
    relay_set_store(site.relay, store_with(MANY, NULL));
    run_until_open(&site, 3);
    while (relay_size(site.relay) < WORKERS)
        uv_run(&site.loop, UV_RUN_ONCE);
    relay_drain(site.relay, in_order ? 1 : 10000, on_drained, &site);
    while (in_order && !site.drained)
        uv_run(&site.loop, UV_RUN_ONCE);
    site_close(&site);
    g_assert_cmpuint(claimed, ==, WORKERS);
    g_assert_cmpuint(left.rows, ==, MANY);
    g_assert_cmpuint(left.leased, ==, 0);
    g_assert_cmpuint(left.maybe_taken, ==, 3);
    g_assert_cmpuint(left.cut_off, ==, 0);
    g_assert_cmpuint(updates, ==, 3);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/probation/one-probe", test_one_probe);
    g_test_add_data_func("/probation/late-is-returned", NULL, test_late_is_returned);
    g_test_add_data_func("/probation/late-of-an-account", "main", test_late_is_returned);
    g_test_add_func("/probation/beside-another", test_beside_another);
    g_test_add_func("/probation/fallback-works", test_fallback_works);
    g_test_add_data_func("/probation/end-in-order", "", test_end);
    g_test_add_data_func("/probation/end-at-once", NULL, test_end);
    return g_test_run();
}
