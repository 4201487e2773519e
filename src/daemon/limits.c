#include "daemon/limits.h"

enum { MOST_CONNECTIONS = 1000000, CLIENTS_PER_NETWORK = 10 };

const ConfKey limits_conf_keys[] = {
    CONF_KEY(Limits, connections_per_network, "max-connections-per-network", CONF_UINT, NULL, .min = 0,
             .max = MOST_CONNECTIONS),
    { 0 },
};

/* What a section does not say follows from what it grants to a single client. */
static void
complete(Limits *self, const ConfFile *file, const char *name, guint per_client)
{
    if (!conf_has(file, "listen", name, "max-connections-per-network"))
        self->connections_per_network = MIN(per_client, MOST_CONNECTIONS / CLIENTS_PER_NETWORK) * CLIENTS_PER_NETWORK;
}

bool
limits_read(Limits *self, ConfFile *file, const char *name, guint per_client, GError **error)
{
    if (!conf_read(file, "listen", name, limits_conf_keys, self, error))
        return false;
    complete(self, file, name, per_client);
    return true;
}

void
limits_clear(Limits *self)
{
    conf_clear(limits_conf_keys, self);
}
