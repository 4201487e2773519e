/* What the configuration says about mail on its way out: the accounts, which of them is used, and
 * what belongs to this site. Read at start-up (and by `shimtad -n`), read-only afterwards; any thread. */
#pragma once

#include "mail/aliases.h"
#include "provider/provider.h"

/* The relay's keys of [shimta]. */
typedef struct {
    char *account;
    char *default_domain;
    char **local_domains;
    char *alias_file;
    char *http_proxy;
    char *ca_file;
    gint64 connect_timeout_ms;
    gint64 idle_timeout_ms;
    gint64 call_timeout_ms;
} RelayConf;

extern const ConfKey relay_conf_keys[];

typedef struct {
    RelayConf conf;
    char *hostname;
    GPtrArray *accounts;     /* of Provider, in file order */
    const Provider *account; /* the one mail goes through */
    Aliases *aliases;        /* or NULL */
    Localities where;
} RelaySettings;

/* Reads [shimta] and every [account NAME]. hostname names this machine: it is the default domain where the file
 * has none. */
RelaySettings *relay_settings_open(ConfFile *file, const char *hostname, GError **error);
void relay_settings_free(RelaySettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RelaySettings, relay_settings_free)

/* Appends the relay's lines of [shimta], and the accounts as sections behind them. Without secrets. */
void relay_settings_print(const RelaySettings *self, GString *out);
