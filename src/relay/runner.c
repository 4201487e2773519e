#include "config.h"

#include "relay/runner.h"

#include "base/clock.h"
#include "relay/state.h"

enum { TROUBLE_LOG_MS = 60 * 1000 };

/* --- the end ------------------------------------------------------------------------------------- */

/* From now on no API is called. */
static void
expire(Relay *self)
{
    GHashTableIter iter;
    gpointer throttle;

    self->expired = true;
    g_hash_table_iter_init(&iter, self->world->throttles);
    while (g_hash_table_iter_next(&iter, NULL, &throttle))
        throttle_close(throttle);
}

static void
on_part_closed(void *user)
{
    Relay *self = user;

    if (--self->handles > 0)
        return;
    world_unref(self->world);
    g_hash_table_unref(self->in_hand);
    g_hash_table_unref(self->probes);
    g_free(self);
}

static void
on_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

/* Nobody needs anything any more. */
static void
close_all(Relay *self)
{
    uv_timer_t *const timers[] = { &self->patience, &self->due, &self->lease, &self->trouble, &self->drain };

    self->closing = false;
    world_close(self->world);
    work_lane_close(self->lane);
    store_thread_close(self->store);
    self->handles = G_N_ELEMENTS(timers) + 1;
    repeats_close(self->repeats, on_part_closed, self);
    for (guint i = 0; i < G_N_ELEMENTS(timers); i++)
        uv_close((uv_handle_t *) timers[i], on_closed);
}

void
relay_check(Relay *self)
{
    void (*drained)(void *user) = self->drained;

    if (!g_queue_is_empty(&self->jobs))
        return;
    uv_timer_stop(&self->patience);
    if (drained) {
        expire(self);
        uv_timer_stop(&self->drain);
        self->drained = NULL;
        drained(self->user);
    } else if (self->closing && self->tasks == 0) {
        close_all(self);
    }
}

static void
abort_all(Relay *self)
{
    for (GList *link = self->jobs.head, *next; link; link = next) {
        next = link->next;
        job_abort(link->data);
    }
    booking_retry_all(self, true);
}

static void
on_limit(uv_timer_t *timer)
{
    Relay *self = timer->data;

    expire(self);
    abort_all(self);
    relay_check(self);
}

/* --- clients ------------------------------------------------------------------------------------- */

static bool
is_wanted(void *user)
{
    const RelayJob *job = user;
    Waiter *waiter = job->waiter;

    return job->entry->stored || repeat_joined(job->repeat) ||
           (!job->abandoned && (!waiter || !waiter->is_there || waiter->is_there(waiter)));
}

static void
on_patience(uv_timer_t *timer)
{
    Relay *self = timer->data;
    gint64 now_ms = (gint64) uv_now(self->world->loop), next_ms = G_MAXINT64;

    for (GList *link = self->jobs.head; link; link = link->next) {
        RelayJob *job = link->data;
        if (job->answer_by_ms > 0 && job->answer_by_ms <= now_ms)
            job_hurry(job);
        else if (job->answer_by_ms > 0)
            next_ms = MIN(next_ms, job->answer_by_ms);
    }
    if (next_ms < G_MAXINT64)
        relay_wait(self, next_ms);
}

void
relay_wait(Relay *self, gint64 until_ms)
{
    if (uv_is_active((uv_handle_t *) &self->patience) && self->patience_ms <= until_ms)
        return;
    self->patience_ms = until_ms;
    uv_timer_start(&self->patience, on_patience, (guint64) MAX(0, until_ms - (gint64) uv_now(self->world->loop)), 0);
}

/* --- the beginning ------------------------------------------------------------------------------- */

static void
enter_world(Relay *self, uv_loop_t *loop, RelaySettings *settings)
{
    DeliveryWorld *before = self->world, *world = world_new(settings);

    world->lane = self->lane;
    world->is_wanted = is_wanted;
    world_open(world, loop, before);
    self->world = world;
    self->retry = (RetryConf) { settings->conf.retry_min_ms, settings->conf.retry_max_ms };
    if (before)
        world_unref(before);
}

