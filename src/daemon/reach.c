#include "daemon/reach.h"

/* Who must say his name, or show his certificate, may come from anywhere, unless networks are named. */
static bool
is_for_all(const Listen *self, const ConfFile *file)
{
    return secure_knows_all(&self->secure) && !conf_has(file, "listen", self->name, "networks");
}

/* Whether a stranger from anywhere could do no harm: he stays one no longer, or reaches our own recipients only. */
static bool
is_safe_for_all(const Listen *self)
{
    return secure_knows_all(&self->secure) || (self->access.recipients && *self->access.recipients);
}

typedef struct {
    const char *key;
    char **texts;
    GArray *networks;
    const char *remedy; /* against one that is too wide; NULL: it may be */
} List;

static bool
read_list(const Listen *self, const List *list, const ConfFile *file, GError **error)
{
    for (char **text = list->texts; text && *text; text++) {
        g_autoptr(GError) cause = NULL;
        Network network;
        if (!network_parse(*text, &network, &cause))
            return conf_fail(file, "listen", self->name, list->key, error, "%s", cause->message);
        if (list->remedy && !network_is_narrow(&network))
            return conf_fail(file, "listen", self->name, list->key, error, "'%s' is nearly everyone: %s", *text,
                             list->remedy);
        g_array_append_val(list->networks, network);
    }
    return true;
}

static bool
read_networks(Listen *self, const ConfFile *file, GError **error)
{
    static const char relay[] = "anybody could send anything; say auth = required, tls-client = require or "
                                "recipient-domains = …",
                      word[] = "whoever is believed must be named, by an IPv4 /16 or an IPv6 /32 at most";

    if (is_for_all(self, file)) {
        g_strfreev(self->conf.networks);
        self->conf.networks = g_strsplit("0.0.0.0/0 ::/0", " ", -1);
    }
    const List lists[] = {
        { "networks", self->conf.networks, self->networks, is_safe_for_all(self) ? NULL : relay },
        { "proxy-networks", self->conf.proxy_networks, self->proxies, word },
        { "xclient-networks", self->conf.xclient_networks, self->trusted, word },
    };
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        if (!read_list(self, &lists[i], file, error))
            return false;
    }
    return true;
}

/* Rules about users whom this listener never gets to know. */
static bool
check_users(const Listen *self, const ConfFile *file, bool local, GError **error)
{
    bool logs_in = self->secure.conf.auth != AUTH_NO || conf_has(file, "listen", self->name, "xclient-networks");

    if (conf_has(file, "listen", self->name, "users") && !logs_in)
        return conf_fail(file, "listen", self->name, "users", error, "nobody can show to be one of them: set auth = …");
    if (conf_has(file, "listen", self->name, "local-users") && !local)
        return conf_fail(file, "listen", self->name, "local-users", error, "only a unix socket tells who a client is");
    return true;
}

static bool
fail_open(const Listen *self, const ConfFile *file, GError **error)
{
    bool for_some = self->access.recipients && *self->access.recipients;

    return conf_fail(file, "listen", self->name, "address", error, "'%s' is open to other machines: say with %s",
                     self->conf.address, for_some ? "networks who may send to recipient-domains; "
                     "networks = 0.0.0.0/0, ::/0 is everyone" : "networks = …, auth = required or "
                     "tls-client = require who may send mail here");
}

/* Whoever can reach shimta can send mail in the account's name, so a listener that the network can reach must say
 * who may use it. */
static bool
check_access(const Listen *self, const ConfFile *file, GError **error)
{
    g_autoptr(GError) cause = NULL;
    Endpoint endpoint;

    if (!endpoint_parse(self->conf.address, &endpoint, &cause))
        return conf_fail(file, "listen", self->name, "address", error, "%s", cause->message);
    if (self->conf.sendmail && self->secure.conf.auth == AUTH_REQUIRED)
        return conf_fail(file, "listen", self->name, "auth", error, "sendmail has no password to say");
    if (!check_users(self, file, endpoint_is_unix(&endpoint), error))
        return false;
    if (endpoint_is_unix(&endpoint))
        return true;
    if (self->conf.sendmail)
        return conf_fail(file, "listen", self->name, "sendmail", error, "only a unix socket can serve sendmail");
    if (!endpoint_is_loopback(&endpoint) && !conf_has(file, "listen", self->name, "networks") &&
        !is_for_all(self, file))
        return fail_open(self, file, error);
    return true;
}

/* Whoever comes through a proxy is no program of this machine. Who writes a little wrong there need not be slowed down
 * either. */
static void
complete_lenience(Listen *self, const ConfFile *file)
{
    Endpoint endpoint;

    if (!conf_has(file, "listen", self->name, "lenient") && endpoint_parse(self->conf.address, &endpoint, NULL))
        self->limits.lenient = self->proxies->len == 0 &&
                               (endpoint_is_unix(&endpoint) || endpoint_is_loopback(&endpoint));
    if (!conf_has(file, "listen", self->name, "error-delay") && self->limits.lenient)
        self->limits.error_delay_ms = 0;
}

bool
reach_read(Listen *self, const ConfFile *file, GError **error)
{
    if (!read_networks(self, file, error) || !check_access(self, file, error))
        return false;
    complete_lenience(self, file);
    return true;
}
