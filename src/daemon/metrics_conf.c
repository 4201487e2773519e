#include "daemon/metrics_conf.h"

const ConfKey metrics_conf_keys[] = {
    CONF_KEY(MetricsConf, address, "address", CONF_STRING, NULL),
    CONF_KEY(MetricsConf, mode, "mode", CONF_MODE, "0666"),
    CONF_KEY(MetricsConf, networks, "networks", CONF_LIST, "127.0.0.0/8, ::1"),
    { 0 },
};

static bool
read_networks(MetricsAccess *self, const ConfFile *file, GError **error)
{
    self->networks = g_array_new(FALSE, FALSE, sizeof(Network));
    for (guint i = 0; self->conf.networks[i]; i++) {
        g_autoptr(GError) cause = NULL;
        Network network;
        if (!network_parse(self->conf.networks[i], &network, &cause))
            return conf_fail(file, "metrics", "", "networks", error, "%s", cause->message);
        g_array_append_val(self->networks, network);
    }
    return true;
}

bool
metrics_read(MetricsAccess *self, ConfFile *file, GError **error)
{
    g_autoptr(GError) cause = NULL;
    Endpoint endpoint;

    if (!conf_read(file, "metrics", "", metrics_conf_keys, &self->conf, error) || !read_networks(self, file, error))
        return false;
    if (!self->conf.address)
        return true;
    if (!endpoint_parse(self->conf.address, &endpoint, &cause))
        return conf_fail(file, "metrics", "", "address", error, "%s", cause->message);
    if (endpoint_is_unix(&endpoint) || endpoint_is_loopback(&endpoint) || conf_has(file, "metrics", "", "networks"))
        return true;
    return conf_fail(file, "metrics", "", "address", error,
                     "'%s' is open to other machines: say with networks = … who may ask here", self->conf.address);
}

void
metrics_clear(MetricsAccess *self)
{
    conf_clear(metrics_conf_keys, &self->conf);
    g_clear_pointer(&self->networks, g_array_unref);
}
