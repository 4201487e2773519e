#include "daemon/site.h"

#include "base/log.h"

struct Site {
    uv_loop_t *loop;
    WebConf conf;
    WebServer *server; /* NULL: closed */
    char *address;     /* as the settings in force have it; there may be no server for it */
    WebServer *next;   /* between site_prepare() and site_settle() */
    char *next_address;
    bool preparing;
};

static WebServer *
open_server(const Site *self, const char *address, guint mode, GError **error)
{
    WebConf conf = self->conf;
    char host[ENDPOINT_TEXT_BYTES];

    conf.address = address;
    conf.mode = mode;
    WebServer *server = web_server_new(self->loop, &conf, error);
    if (!server)
        return NULL;
    const Endpoint *at = web_server_endpoint(server);
    guint port = endpoint_port(at);
    log_event(LOG_NOTICE, conf.name, "address", endpoint_host(at, host), "port", port > 0 ? LOG_NUM(port) : NULL, NULL);
    return server;
}

static void
tell_failure(const Site *self, const GError *error)
{
    g_autofree char *event = g_strdup_printf("%s-failed", self->conf.name);

    log_event(LOG_ERR, event, "text", error->message, NULL);
}

Site *
site_new(uv_loop_t *loop, const WebConf *conf)
{
    Site *self = g_new0(Site, 1);
    g_autoptr(GError) error = NULL;

    self->loop = loop;
    self->conf = *conf;
    if (conf->address)
        self->server = open_server(self, conf->address, conf->mode, &error);
    if (error)
        tell_failure(self, error);
    self->address = g_strdup(conf->address);
    return self;
}

bool
site_prepare(Site *self, const char *address, guint mode, GError **error)
{
    bool same = g_strcmp0(self->address, address) == 0;
    g_autoptr(GError) cause = NULL;

    self->preparing = !same || (address && !self->server);
    if (!self->preparing)
        return true;
    self->next_address = g_strdup(address);
    if (!address || (self->next = open_server(self, address, mode, &cause)))
        return true;
    if (!same) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
    }
    tell_failure(self, cause); /* it is no worse than before, and what else has changed must not wait for it */
    return true;
}

void
site_settle(Site *self, bool taken)
{
    if (self->preparing && taken) {
        web_server_close(self->server);
        g_free(self->address);
        self->server = g_steal_pointer(&self->next);
        self->address = g_steal_pointer(&self->next_address);
    }
    web_server_close(g_steal_pointer(&self->next));
    g_clear_pointer(&self->next_address, g_free);
    self->preparing = false;
}

bool
site_is_open(const Site *self)
{
    return self->server != NULL;
}

void
site_close(Site *self)
{
    web_server_close(self->server);
    g_free(self->address);
    g_free(self);
}
