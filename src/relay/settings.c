#include "config.h"

#include "relay/settings.h"

#include "http/url.h"
#include "query/query.h"

#include <string.h>

#define DAY_MS (24 * 3600 * G_GINT64_CONSTANT(1000))

const ConfKey relay_conf_keys[] = {
    CONF_KEY(RelayConf, account, "account", CONF_STRING, NULL),
    CONF_KEY(RelayConf, default_domain, "default-domain", CONF_STRING, NULL),
    CONF_KEY(RelayConf, local_domains, "local-domains", CONF_LIST, NULL),
    CONF_KEY(RelayConf, alias_file, "alias-file", CONF_STRING, NULL),
    CONF_KEY(RelayConf, http_proxy, "http-proxy", CONF_STRING, NULL),
    CONF_KEY(RelayConf, ca_file, "ca-file", CONF_STRING, NULL),
    CONF_KEY(RelayConf, connect_timeout_ms, "connect-timeout", CONF_TIME, "10s", .min = 1, .max = 300 * 1000),
    CONF_KEY(RelayConf, idle_timeout_ms, "idle-timeout", CONF_TIME, "60s", .min = 1, .max = 300 * 1000),
    CONF_KEY(RelayConf, call_timeout_ms, "call-timeout", CONF_TIME, "60s", .min = 1, .max = 540 * 1000),
    CONF_KEY(RelayConf, queue_workers, "queue-workers", CONF_UINT, "100", .min = 1, .max = 10000),
    CONF_KEY(RelayConf, queue_lifetime_ms, "queue-lifetime", CONF_TIME, "5d", .min = 1, .max = 365 * DAY_MS),
    CONF_KEY(RelayConf, retry_min_ms, "retry-min", CONF_TIME, "1m", .min = 1, .max = DAY_MS),
    CONF_KEY(RelayConf, retry_max_ms, "retry-max", CONF_TIME, "1h", .min = 1, .max = DAY_MS),
    CONF_KEY(RelayConf, delay_warning_ms, "delay-warning", CONF_TIME, "4h", .min = 0, .max = 365 * DAY_MS),
    CONF_KEY(RelayConf, bounce_from, "bounce-from", CONF_STRING, NULL),
    CONF_KEY(RelayConf, bounce_bytes, "bounce-size", CONF_SIZE, "64k", .min = 0, .max = 1 << 30),
    CONF_KEY(RelayConf, max_received, "max-received", CONF_UINT, "100", .min = 1, .max = SCAN_MAX_FIELDS),
    CONF_KEY(RelayConf, duplicate_window_ms, "duplicate-window", CONF_TIME, "10m", .min = 0, .max = DAY_MS),
    { 0 },
};

typedef struct {
    char *provider;
} AccountKind;

static const ConfKey kind_keys[] = {
    CONF_KEY(AccountKind, provider, "provider", CONF_STRING, NULL, .required = true),
    { 0 },
};

static bool
open_account(RelaySettings *self, ConfFile *file, const char *name, const char *provider, GError **error)
{
    Provider *account = query_only(provider) ? NULL : provider_open(file, name, error);
    if (account)
        g_ptr_array_add(self->accounts, account);
    else if (!query_only(provider))
        return false;

    QueryAccount *query = query_knows(provider) ? query_account_open(file, name, error) : NULL;
    if (query)
        g_ptr_array_add(self->queries, query);
    return query || !query_knows(provider);
}

static bool
open_accounts(RelaySettings *self, ConfFile *file, GError **error)
{
    g_auto(GStrv) names = conf_names(file, "account");

    for (guint i = 0; names[i]; i++) {
        AccountKind kind = { 0 };
        bool opened = conf_read(file, "account", names[i], kind_keys, &kind, error) &&
                      open_account(self, file, names[i], kind.provider, error);
        conf_clear(kind_keys, &kind);
        if (!opened)
            return false;
    }
    return true;
}

static Provider *
account_find(const RelaySettings *self, const char *name)
{
    for (guint i = 0; i < self->accounts->len; i++) {
        Provider *account = self->accounts->pdata[i];
        if (g_str_equal(account->name, name))
            return account;
    }
    return NULL;
}

static const QueryAccount *
query_find(const RelaySettings *self, const char *name)
{
    for (guint i = 0; i < self->queries->len; i++) {
        const QueryAccount *query = self->queries->pdata[i];
        if (g_str_equal(query->name, name))
            return query;
    }
    return NULL;
}

/* What a key says of an account that no mail goes through. Caller frees. */
static char *
account_fault(const RelaySettings *self, const char *name)
{
    if (query_find(self, name))
        return g_strdup_printf("[account %s] sends no mail", name);
    return g_strdup_printf("there is no section [account %s]", name);
}

