#include "relay/route.h"

#include <string.h>

const ConfKey route_conf_keys[] = {
    CONF_KEY(RouteConf, account, "account", CONF_STRING, NULL, .required = true),
    CONF_KEY(RouteConf, from, "from", CONF_LIST, NULL),
    CONF_KEY(RouteConf, sender, "sender", CONF_LIST, NULL),
    CONF_KEY(RouteConf, to, "to", CONF_LIST, NULL),
    CONF_KEY(RouteConf, listener, "listener", CONF_LIST, NULL),
    CONF_KEY(RouteConf, user, "user", CONF_LIST, NULL),
    { 0 },
};

Route *
route_new(const char *name)
{
    Route *self = g_new0(Route, 1);

    self->name = g_strdup(name);
    return self;
}

void
route_free(Route *self)
{
    if (!self)
        return;
    conf_clear(route_conf_keys, &self->conf);
    g_free(self->name);
    g_free(self);
}

/* The domain that a pattern "*@domain" or "domain" names; NULL if it is an address. */
static const char *
pattern_domain(const char *pattern)
{
    if (g_str_has_prefix(pattern, "*@"))
        return pattern + 2;
    return strchr(pattern, '@') ? NULL : pattern;
}

static bool
is_null_sender(const char *pattern)
{
    return g_str_equal(pattern, "<>");
}

bool
route_pattern_check(const char *pattern, bool is_sender)
{
    const char *domain = pattern_domain(pattern);
    g_autofree char *address = domain ? address_qualify("postmaster", domain) : g_strdup(pattern);
    AddressCheck check = address_check(address);

    return check == ADDRESS_OK || check == ADDRESS_NOT_ASCII || (is_sender && is_null_sender(pattern));
}

static bool
check_patterns(const Route *self, const ConfFile *file, const char *key, char **patterns, GError **error)
{
    bool is_sender = g_str_equal(key, "sender");

    for (; *patterns; patterns++) {
        if (!route_pattern_check(*patterns, is_sender))
            return conf_fail(file, "route", self->name, key, error,
                             "'%s' is neither an address nor a domain (*@example.jp)", *patterns);
    }
    return true;
}

static bool
check_listeners(const Route *self, const ConfFile *file, GError **error)
{
    g_auto(GStrv) names = conf_names(file, "listen");

    for (char **name = self->conf.listener; *name; name++) {
        if (!g_str_equal(*name, "stdio") && !g_strv_contains((const char *const *) names, *name))
            return conf_fail(file, "route", self->name, "listener", error, "there is no section [listen %s]", *name);
    }
    return true;
}

bool
route_check(const Route *self, const ConfFile *file, GError **error)
{
    const RouteConf *conf = &self->conf;

    if (!*conf->from && !*conf->sender && !*conf->to && !*conf->listener && !*conf->user)
        return conf_fail(file, "route", self->name, NULL, error,
                         "says of no mail that it goes here: set from, sender, to, listener or user");
    return check_patterns(self, file, "from", conf->from, error) &&
           check_patterns(self, file, "sender", conf->sender, error) &&
           check_patterns(self, file, "to", conf->to, error) && check_listeners(self, file, error);
}

bool
route_pattern_fits(const char *pattern, const char *address)
{
    const char *domain = pattern_domain(pattern);

    if (is_null_sender(pattern))
        return *address == '\0';
    if (!domain)
        return address_same(pattern, address);
    const char *theirs = address_domain(address);
    if (!theirs)
        return false;
    g_autofree char *one = address_qualify("x", domain);
    g_autofree char *other = address_qualify("x", theirs);
    return address_same(one, other);
}

bool
route_patterns_fit(char **patterns, const char *address)
{
    for (; *patterns; patterns++) {
        if (route_pattern_fits(*patterns, address))
            return true;
    }
    return false;
}

/* An empty list asks nothing. */
static bool
address_in(char **patterns, const char *address)
{
    if (!*patterns)
        return true;
    for (; address && *patterns; patterns++) {
        if (route_pattern_fits(*patterns, address))
            return true;
    }
    return false;
}

static bool
name_in(char **names, const char *name)
{
    return !*names || (name && g_strv_contains((const char *const *) names, name));
}

bool
route_fits(const Route *self, const RouteFacts *facts, const char *recipient)
{
    const RouteConf *conf = &self->conf;
    const Envelope *envelope = facts->envelope;

    return address_in(conf->from, facts->from) && address_in(conf->sender, envelope->sender) &&
           address_in(conf->to, recipient) && name_in(conf->listener, envelope->listener) &&
           name_in(conf->user, envelope->user);
}