/* What waits in the store keeps no loop alive. */
static void
open_timer(Relay *self, uv_timer_t *timer, bool keeps_alive)
{
    uv_timer_init(self->world->loop, timer);
    timer->data = self;
    if (!keeps_alive)
        uv_unref((uv_handle_t *) timer);
}

Relay *
relay_new(uv_loop_t *loop, RelaySettings *settings)
{
    static const RepeatOps repeat_ops = { job_adopt };
    Relay *self = g_new0(Relay, 1);

    self->lane = work_lane_new(loop);
    enter_world(self, loop, settings);
    self->started_ms = clock_now();
    self->in_hand = g_hash_table_new(g_str_hash, g_str_equal);
    self->probes = g_hash_table_new(NULL, NULL);
    self->repeats = repeats_new(loop, settings->conf.duplicate_window_ms, &repeat_ops);
    g_queue_init(&self->jobs);
    g_queue_init(&self->troubled);
    open_timer(self, &self->patience, true);
    open_timer(self, &self->trouble, true);
    open_timer(self, &self->drain, true);
    open_timer(self, &self->due, false);
    open_timer(self, &self->lease, false);
    return self;
}

void
relay_set_store(Relay *self, Store *store)
{
    self->store = store_thread_new(self->world->loop, store);
    claim_start(self);
}

void
relay_reload(Relay *self, RelaySettings *settings)
{
    if (self->expired || self->closing)
        return;
    enter_world(self, self->world->loop, settings);
    if (self->store)
        claim_now(self);
}

StoreThread *
relay_store(Relay *self)
{
    return self->store;
}

void
relay_wake(Relay *self)
{
    claim_now(self);
}

void
relay_trouble(Relay *self, const GError *error)
{
    gint64 now_ms = (gint64) uv_now(self->world->loop);

    if (self->trouble_logged_ms > 0 && now_ms - self->trouble_logged_ms < TROUBLE_LOG_MS) {
        self->trouble_unlogged++;
        return;
    }
    report_trouble(error, self->trouble_unlogged);
    self->trouble_logged_ms = now_ms;
    self->trouble_unlogged = 0;
}

void
relay_deliver(Relay *self, Entry *entry, Waiter *waiter)
{
    Repeat *repeat = NULL;

    if (waiter && repeats_meet(self->repeats, entry, waiter, &repeat))
        return;
    job_start(self, entry, waiter, repeat);
    if (self->expired)
        uv_timer_start(&self->drain, on_limit, 0, 0);
}

void
relay_abandon(Waiter *waiter)
{
    RelayJob *job = g_steal_pointer(&waiter->job);

    if (waiter->repeat)
        repeat_abandon(waiter);
    else if (job)
        job_abandon(job);
}

void
relay_remember(Relay *self, const char *id, const char *digest, gint64 when_ms, const char *text)
{
    DuplicateKey key;

    if (duplicate_key_parse(&key, digest))
        duplicates_remember(repeats_known(self->repeats), &key, when_ms, id, text);
}

void
relay_forget(Relay *self, const char *id)
{
    if (duplicates_forget(repeats_known(self->repeats), id))
        report_forgotten(id);
}

void
relay_accounts(const Relay *self, void (*visit)(const Provider *account, const ThrottleStats *stats, void *user),
               void *user)
{
    const GPtrArray *accounts = self->world->settings->accounts;

    for (guint i = 0; i < accounts->len; i++) {
        ThrottleStats stats;
        const Provider *account = accounts->pdata[i];
        throttle_stats(g_hash_table_lookup(self->world->throttles, account->name), &stats);
        visit(account, &stats, user);
    }
}

Throttle *
relay_throttle(const Relay *self, const Provider *account)
{
    return g_hash_table_lookup(self->world->throttles, account->name);
}

guint
relay_size(const Relay *self)
{
    return self->jobs.length;
}

void
relay_drain(Relay *self, gint64 limit_ms, void (*done)(void *user), void *user)
{
    bool idle = g_queue_is_empty(&self->jobs);

    self->draining = true;
    self->drained = done;
    self->user = user;
    uv_timer_start(&self->drain, on_limit, idle ? 0 : (guint64) limit_ms, 0);
}

void
relay_close(Relay *self)
{
    self->draining = self->closing = true;
    self->drained = NULL;
    expire(self);
    abort_all(self);
    relay_check(self);
}