/* Mail goes from fallback to fallback: the way must have an end. */
static bool
check_circles(const RelaySettings *self, const ConfFile *file, GError **error)
{
    for (guint i = 0; i < self->accounts->len; i++) {
        const Provider *account = self->accounts->pdata[i];
        guint steps = 0;
        for (const Provider *next = account->fallback; next; next = next->fallback) {
            if (next == account || ++steps > self->accounts->len)
                return conf_fail(file, "account", account->name, "fallback", error,
                                 "leads back to an account that was tried before");
        }
    }
    return true;
}

static bool
link_fallbacks(RelaySettings *self, const ConfFile *file, GError **error)
{
    for (guint i = 0; i < self->accounts->len; i++) {
        Provider *account = self->accounts->pdata[i];
        const char *name = account->fallback_name;
        account->fallback = name ? account_find(self, name) : NULL;
        g_autofree char *fault = name && !account->fallback ? account_fault(self, name) : NULL;
        if (fault)
            return conf_fail(file, "account", account->name, "fallback", error, "%s", fault);
    }
    return check_circles(self, file, error);
}

static bool
open_routes(RelaySettings *self, ConfFile *file, GError **error)
{
    g_auto(GStrv) names = conf_names(file, "route");

    for (guint i = 0; names[i]; i++) {
        Route *route = route_new(names[i]);
        g_ptr_array_add(self->routes, route);
        if (!conf_read(file, "route", names[i], route_conf_keys, &route->conf, error))
            return false;
        route->account = account_find(self, route->conf.account);
        g_autofree char *fault = route->account ? NULL : account_fault(self, route->conf.account);
        if (fault)
            return conf_fail(file, "route", names[i], "account", error, "%s", fault);
        if (!route_check(route, file, error))
            return false;
    }
    return true;
}

static bool
choose_account(RelaySettings *self, const ConfFile *file, GError **error)
{
    const char *name = self->conf.account;

    if (name)
        self->account = account_find(self, name);
    else if (self->accounts->len == 1)
        self->account = self->accounts->pdata[0];
    if (self->account)
        return true;
    g_autofree char *fault = name ? account_fault(self, name) : NULL;
    if (fault)
        return conf_fail(file, "shimta", "", "account", error, "%s", fault);
    if (self->accounts->len == 0 && self->queries->len > 0)
        return true;
    if (self->accounts->len == 0)
        return conf_fail(file, "shimta", "", "account", error, "there is no section [account NAME]");
    return conf_fail(file, "shimta", "", "account", error, "several accounts: say which one is used");
}

static bool
check_domain(const ConfFile *file, const char *key, const char *domain, GError **error)
{
    g_autofree char *address = address_qualify("postmaster", domain);

    if (address_check(address) == ADDRESS_OK)
        return true;
    return conf_fail(file, "shimta", "", key, error, "'%s' is not a domain", domain);
}

static bool
check_domains(RelaySettings *self, const ConfFile *file, GError **error)
{
    RelayConf *conf = &self->conf;

    if (!conf->default_domain)
        conf->default_domain = g_strdup(self->hostname);
    else if (!check_domain(file, "default-domain", conf->default_domain, error))
        return false;
    for (guint i = 0; conf->local_domains[i]; i++) {
        if (!check_domain(file, "local-domains", conf->local_domains[i], error))
            return false;
    }
    if (conf->alias_file) {
        g_autoptr(GError) cause = NULL;
        self->aliases = aliases_load(conf->alias_file, &cause);
        if (!self->aliases)
            return conf_fail(file, "shimta", "", "alias-file", error, "%s", cause->message);
    }
    self->where = (Localities) { self->aliases, conf->default_domain, conf->local_domains };
    return true;
}

static bool
check_queue(RelaySettings *self, const ConfFile *file, GError **error)
{
    RelayConf *conf = &self->conf;

    if (conf->retry_max_ms < conf->retry_min_ms)
        return conf_fail(file, "shimta", "", "retry-max", error, "must not be less than retry-min");
    if (conf->bounce_from && !*conf->bounce_from)
        g_clear_pointer(&conf->bounce_from, g_free);
    if (conf->bounce_from && (address_check(conf->bounce_from) != ADDRESS_OK || !address_domain(conf->bounce_from)))
        return conf_fail(file, "shimta", "", "bounce-from", error, "'%s' is not an address", conf->bounce_from);
    return true;
}

static bool
check_network(const RelaySettings *self, const ConfFile *file, GError **error)
{
    const RelayConf *conf = &self->conf;
    const char *fault = conf->http_proxy ? http_url_fault(conf->http_proxy, true) : NULL;

    if (fault)
        return conf_fail(file, "shimta", "", "http-proxy", error, "the URL %s", fault);
    if (conf->ca_file && !g_file_test(conf->ca_file, G_FILE_TEST_IS_REGULAR))
        return conf_fail(file, "shimta", "", "ca-file", error, "there is no file '%s'", conf->ca_file);
    return true;
}

