#include "daemon/webhook_conf.h"

#include "query/cmc.h"

#include <string.h>

const ConfKey webhook_conf_keys[] = {
    CONF_KEY(WebhookConf, address, "address", CONF_STRING, NULL),
    CONF_KEY(WebhookConf, mode, "mode", CONF_MODE, "0666"),
    CONF_KEY(WebhookConf, networks, "networks", CONF_LIST, "127.0.0.0/8, ::1"),
    CONF_KEY(WebhookConf, path, "path", CONF_STRING, "/webhook"),
    CONF_KEY(WebhookConf, secret_file, "secret-file", CONF_STRING, NULL),
    CONF_KEY(WebhookConf, max_bytes, "max-bytes", CONF_SIZE, "1M", .min = 1024, .max = 64 * 1024 * 1024),
    CONF_KEY(WebhookConf, account, "account", CONF_STRING, NULL),
    { 0 },
};

static bool
is_teller(const QueryAccount *account)
{
    return account->driver == &query_cmc;
}

static bool
read_networks(WebhookAccess *self, const ConfFile *file, GError **error)
{
    self->networks = g_array_new(FALSE, FALSE, sizeof(Network));
    for (guint i = 0; self->conf.networks[i]; i++) {
        g_autoptr(GError) cause = NULL;
        Network network;
        if (!network_parse(self->conf.networks[i], &network, &cause))
            return conf_fail(file, "webhook", "", "networks", error, "%s", cause->message);
        g_array_append_val(self->networks, network);
    }
    return true;
}

static bool
read_secret(WebhookAccess *self, const ConfFile *file, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (!self->conf.secret_file)
        return true;
    self->secret = secret_load(self->conf.secret_file, &cause);
    return self->secret || conf_fail(file, "webhook", "", "secret-file", error, "%s", cause->message);
}

static bool
check_address(const WebhookAccess *self, const ConfFile *file, GError **error)
{
    const char *address = self->conf.address;
    g_autoptr(GError) cause = NULL;
    Endpoint endpoint;

    if (!endpoint_parse(address, &endpoint, &cause))
        return conf_fail(file, "webhook", "", "address", error, "%s", cause->message);
    if (endpoint_is_unix(&endpoint) || endpoint_is_loopback(&endpoint))
        return true;
    if (!conf_has(file, "webhook", "", "networks"))
        return conf_fail(file, "webhook", "", "address", error,
                         "'%s' is open to other machines: say with networks = … who may come", address);
    return self->secret || conf_fail(file, "webhook", "", "address", error,
                                     "'%s' is open to other machines: say with secret-file = … what they must know",
                                     address);
}

static bool
check_path(const WebhookAccess *self, const ConfFile *file, GError **error)
{
    const char *path = self->conf.path;

    if (path[0] == '/' && !strpbrk(path, "?#% ") && (!path[1] || !g_str_has_suffix(path, "/")))
        return true;
    return conf_fail(file, "webhook", "", "path", error, "'%s' is not a path such as /webhook", path);
}

static bool
check_account(const WebhookAccess *self, const ConfFile *file, const RelaySettings *relay, GError **error)
{
    const char *name = self->conf.account;
    bool any = false;

    for (guint i = 0; i < relay->queries->len; i++) {
        const QueryAccount *account = relay->queries->pdata[i];
        any = any || (is_teller(account) && (!name || strcmp(account->name, name) == 0));
    }
    if (any)
        return true;
    return conf_fail(file, "webhook", "", name ? "account" : NULL, error,
                     "there is no %s%s%s whose provider is customers-mail-cloud", name ? "section [account " : "account",
                     name ? name : "", name ? "]" : "");
}

bool
webhook_read(WebhookAccess *self, ConfFile *file, const RelaySettings *relay, GError **error)
{
    if (!conf_read(file, "webhook", "", webhook_conf_keys, &self->conf, error) || !read_networks(self, file, error) ||
        !read_secret(self, file, error))
        return false;
    return !self->conf.address || (check_address(self, file, error) && check_path(self, file, error) &&
                                   check_account(self, file, relay, error));
}

void
webhook_clear(WebhookAccess *self)
{
    conf_clear(webhook_conf_keys, &self->conf);
    g_clear_pointer(&self->networks, g_array_unref);
    g_clear_pointer(&self->secret, secret_free);
}

const char *
webhook_account(const WebhookAccess *self, const RelaySettings *relay, const char *composition)
{
    const char *only = NULL;
    guint tellers = 0;

    for (guint i = 0; i < relay->queries->len; i++) {
        const QueryAccount *account = relay->queries->pdata[i];
        const char *own = cmc_composition(account);
        if (own && strcmp(own, composition) == 0)
            return account->name;
        /* Of an account that names another one it is not. */
        if (is_teller(account) && ++tellers && (!own || !*composition))
            only = account->name;
    }
    if (self->conf.account)
        return self->conf.account;
    return tellers == 1 ? only : NULL;
}

bool
webhook_serves(const WebhookAccess *self, const RelaySettings *relay, const char *account)
{
    for (guint i = 0; self->conf.address && i < relay->queries->len; i++) {
        const QueryAccount *one = relay->queries->pdata[i];
        const char *own = cmc_composition(one);
        if (is_teller(one) && strcmp(one->name, account) == 0)
            return g_strcmp0(webhook_account(self, relay, own ? own : ""), account) == 0;
    }
    return false;
}
