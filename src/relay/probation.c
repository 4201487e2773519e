#include "relay/state.h"

#include "base/clock.h"

enum { PROBE_MS = 5000 }; /* in which most mails are translated and called for */

static Throttle *
throttle_of(const Relay *relay, const Provider *account)
{
    return g_hash_table_lookup(relay->world->throttles, account->name);
}

static bool
is_well(const Relay *relay, const Provider *account)
{
    return throttle_state(throttle_of(relay, account)) == HEALTH_WELL;
}

/* The next call would be its probe, and no mail is on the way to make it. */
static bool
wants_probe(const Relay *relay, const Provider *account)
{
    return throttle_state(throttle_of(relay, account)) == HEALTH_DUE && !g_hash_table_contains(relay->probes, account);
}

static gint64
wait_of(const Relay *relay, const Provider *account)
{
    gint64 ms = throttle_paused_ms(throttle_of(relay, account));

    return ms > 0 ? ms : PROBE_MS;
}

guint
probation_room(const Relay *relay, guint most, gint64 *wait_ms)
{
    const GPtrArray *accounts = relay->world->settings->accounts;
    guint probes = 0;

    *wait_ms = G_MAXINT64;
    for (guint i = 0; i < accounts->len; i++) {
        const Provider *account = accounts->pdata[i];
        if (is_well(relay, account))
            return most;
        probes += wants_probe(relay, account);
        *wait_ms = MIN(*wait_ms, wait_of(relay, account));
    }
    return MIN(probes, most);
}

/* The account that all who are open were tried through, or the only one there is; NULL: there is no such. Whether some
 * go by it or not at all: bound. */
static const Provider *
account_of(const Relay *relay, const Entry *entry, bool *bound)
{
    const RelaySettings *settings = relay->world->settings;
    const char *name = NULL;

    *bound = entry->cut_off;
    if (settings->accounts->len == 1)
        return settings->accounts->pdata[0];
    for (guint i = 0; i < entry->tries->len; i++) {
        const EntryTry *try = &g_array_index(entry->tries, EntryTry, i);
        if (try->closed)
            continue;
        if (!try->account || (name && !g_str_equal(name, try->account)))
            return NULL;
        name = try->account;
        *bound |= try->maybe_taken;
    }
    return name ? relay_settings_account(settings, name) : NULL;
}

static bool
leads_to(const Provider *account, const Provider *other)
{
    while (account && account != other)
        account = account->fallback;
    return account != NULL;
}

/* Whether a mail that was last tried through `last` may go through the account; NULL: any may be. */
static bool
may_use(const Provider *account, const Provider *last, bool bound)
{
    if (!last || account == last)
        return true;
    return !bound && (leads_to(account, last) || leads_to(last, account));
}

gint64
probation_wait(const Relay *relay, const Entry *entry, const Provider **probe)
{
    const GPtrArray *accounts = relay->world->settings->accounts;
    bool bound;
    const Provider *last = account_of(relay, entry, &bound);
    gint64 wait_ms = G_MAXINT64;

    *probe = NULL;
    for (guint i = 0; i < accounts->len; i++) {
        const Provider *account = accounts->pdata[i];
        if (!may_use(account, last, bound))
            continue;
        if (is_well(relay, account)) {
            *probe = NULL;
            return 0;
        }
        if (!*probe && wants_probe(relay, account))
            *probe = account;
        wait_ms = MIN(wait_ms, wait_of(relay, account));
    }
    /* What waited for the end of a pause for too long is tried all the same, and given up. */
    return *probe || retry_overdue(entry->expires_ms, clock_now()) ? 0 : wait_ms;
}
