#include "daemon/gate.h"

#include <string.h>

enum { RESERVED_FILES = 32 };

struct Gate {
    guint max, now;
    GHashTable *clients, *networks; /* of Count, by its key */
};

typedef struct {
    guint8 key[16];
    guint now;
} Count;

static guint
key_hash(gconstpointer key)
{
    guint64 halves[2];

    memcpy(halves, key, sizeof halves);
    return g_int64_hash(&halves[0]) ^ g_int64_hash(&halves[1]);
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof ((Count *) NULL)->key) == 0;
}

Gate *
gate_new(guint max_connections)
{
    Gate *self = g_new0(Gate, 1);

    self->max = max_connections;
    self->clients = g_hash_table_new_full(key_hash, key_equal, NULL, g_free);
    self->networks = g_hash_table_new_full(key_hash, key_equal, NULL, g_free);
    return self;
}

void
gate_free(Gate *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->clients);
    g_hash_table_unref(self->networks);
    g_free(self);
}

bool
gate_is_in(const GArray *networks, const Endpoint *peer)
{
    for (guint i = 0; i < networks->len; i++) {
        if (network_contains(&g_array_index(networks, Network, i), peer))
            return true;
    }
    return false;
}

static bool
is_allowed(const Listen *listen, const Endpoint *peer)
{
    return endpoint_is_unix(peer) || gate_is_in(listen->networks, peer);
}

/* --- counters ------------------------------------------------------------------------------------ */

static bool
is_full(GHashTable *counts, const guint8 key[16], guint most)
{
    const Count *count = most > 0 ? g_hash_table_lookup(counts, key) : NULL;

    return count && count->now >= most;
}

static void
count_one(GHashTable *counts, const guint8 key[16])
{
    Count *count = g_hash_table_lookup(counts, key);

    if (!count) {
        count = g_new0(Count, 1);
        memcpy(count->key, key, sizeof count->key);
        g_hash_table_insert(counts, count->key, count);
    }
    count->now++;
}

static void
uncount_one(GHashTable *counts, const guint8 key[16])
{
    Count *count = g_hash_table_lookup(counts, key);

    if (--count->now == 0)
        g_hash_table_remove(counts, key);
}

/* --- in and out ---------------------------------------------------------------------------------- */

const Reply *
gate_enter(Gate *self, const Listen *listen, const Endpoint *peer, GateTicket *ticket)
{
    static const Reply denied = { 554, "5.7.1", (char *) "Access denied" };
    static const Reply full = { 421, "4.3.2", (char *) "Too many connections, try again later" };
    static const Reply greedy = { 421, "4.7.0", (char *) "Too many connections from your address" };
    static const Reply crowded = { 421, "4.7.0", (char *) "Too many connections from your network" };
    guint8 network[16];

    if (!is_allowed(listen, peer))
        return &denied;
    if (self->now >= self->max)
        return &full;
    ticket->by_address = !endpoint_is_unix(peer);
    if (ticket->by_address) {
        endpoint_client_key(peer, ticket->key);
        endpoint_network_key(ticket->key, network);
        if (is_full(self->clients, ticket->key, listen->conf.max_connections_per_client))
            return &greedy;
        if (is_full(self->networks, network, listen->limits.connections_per_network))
            return &crowded;
        count_one(self->clients, ticket->key);
        count_one(self->networks, network);
    }
    self->now++;
    return NULL;
}

void
gate_leave(Gate *self, const GateTicket *ticket)
{
    guint8 network[16];

    self->now--;
    if (!ticket->by_address)
        return;
    endpoint_network_key(ticket->key, network);
    uncount_one(self->clients, ticket->key);
    uncount_one(self->networks, network);
}

guint
gate_capacity(guint files, guint wanted)
{
    guint reserved = MIN(RESERVED_FILES, files / 2);

    return MAX(1, MIN(wanted, (files - reserved) / 2));
}
