/* What the configuration says about mail on its way out: the accounts, which mail goes through which, and
 * what belongs to this site. Read at start-up (and by `shimtad -n`), read-only afterwards; any thread. */
#pragma once

#include "mail/aliases.h"
#include "http/client.h"
#include "provider/provider.h"
#include "relay/route.h"

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

    /* what becomes of mail that is not through at once */
    guint queue_workers;
    gint64 queue_lifetime_ms;
    gint64 retry_min_ms, retry_max_ms;
    gint64 delay_warning_ms; /* 0: none */
    char *bounce_from;       /* NULL: the account's default-from, else MAILER-DAEMON at this host */
    gint64 bounce_bytes;     /* of the message that is returned in a bounce */
    guint max_received;
    gint64 duplicate_window_ms;
} RelayConf;

/* How an API is reached, over so many connections to a host. Texts are borrowed. */
HttpConf relay_conf_http(const RelayConf *conf, guint connections);

extern const ConfKey relay_conf_keys[];

typedef struct {
    guint refs;
    RelayConf conf;
    char *hostname;
    GPtrArray *accounts;     /* of Provider, in file order */
    GPtrArray *queries;      /* of QueryAccount: those that can be asked, whether mail goes through them or not */
    GPtrArray *routes;       /* of Route, in file order */
    const Provider *account; /* the one mail goes through where no route fits; NULL: none sends mail, some can be asked */
    Aliases *aliases;        /* or NULL */
    char *aliases_digest;    /* of the text they were read from last by relay_settings_take_aliases() */
    GPtrArray *retired;      /* of Aliases that a worker may still read */
    GHashTable *listeners;   /* name -> patterns of whom a header may name there */
    Localities where;
} RelaySettings;

/* Reads [shimta], every [account NAME] and every [route NAME]. hostname names this machine: it is the default domain where the file
 * has none. */
RelaySettings *relay_settings_open(ConfFile *file, const char *hostname, GError **error);

/* Whoever works by them keeps them, whatever is read later. Loop thread. */
RelaySettings *relay_settings_ref(RelaySettings *self);

/* Gives a reference back; the first is who opened them. */
void relay_settings_free(RelaySettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RelaySettings, relay_settings_free)

/* Replaces the aliases, but not by the same again: digest tells. Takes *aliases if so. Loop thread; the one thing that
 * changes while the relay runs: workers go on with what they have. */
bool relay_settings_take_aliases(RelaySettings *self, Aliases **aliases, const char *digest);

/* Mail of a listener goes to who fits the patterns only, which are copied; none, or NULL: to anybody. Before any mail
 * comes. */
void relay_settings_add_listener(RelaySettings *self, const char *name, char **patterns);

/* The patterns of a mail's listener; NULL: its header may name anybody. Of one that is gone it may name nobody. */
char **relay_settings_recipients(const RelaySettings *self, const char *listener);

/* The account of that name, or NULL. */
const Provider *relay_settings_account(const RelaySettings *self, const char *name);

/* The account of a mail for this recipient. Never NULL. */
const Provider *relay_settings_route(const RelaySettings *self, const RouteFacts *facts, const char *recipient);

/* The largest mail, attachments in base64, that any account takes; 0: there is no limit. */
gint64 relay_settings_mail_bytes(const RelaySettings *self);

/* Appends the relay's lines of [shimta], and the accounts and routes as sections behind them. Without secrets. */
void relay_settings_print(const RelaySettings *self, GString *out);
