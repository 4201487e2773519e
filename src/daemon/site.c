#include "daemon/site.h"

#include "base/log.h"

struct Site {
    uv_loop_t *loop;
    WebConf conf;
    WebServer *server; /* NULL: closed */
    char *address;     /* as the settings have it; NULL: none that is open */
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

Site *
site_new(uv_loop_t *loop, const WebConf *conf)
{
    Site *self = g_new0(Site, 1);
    g_autoptr(GError) error = NULL;

    self->loop = loop;
    self->conf = *conf;
    if (conf->address)
        self->server = open_server(self, conf->address, conf->mode, &error);
    if (error) {
        g_autofree char *event = g_strdup_printf("%s-failed", conf->name);
        log_event(LOG_ERR, event, "text", error->message, NULL);
    }
    self->address = self->server ? g_strdup(conf->address) : NULL; /* a reload tries again */
    return self;
}

bool
site_prepare(Site *self, const char *address, guint mode, GError **error)
{
    self->preparing = g_strcmp0(self->address, address) != 0;
    if (!self->preparing)
        return true;
    self->next_address = g_strdup(address);
    if (address)
        self->next = open_server(self, address, mode, error);
    return !address || self->next;
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

void
site_close(Site *self)
{
    web_server_close(self->server);
    g_free(self->address);
    g_free(self);
}
