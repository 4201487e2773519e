#include "relay/state.h"

#include "base/clock.h"

enum {
    LOOK_MS = 60 * 1000, /* at the latest: the wall clock may be set back */
    AGAIN_MS = 5000,     /* after a failure */
    SPREAD_MS = 10,      /* between two that went back */
    SPREAD_MOST_MS = 10 * 60 * 1000,
};

/* One look into the store. */
typedef struct {
    Relay *relay;
    StoreClaim claim;
    GPtrArray *entries; /* of Entry, leased */
    GPtrArray *damaged; /* of char: id and reason in turn */
    gint64 due_ms;      /* of what is next */
    gint64 late_ms;     /* of what is next of those, if only those that are late were looked for */
} Look;

/* Rows whose leases or times are changed. */
typedef struct {
    Relay *relay;
    GPtrArray *ids;
    gint64 until_ms;
    gint64 by_ms; /* the first of those that come before that */
} Rows;

static void
rows_free(Rows *self)
{
    g_ptr_array_unref(self->ids);
    g_free(self);
}

static Rows *
rows_new(Relay *relay, gint64 until_ms)
{
    Rows *self = g_new0(Rows, 1);

    self->relay = relay;
    self->ids = g_ptr_array_new_with_free_func(g_free);
    self->until_ms = until_ms;
    self->by_ms = G_MAXINT64;
    return self;
}

/* --- what goes back ------------------------------------------------------------------------------ */

static bool
run_defer(Store *store, void *user, GError **error)
{
    Rows *self = user;

    return store_defer(store, (const char *const *) self->ids->pdata, self->until_ms, error);
}

static void
on_deferred(void *user, const GError *error)
{
    Rows *self = user;

    Relay *relay = self->relay;
    gint64 until_ms = MIN(self->until_ms, self->by_ms);

    rows_free(self);
    relay->tasks--;
    if (error)
        relay_trouble(relay, error);
    else
        claim_due(relay, until_ms);
    relay_check(relay);
}

static void
defer(Relay *relay, Rows *rows)
{
    static const StoreTask task = { run_defer, on_deferred };

    g_ptr_array_add(rows->ids, NULL);
    relay->tasks++;
    store_thread_do(relay->store, &task, rows);
}

void
claim_release(Relay *relay, const char *id)
{
    Rows *rows = rows_new(relay, clock_now());

    g_ptr_array_add(rows->ids, g_strdup(id));
    defer(relay, rows);
}

/* --- looking ------------------------------------------------------------------------------------- */

static void
on_damaged(const char *id, const char *why, void *user)
{
    Look *self = user;

    g_ptr_array_add(self->damaged, g_strdup(id));
    g_ptr_array_add(self->damaged, g_strdup(why));
}

static bool
run_look(Store *store, void *user, GError **error)
{
    Look *self = user;

    self->entries = store_claim(store, &self->claim, error);
    if (!self->entries)
        return false;
    if (self->claim.late)
        return store_next_late(store, &self->late_ms, error);
    return self->entries->len == self->claim.max || store_next_due(store, &self->due_ms, error);
}

/* Those that went back one after the other do not come again all at once. */
static gint64
spread_ms(const Relay *relay)
{
    return MIN((gint64) relay->sent_back * SPREAD_MS, SPREAD_MOST_MS);
}

/* One that no account would take now goes back. */
static void
take(Relay *relay, GPtrArray *entries)
{
    Rows *deferred = NULL;

    for (guint i = 0; i < entries->len; i++) {
        Entry *entry = entries->pdata[i];
        const Provider *probe = NULL;
        entry->expires_ms = MAX(entry->expires_ms, relay->started_ms); /* while nobody ran nobody tried */
        bool overdue = entry_is_overdue(entry, clock_now()); /* what its sender is told waits for no account */
        gint64 wait_ms = relay->draining || overdue ? 0 : probation_wait(relay, entry, &probe);
        if (g_hash_table_contains(relay->in_hand, entry->id)) {
            entry_free(entry); /* the lease ran out by a jump of the clock only */
        } else if (wait_ms > 0 || relay->draining) {
            if (!deferred)
                deferred = rows_new(relay, 0);
            relay->sent_back++;
            deferred->until_ms = MAX(deferred->until_ms, clock_now() + wait_ms);
            if (entry->envelope->by_ms > 0)
                deferred->by_ms = MIN(deferred->by_ms, entry->envelope->by_ms);
            claim_expect(relay, entry);
            g_ptr_array_add(deferred->ids, g_strdup(entry->id));
            entry_free(entry);
        } else {
            entry->stored = true;
            job_start_stored(relay, entry, probe);
        }
    }
    if (!deferred)
        return;
    deferred->until_ms += relay->draining ? 0 : spread_ms(relay);
    defer(relay, deferred);
}