RelaySettings *
relay_settings_open(ConfFile *file, const char *hostname, GError **error)
{
    g_autoptr(RelaySettings) self = g_new0(RelaySettings, 1);

    self->refs = 1;
    self->hostname = g_strdup(hostname);
    self->accounts = g_ptr_array_new_with_free_func((GDestroyNotify) provider_free);
    self->queries = g_ptr_array_new_with_free_func((GDestroyNotify) query_account_free);
    self->routes = g_ptr_array_new_with_free_func((GDestroyNotify) route_free);
    self->listeners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_strfreev);
    if (!conf_read(file, "shimta", "", relay_conf_keys, &self->conf, error))
        return NULL;
    if (!open_accounts(self, file, error) || !choose_account(self, file, error))
        return NULL;
    if (!link_fallbacks(self, file, error) || !open_routes(self, file, error))
        return NULL;
    if (!check_domains(self, file, error) || !check_network(self, file, error) || !check_queue(self, file, error))
        return NULL;
    return g_steal_pointer(&self);
}

RelaySettings *
relay_settings_ref(RelaySettings *self)
{
    self->refs++;
    return self;
}

void
relay_settings_free(RelaySettings *self)
{
    if (!self || --self->refs > 0)
        return;
    conf_clear(relay_conf_keys, &self->conf);
    g_ptr_array_unref(self->routes);
    g_ptr_array_unref(self->accounts);
    g_ptr_array_unref(self->queries);
    aliases_free(self->aliases);
    if (self->retired)
        g_ptr_array_unref(self->retired);
    g_hash_table_unref(self->listeners);
    g_free(self->aliases_digest);
    g_free(self->hostname);
    g_free(self);
}

void
relay_settings_add_listener(RelaySettings *self, const char *name, char **patterns)
{
    char **copy = patterns && *patterns ? g_strdupv(patterns) : NULL;

    g_hash_table_insert(self->listeners, g_strdup(name), copy);
}

char **
relay_settings_recipients(const RelaySettings *self, const char *listener)
{
    static char *nobody[] = { NULL };
    gpointer patterns = NULL;

    if (!listener || g_hash_table_size(self->listeners) == 0)
        return NULL;
    return g_hash_table_lookup_extended(self->listeners, listener, NULL, &patterns) ? patterns : nobody;
}

bool
relay_settings_take_aliases(RelaySettings *self, Aliases **aliases, const char *digest)
{
    if (g_strcmp0(self->aliases_digest, digest) == 0)
        return false;
    if (!self->retired)
        self->retired = g_ptr_array_new_with_free_func((GDestroyNotify) aliases_free);
    if (self->aliases)
        g_ptr_array_add(self->retired, self->aliases);
    self->aliases = g_steal_pointer(aliases);
    g_atomic_pointer_set(&self->where.aliases, self->aliases);
    g_free(self->aliases_digest);
    self->aliases_digest = g_strdup(digest);
    return true;
}

const Provider *
relay_settings_route(const RelaySettings *self, const RouteFacts *facts, const char *recipient)
{
    const char *chosen = facts->envelope->account;
    const Provider *account = chosen ? account_find(self, chosen) : NULL;

    if (account) /* it may have gone while the mail waited */
        return account;
    for (guint i = 0; i < self->routes->len; i++) {
        const Route *route = self->routes->pdata[i];
        if (route_fits(route, facts, recipient))
            return route->account;
    }
    return self->account;
}

HttpConf
relay_conf_http(const RelayConf *conf, guint connections)
{
    return (HttpConf) {
        .user_agent = PACKAGE_NAME "/" PACKAGE_VERSION,
        .ca_file = conf->ca_file,
        .proxy = conf->http_proxy,
        .connect_ms = conf->connect_timeout_ms,
        .idle_ms = conf->idle_timeout_ms,
        .total_ms = conf->call_timeout_ms,
        .connections_per_host = connections,
    };
}

const Provider *
relay_settings_account(const RelaySettings *self, const char *name)
{
    return account_find(self, name);
}

gint64
relay_settings_mail_bytes(const RelaySettings *self)
{
    gint64 most = 0;

    for (guint i = 0; i < self->accounts->len; i++) {
        const Provider *account = self->accounts->pdata[i];
        if (account->limits.mail_bytes == 0)
            return 0;
        most = MAX(most, account->limits.mail_bytes);
    }
    return most;
}

void
relay_settings_print(const RelaySettings *self, GString *out)
{
    conf_print(relay_conf_keys, &self->conf, out);
    for (guint i = 0; i < self->accounts->len; i++) {
        const Provider *account = self->accounts->pdata[i];
        const QueryAccount *query = query_find(self, account->name);
        g_string_append_c(out, '\n');
        provider_print(account, out);
        if (query)
            query_account_print(query, out);
    }
    for (guint i = 0; i < self->queries->len; i++) {
        const QueryAccount *query = self->queries->pdata[i];
        if (account_find(self, query->name))
            continue;
        g_string_append_c(out, '\n');
        query_account_print(query, out);
    }
    for (guint i = 0; i < self->routes->len; i++) {
        const Route *route = self->routes->pdata[i];
        g_string_append_printf(out, "\n[route %s]\n", route->name);
        conf_print(route_conf_keys, &route->conf, out);
    }
}
