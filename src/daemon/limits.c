#include "daemon/limits.h"

enum { MOST_CONNECTIONS = 1000000, CLIENTS_PER_NETWORK = 10 };

const ConfKey limits_conf_keys[] = {
    CONF_KEY(Limits, connections_per_network, "max-connections-per-network", CONF_UINT, NULL, .min = 0,
             .max = MOST_CONNECTIONS),
    CONF_KEY(Limits, lenient, "lenient", CONF_BOOL, NULL),
    CONF_KEY(Limits, error_delay_ms, "error-delay", CONF_TIME, "1s", .min = 0, .max = 60000),
    CONF_KEY(Limits, client_messages, "client-rate", CONF_LIST, NULL),
    CONF_KEY(Limits, client_recipients, "client-recipient-rate", CONF_LIST, NULL),
    CONF_KEY(Limits, user_messages, "user-rate", CONF_LIST, NULL),
    CONF_KEY(Limits, user_recipients, "user-recipient-rate", CONF_LIST, NULL),
    { 0 },
};

/* What a section does not say follows from what it grants to a single client. */
static void
complete(Limits *self, const ConfFile *file, const char *name, guint per_client)
{
    if (!conf_has(file, "listen", name, "max-connections-per-network"))
        self->connections_per_network = MIN(per_client, MOST_CONNECTIONS / CLIENTS_PER_NETWORK) * CLIENTS_PER_NETWORK;
}

static bool
read_rates(Limits *self, const ConfFile *file, const char *name, GError **error)
{
    const struct {
        const char *key;
        char **texts;
        Rate *rate;
    } rows[] = {
        { "client-rate", self->client_messages, &self->client.of[RATED_MESSAGES] },
        { "client-recipient-rate", self->client_recipients, &self->client.of[RATED_RECIPIENTS] },
        { "user-rate", self->user_messages, &self->user.of[RATED_MESSAGES] },
        { "user-recipient-rate", self->user_recipients, &self->user.of[RATED_RECIPIENTS] },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) cause = NULL;
        if (!rate_parse(rows[i].texts, rows[i].rate, &cause))
            return conf_fail(file, "listen", name, rows[i].key, error, "%s", cause->message);
    }
    return true;
}

bool
limits_read(Limits *self, ConfFile *file, const char *name, guint per_client, GError **error)
{
    if (!conf_read(file, "listen", name, limits_conf_keys, self, error))
        return false;
    complete(self, file, name, per_client);
    return read_rates(self, file, name, error);
}

void
limits_clear(Limits *self)
{
    conf_clear(limits_conf_keys, self);
}

bool
limits_has_rate(const RateLimits *self)
{
    return rate_is_set(&self->of[RATED_MESSAGES]) || rate_is_set(&self->of[RATED_RECIPIENTS]);
}

/* The fewest that come in one go by any of the units; G_MAXUINT: there is no limit. */
static guint
at_once(const Rate *rate)
{
    guint least = G_MAXUINT;

    for (guint i = 0; i < RATE_UNITS; i++) {
        if (rate->most[i] > 0)
            least = MIN(least, rate->most[i]);
    }
    return least;
}

char *
limits_doubt(const Limits *self, guint per_client, guint most_recipients)
{
    guint client = at_once(&self->client.of[RATED_RECIPIENTS]), user = at_once(&self->user.of[RATED_RECIPIENTS]);

    if (self->connections_per_network > 0 && self->connections_per_network < per_client)
        return g_strdup_printf("max-connections-per-network = %u: no client can have the %u of "
                               "max-connections-per-client", self->connections_per_network, per_client);
    if (MIN(client, user) < most_recipients)
        return g_strdup_printf("%s lets %u pass at once: a mail to more, of the %u that max-recipients allows, never "
                               "gets through from a client that wants all of them taken or none",
                               client <= user ? "client-recipient-rate" : "user-recipient-rate", MIN(client, user),
                               most_recipients);
    return NULL;
}