static void
on_looked(void *user, const GError *error)
{
    Look *self = user;
    Relay *relay = self->relay;
    g_autoptr(GPtrArray) entries = self->entries;
    g_autoptr(GPtrArray) damaged = self->damaged;
    bool late = self->claim.late, full = entries && entries->len == self->claim.max;

    relay->claiming = false;
    relay->tasks--;
    if (late)
        relay->late_ms = self->late_ms;
    if (error) {
        relay_trouble(relay, error);
        self->due_ms = clock_now() + AGAIN_MS;
    } else {
        for (guint i = 0; i < damaged->len; i += 2)
            report_damaged(damaged->pdata[i], damaged->pdata[i + 1]);
        g_ptr_array_set_free_func(entries, NULL);
        take(relay, entries);
    }
    if (!full && !late)
        relay->sent_back = 0;
    gint64 due_ms = self->due_ms;
    g_free(self);
    if (late || full || (!error && relay->claim_again))
        claim_now(relay);
    else
        claim_due(relay, due_ms);
    relay_check(relay);
}

/* late: no account would take mail, and the others wait. */
static void
look(Relay *relay, guint most, bool late)
{
    static const StoreTask task = { run_look, on_looked };
    Look *self = g_new0(Look, 1);
    gint64 now_ms = clock_now();

    self->relay = relay;
    self->damaged = g_ptr_array_new_with_free_func(g_free);
    self->claim = (StoreClaim) {
        .now_ms = now_ms,
        .lease_ms = now_ms + RELAY_LEASE_MS,
        .max_wait_ms = retry_longest(&relay->retry),
        .max = most,
        .late = late,
        .damaged = on_damaged,
        .user = self,
    };
    self->due_ms = G_MAXINT64;
    self->late_ms = now_ms + AGAIN_MS;
    relay->claiming = true;
    relay->tasks++;
    relay->claim_again = late;
    store_thread_do(relay->store, &task, self);
}

static void set_timer(Relay *relay, gint64 due_ms);

void
claim_now(Relay *relay)
{
    guint most = relay->world->settings->conf.queue_workers;
    gint64 wait_ms;

    if (!relay->store || relay->draining)
        return;
    relay->claim_again = true;
    if (relay->claiming || relay->workers >= most)
        return;
    guint room = probation_room(relay, most - relay->workers, &wait_ms);
    if (room > 0)
        look(relay, room, false);
    else if (relay->late_ms <= clock_now())
        look(relay, most - relay->workers, true);
    else
        set_timer(relay, MIN(clock_now() + wait_ms, relay->late_ms));
}

void
claim_expect(Relay *relay, const Entry *entry)
{
    gint64 by_ms = entry->envelope->by_ms;

    if (by_ms > 0)
        relay->late_ms = MIN(relay->late_ms, MAX(by_ms, entry->due_ms));
}

/* --- timers -------------------------------------------------------------------------------------- */

/* What is late is looked for each time: an operator lets mail go, or the clock was set. */
static void
on_due(uv_timer_t *timer)
{
    Relay *relay = timer->data;

    relay->late_ms = 0;
    claim_now(relay);
}

static void
set_timer(Relay *relay, gint64 due_ms)
{
    relay->due_ms = due_ms;
    uv_timer_start(&relay->due, on_due, (guint64) CLAMP(due_ms - clock_now(), 0, LOOK_MS), 0);
}

void
claim_due(Relay *relay, gint64 due_ms)
{
    if (!relay->store || relay->draining)
        return;
    if (due_ms <= clock_now())
        claim_now(relay);
    else if (!uv_is_active((uv_handle_t *) &relay->due) || due_ms < relay->due_ms)
        set_timer(relay, due_ms);
}

static bool
run_renewal(Store *store, void *user, GError **error)
{
    const Rows *self = user;

    for (guint i = 0; i < self->ids->len; i++) {
        const char *const one[] = { self->ids->pdata[i], NULL };
        g_autoptr(GError) cause = NULL;
        if (store_renew(store, one, self->until_ms, &cause) || g_error_matches(cause, STORE_ERROR, STORE_ERROR_GONE))
            continue;
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
    }
    return true;
}

static void
on_renewed(void *user, const GError *error)
{
    Rows *self = user;

    Relay *relay = self->relay;

    rows_free(self);
    relay->renewing = false;
    relay->tasks--;
    if (error)
        relay_trouble(relay, error);
    relay_check(relay);
}

static void
on_lease(uv_timer_t *timer)
{
    static const StoreTask task = { run_renewal, on_renewed };
    Relay *relay = timer->data;
    GHashTableIter iter;
    gpointer id, job;

    if (relay->renewing || g_hash_table_size(relay->in_hand) == 0)
        return;
    Rows *rows = rows_new(relay, clock_now() + RELAY_LEASE_MS);
    g_hash_table_iter_init(&iter, relay->in_hand);
    while (g_hash_table_iter_next(&iter, &id, &job)) {
        if (((RelayJob *) job)->entry->stored)
            g_ptr_array_add(rows->ids, g_strdup(id));
    }
    relay->renewing = true;
    relay->tasks++;
    store_thread_do(relay->store, &task, rows);
}

void
claim_start(Relay *relay)
{
    uv_timer_start(&relay->lease, on_lease, RELAY_LEASE_MS / 3, RELAY_LEASE_MS / 3);
    claim_now(relay);
}
