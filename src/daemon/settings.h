/* The whole configuration: each module's table read from the one file, checked, completed with
 * what the machine says. Read at start-up and again by SIGHUP, each time as a whole of its own that is read-only; any thread. */
#pragma once

#include "daemon/access.h"
#include "daemon/limits.h"
#include "daemon/metrics_conf.h"
#include "daemon/secure.h"
#include "daemon/webhook_conf.h"
#include "io/endpoint.h"
#include "relay/settings.h"
#include "smtp/session.h"

/* [shimta], the daemon's keys; submit and submit-wait are sendmail's. */
typedef struct {
    char *hostname; /* never NULL once read */
    bool confine;
    char *user;     /* who the daemon becomes if root starts it; or NULL */
    int log_level;
    int log_format; /* LogFormat */
    guint max_connections;
    gint64 drain_timeout_ms;
    char *spool_folder; /* NULL: $TMPDIR, or /tmp */
    gint64 spool_memory_bytes;
    int submit; /* SubmitWay */
    gint64 submit_wait_ms;

    char *state_dir; /* this and the next two: never NULL once read */
    char *control_socket;
    char *drop_dir;
    int queue; /* QueueKind */
    gint64 queue_reserve_bytes;
    gint64 queue_max_bytes;  /* 0: no limit */
    guint queue_max_entries; /* likewise */
    gint64 journal_lifetime_ms;
    int delivery; /* DeliveryMode less DELIVERY_AUTO; this and the next for listeners that have none of their own */
    gint64 wait_ms;
} DaemonConf;

typedef enum { LOG_FORMAT_TEXT, LOG_FORMAT_JSON } LogFormat;
typedef enum { SUBMIT_DAEMON, SUBMIT_DIRECT } SubmitWay;
typedef enum { QUEUE_SQLITE, QUEUE_MEMORY, QUEUE_NONE } QueueKind;
typedef enum { BARE_LF_NORMALISE, BARE_LF_REFUSE, BARE_LF_REFUSE_TERMINATORS, BARE_LF_ACCEPT } BareLf;
typedef enum { PROTOCOL_SMTP, PROTOCOL_LMTP } Protocol;

/* [listen NAME] */
typedef struct {
    char *address;
    guint mode;
    int protocol; /* Protocol */
    bool sendmail;
    char **networks, **proxy_networks, **xclient_networks;
    gint64 max_bytes;
    guint max_recipients, max_errors, max_idle_commands, max_messages;
    guint max_connections_per_client; /* 0: no limit */
    gint64 session_timeout_ms; /* 0: no limit */
    gint64 command_timeout_ms, data_timeout_ms, write_timeout_ms;
    guint min_data_rate; /* bytes a second */
    int bare_lf;         /* BareLf */
    int delivery;        /* DeliveryMode less DELIVERY_AUTO */
    gint64 wait_ms;      /* what DELIVERY_AUTO waits */
} ListenConf;

extern const ConfKey daemon_conf_keys[];
extern const ConfKey listen_conf_keys[];

typedef struct {
    char *name;
    ListenConf conf;
    GArray *networks; /* of Network, as the next two: who may use it */
    GArray *proxies;  /* who says with a PROXY header whose connection it is */
    GArray *trusted;  /* who may say XCLIENT and XFORWARD */
    Secure secure;
    Access access;
    Limits limits;
    SmtpSettings smtp;
} Listen;

typedef struct {
    guint refs;
    DaemonConf conf;
    GPtrArray *listens; /* of Listen, in file order */
    Listen *stdio;      /* the session of --stdio */
    MetricsAccess metrics;
    WebhookAccess webhook;
    RelaySettings *relay;
} Settings;

/* Errors name file, line and reason. */
Settings *settings_open(const char *path, GError **error);
Settings *settings_parse(ConfFile *file, GError **error);

/* The same for who only asks the accounts' APIs: none of them need send mail. */
Settings *settings_open_to_ask(const char *path, GError **error);

/* Sessions keep what they began with. Loop thread. */
Settings *settings_ref(Settings *self);

/* Gives a reference back; the first is who opened them. */
void settings_free(Settings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Settings, settings_free)

/* Only [shimta], for programs that need to know where things are: whatever the rest of the file says. conf must be
 * zeroed; the caller clears it with conf_clear(). */
bool settings_read_paths(const char *path, DaemonConf *conf, GError **error);

/* The effective settings in the file's own form, without secrets. */
void settings_print(const Settings *self, GString *out);

/* The keys that differ and that a running daemon cannot follow; NULL-terminated. The caller frees the array alone. */
const char **settings_fixed_changes(const Settings *before, const Settings *now);

/* A line for each thing that is allowed and still likely to be wrong: in the log, or on standard error. */
void settings_tell_doubts(const Settings *self, bool log);

/* Whether mail is kept that is not through at once. Never by --stdio. */
bool settings_has_queue(const Settings *self);

/* The store's name of the kind of queue; of one that is. */
const char *settings_queue_kind(const Settings *self);

/* The syslog(3) level of log-level. */
int settings_log_level(const Settings *self);
