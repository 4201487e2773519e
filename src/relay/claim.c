#include "relay/state.h"

#include "base/clock.h"

enum {
    LOOK_MS = 60 * 1000, /* at the latest: the wall clock may be set back */
    AGAIN_MS = 5000,     /* after a failure */
};

/* One look into the store. */
typedef struct {
    Relay *relay;
    StoreClaim claim;
    GPtrArray *entries; /* of Entry, leased */
    gint64 due_ms;      /* of what is next */
} Look;

/* Rows whose leases or times are changed. */
typedef struct {
    Relay *relay;
    GPtrArray *ids;
    gint64 until_ms;
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
    return self;
}

/* --- paused accounts ----------------------------------------------------------------------------- */

static gint64
paused_ms(const Relay *relay, const Provider *account)
{
    return throttle_paused_ms(g_hash_table_lookup(relay->world->throttles, account->name));
}

/* While no account can be called nothing need be looked for; 0: one can. */
static gint64
all_paused_ms(const Relay *relay)
{
    const GPtrArray *accounts = relay->world->settings->accounts;
    gint64 least = G_MAXINT64;

    for (guint i = 0; i < accounts->len; i++)
        least = MIN(least, paused_ms(relay, accounts->pdata[i]));
    return least;
}

/* The account that all who are open were tried through; NULL: there is no such. */
static const Provider *
account_of(const Relay *relay, const Entry *entry)
{
    const char *name = NULL;

    for (guint i = 0; i < entry->tries->len; i++) {
        const EntryTry *try = &g_array_index(entry->tries, EntryTry, i);
        if (try->closed)
            continue;
        if (!try->account || (name && !g_str_equal(name, try->account)))
            return NULL;
        name = try->account;
    }
    return name ? relay_settings_account(relay->world->settings, name) : NULL;
}

/* What is given up when it fails once more is tried all the same. */
static gint64
deferred_ms(const Relay *relay, const Entry *entry)
{
    const Provider *account = account_of(relay, entry);

    if (!account || account->fallback || clock_now() >= entry->expires_ms)
        return 0;
    return paused_ms(relay, account);
}

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
    gint64 until_ms = self->until_ms;

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

static bool
run_look(Store *store, void *user, GError **error)
{
    Look *self = user;

    self->entries = store_claim(store, &self->claim, error);
    if (!self->entries)
        return false;
    return self->entries->len == self->claim.max || store_next_due(store, &self->due_ms, error);
}

/* Those whose account is paused go back. */
static void
take(Relay *relay, GPtrArray *entries)
{
    Rows *deferred = NULL;

    for (guint i = 0; i < entries->len; i++) {
        Entry *entry = entries->pdata[i];
        gint64 pause_ms = deferred_ms(relay, entry);
        if (g_hash_table_contains(relay->in_hand, entry->id)) {
            entry_free(entry); /* the lease ran out by a jump of the clock only */
        } else if (pause_ms > 0 || relay->draining) {
            if (!deferred)
                deferred = rows_new(relay, clock_now() + pause_ms);
            deferred->until_ms = MAX(deferred->until_ms, clock_now() + pause_ms);
            g_ptr_array_add(deferred->ids, g_strdup(entry->id));
            entry_free(entry);
        } else {
            entry->stored = true;
            job_start_stored(relay, entry);
        }
    }
    if (deferred)
        defer(relay, deferred);
}

static void
on_looked(void *user, const GError *error)
{
    Look *self = user;
    Relay *relay = self->relay;
    g_autoptr(GPtrArray) entries = self->entries;
    bool full = entries && entries->len == self->claim.max;

    relay->claiming = false;
    relay->tasks--;
    if (error) {
        relay_trouble(relay, error);
        self->due_ms = clock_now() + AGAIN_MS;
    } else {
        g_ptr_array_set_free_func(entries, NULL);
        take(relay, entries);
    }
    gint64 due_ms = self->due_ms;
    g_free(self);
    if (full || (!error && relay->claim_again))
        claim_now(relay);
    else
        claim_due(relay, due_ms);
    relay_check(relay);
}

static void
look(Relay *relay, guint most)
{
    static const StoreTask task = { run_look, on_looked };
    Look *self = g_new0(Look, 1);
    gint64 now_ms = clock_now();

    self->relay = relay;
    self->claim = (StoreClaim) { now_ms, now_ms + RELAY_LEASE_MS, retry_longest(&relay->retry), most };
    self->due_ms = G_MAXINT64;
    relay->claiming = true;
    relay->tasks++;
    relay->claim_again = false;
    store_thread_do(relay->store, &task, self);
}

static void set_timer(Relay *relay, gint64 due_ms);

void
claim_now(Relay *relay)
{
    guint most = relay->world->settings->conf.queue_workers;

    if (!relay->store || relay->draining)
        return;
    relay->claim_again = true;
    if (relay->claiming || relay->workers >= most)
        return;
    gint64 pause_ms = all_paused_ms(relay);
    if (pause_ms > 0)
        set_timer(relay, clock_now() + pause_ms);
    else
        look(relay, most - relay->workers);
}

/* --- timers -------------------------------------------------------------------------------------- */

static void
on_due(uv_timer_t *timer)
{
    claim_now(timer->data);
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
