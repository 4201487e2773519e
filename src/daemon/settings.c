#include "daemon/settings.h"

#include "base/log.h"
#include "daemon/reach.h"
#include "mail/scan.h"
#include "relay/bounce.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LEAST_BY_S 5 /* a call to an API takes its time */
#define MAX_HOLD_S (30 * 24 * 3600)
#define MAX_LOCAL_RECIPIENTS 100000 /* a header can name as many */
#define DAY_MS (24 * 3600 * G_GINT64_CONSTANT(1000))

static const char *const log_levels[] = { "error", "warning", "notice", "info", "debug", NULL };
static const char *const log_formats[] = { "text", "json", NULL };
static const char *const submit_ways[] = { "daemon", "direct", NULL };
static const char *const bare_lf_ways[] = { "normalise", "refuse", "refuse-terminators", "accept", NULL };
static const char *const protocols[] = { "smtp", "lmtp", NULL };
static const char *const queue_kinds[] = { "sqlite", "memory", "none", NULL };
static const char *const delivery_ways[] = { "auto", "queue", "wait", NULL }; /* as DeliveryMode, from DELIVERY_AUTO on */

const ConfKey daemon_conf_keys[] = {
    CONF_KEY(DaemonConf, hostname, "hostname", CONF_STRING, NULL),
    CONF_KEY(DaemonConf, user, "user", CONF_STRING, NULL),
    CONF_KEY(DaemonConf, confine, "confine", CONF_BOOL, "yes"),
    CONF_KEY(DaemonConf, log_level, "log-level", CONF_CHOICE, "info", .choices = log_levels),
    CONF_KEY(DaemonConf, log_format, "log-format", CONF_CHOICE, "text", .choices = log_formats),
    CONF_KEY(DaemonConf, max_connections, "max-connections", CONF_UINT, "5000", .min = 1, .max = 1000000),
    CONF_KEY(DaemonConf, drain_timeout_ms, "drain-timeout", CONF_TIME, "7s", .min = 0, .max = 3600000),
    CONF_KEY(DaemonConf, spool_folder, "spool-folder", CONF_STRING, NULL),
    CONF_KEY(DaemonConf, spool_memory_bytes, "spool-memory", CONF_SIZE, "256k", .min = 4096, .max = 1 << 30),
    CONF_KEY(DaemonConf, submit, "submit", CONF_CHOICE, "daemon", .choices = submit_ways),
    CONF_KEY(DaemonConf, submit_wait_ms, "submit-wait", CONF_TIME, "5s", .min = 0, .max = 3600000),
    CONF_KEY(DaemonConf, state_dir, "state-dir", CONF_STRING, NULL),
    CONF_KEY(DaemonConf, control_socket, "control-socket", CONF_STRING, NULL),
    CONF_KEY(DaemonConf, drop_dir, "drop-dir", CONF_STRING, NULL),
    CONF_KEY(DaemonConf, queue, "queue", CONF_CHOICE, "sqlite", .choices = queue_kinds),
    CONF_KEY(DaemonConf, queue_reserve_bytes, "queue-reserve", CONF_SIZE, "100M", .min = 0, .max = G_MAXINT64),
    CONF_KEY(DaemonConf, queue_max_bytes, "queue-max-bytes", CONF_SIZE, "0", .min = 0, .max = G_MAXINT64),
    CONF_KEY(DaemonConf, queue_max_entries, "queue-max-entries", CONF_UINT, "0", .min = 0, .max = G_MAXINT32),
    CONF_KEY(DaemonConf, journal_lifetime_ms, "journal-lifetime", CONF_TIME, "30d", .min = 0, .max = 3650 * DAY_MS),
    CONF_KEY(DaemonConf, delivery, "delivery", CONF_CHOICE, "auto", .choices = delivery_ways),
    CONF_KEY(DaemonConf, wait_ms, "wait", CONF_TIME, "20s", .min = 1, .max = 3600000),
    { 0 },
};

const ConfKey listen_conf_keys[] = {
    CONF_KEY(ListenConf, address, "address", CONF_STRING, NULL, .required = true),
    CONF_KEY(ListenConf, mode, "mode", CONF_MODE, "0666"),
    CONF_KEY(ListenConf, protocol, "protocol", CONF_CHOICE, "smtp", .choices = protocols),
    CONF_KEY(ListenConf, sendmail, "sendmail", CONF_BOOL, "no"),
    CONF_KEY(ListenConf, networks, "networks", CONF_LIST, "127.0.0.0/8, ::1"),
    CONF_KEY(ListenConf, proxy_networks, "proxy-networks", CONF_LIST, NULL),
    CONF_KEY(ListenConf, xclient_networks, "xclient-networks", CONF_LIST, NULL),
    CONF_KEY(ListenConf, max_bytes, "max-size", CONF_SIZE, "25M", .min = 1024, .max = G_GINT64_CONSTANT(1) << 40),
    CONF_KEY(ListenConf, max_recipients, "max-recipients", CONF_UINT, "1000", .min = 1, .max = 100000),
    CONF_KEY(ListenConf, max_errors, "max-errors", CONF_UINT, "20", .min = 1, .max = 1000000),
    CONF_KEY(ListenConf, max_idle_commands, "max-idle-commands", CONF_UINT, "100", .min = 1, .max = 1000000),
    CONF_KEY(ListenConf, max_messages, "max-messages", CONF_UINT, "0", .min = 0, .max = 1000000000),
    CONF_KEY(ListenConf, max_connections_per_client, "max-connections-per-client", CONF_UINT, "50", .min = 0,
             .max = 1000000),
    CONF_KEY(ListenConf, session_timeout_ms, "session-timeout", CONF_TIME, "2h", .min = 0, .max = 7 * DAY_MS),
    CONF_KEY(ListenConf, command_timeout_ms, "command-timeout", CONF_TIME, "300s", .min = 1, .max = 86400000),
    CONF_KEY(ListenConf, data_timeout_ms, "data-timeout", CONF_TIME, "300s", .min = 1, .max = 86400000),
    CONF_KEY(ListenConf, write_timeout_ms, "write-timeout", CONF_TIME, "60s", .min = 1, .max = 86400000),
    CONF_KEY(ListenConf, min_data_rate, "min-data-rate", CONF_UINT, "500", .min = 1, .max = 1000000),
    CONF_KEY(ListenConf, bare_lf, "bare-lf", CONF_CHOICE, "normalise", .choices = bare_lf_ways),
    CONF_KEY(ListenConf, delivery, "delivery", CONF_CHOICE, NULL, .choices = delivery_ways),
    CONF_KEY(ListenConf, wait_ms, "wait", CONF_TIME, NULL, .min = 1, .max = 3600000),
    { 0 },
};

static void
listen_free(Listen *self)
{
    if (!self)
        return;
    conf_clear(listen_conf_keys, &self->conf);
    secure_clear(&self->secure);
    access_clear(&self->access);
    limits_clear(&self->limits);
    g_array_unref(self->networks);
    g_array_unref(self->proxies);
    g_array_unref(self->trusted);
    g_free(self->name);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Listen, listen_free)

static Listen *
listen_new(const char *name)
{
    Listen *self = g_new0(Listen, 1);

    self->name = g_strdup(name);
    self->networks = g_array_new(FALSE, FALSE, sizeof(Network));
    self->proxies = g_array_new(FALSE, FALSE, sizeof(Network));
    self->trusted = g_array_new(FALSE, FALSE, sizeof(Network));
    return self;
}

/* --- one [listen NAME] --------------------------------------------------------------------------- */

static bool
check_protocol(const Listen *self, const ConfFile *file, GError **error)
{
    Endpoint endpoint;

    if (self->conf.protocol != PROTOCOL_LMTP)
        return true;
    if (self->conf.sendmail)
        return conf_fail(file, "listen", self->name, "protocol", error, "sendmail speaks no LMTP");
    if (endpoint_parse(self->conf.address, &endpoint, NULL) && endpoint_port(&endpoint) == 25)
        return conf_fail(file, "listen", self->name, "protocol", error, "port 25 is for SMTP alone (RFC 2033)");
    return true;
}

/* What SMTP may carry so that no mail is refused by its length alone which the account would take: there are line ends
 * in base64, delimiters, and headers that do not leave. The exact size is known when the mail has been read. */
static gint64
largest_message(gint64 max_bytes, gint64 mail_bytes)
{
    gint64 most = MIN(mail_bytes, max_bytes);

    return mail_bytes > 0 ? MIN(max_bytes, most + most / 16 + SCAN_MAX_HEADER_BYTES) : max_bytes;
}

static void
complete_smtp(Listen *self, const Settings *settings)
{
    const ListenConf *conf = &self->conf;
    bool local = conf->address[0] == '/' || !conf->address[0];

    self->smtp = (SmtpSettings) {
        .hostname = settings->conf.hostname,
        .max_bytes = largest_message(conf->max_bytes, relay_settings_mail_bytes(settings->relay)),
        .max_recipients = conf->sendmail ? MAX_LOCAL_RECIPIENTS : conf->max_recipients,
        .max_errors = conf->max_errors,
        .max_idle_commands = conf->max_idle_commands,
        .max_messages = conf->max_messages,
        .crlf_only = conf->bare_lf == BARE_LF_REFUSE,
        .lmtp = conf->protocol == PROTOCOL_LMTP,
        .dsn = settings_has_queue(settings),
        .hold_s = settings_has_queue(settings) ? MAX_HOLD_S : 0,
        .priorities = settings_has_queue(settings),
        .deliver_by = settings_has_queue(settings),
        .by_least_s = LEAST_BY_S,
        .sendmail = conf->sendmail,
        .early_talk = local,
        .lenient = self->limits.lenient || !conf->address[0],
    };
    secure_apply(&self->secure, local, &self->smtp);
}

/* The way of delivery that a section does not set is that of [shimta]. */
static void
inherit(Listen *self, const Settings *settings, const ConfFile *file, const char *name)
{
    if (!conf_has(file, "listen", name, "delivery"))
        self->conf.delivery = settings->conf.delivery;
    if (!conf_has(file, "listen", name, "wait"))
        self->conf.wait_ms = settings->conf.wait_ms;
}

static bool
open_listens(Settings *self, ConfFile *file, GError **error)
{
    g_auto(GStrv) names = conf_names(file, "listen");

    for (guint i = 0; names[i]; i++) {
        g_autoptr(Listen) one = listen_new(names[i]);
        if (!conf_read(file, "listen", names[i], listen_conf_keys, &one->conf, error))
            return false;
        if (!secure_read(&one->secure, file, names[i], one->conf.address[0] == '/', error) ||
            !access_read(&one->access, file, names[i], error) ||
            !limits_read(&one->limits, file, names[i], one->conf.max_connections_per_client, error))
            return false;
        if (!reach_read(one, file, error) || !check_protocol(one, file, error))
            return false;
        inherit(one, self, file, names[i]);
        complete_smtp(one, self);
        relay_settings_add_listener(self->relay, one->name, one->access.recipients);
        g_ptr_array_add(self->listens, g_steal_pointer(&one));
    }
    return true;
}

/* What --stdio serves has the limits of the section that serves sendmail. */
static bool
open_stdio(Settings *self, ConfFile *file, GError **error)
{
    static const char nobody[] = "[listen stdio]\naddress =\n";
    const char *name = NULL;

    for (guint i = 0; i < self->listens->len && !name; i++) {
        const Listen *one = self->listens->pdata[i];
        if (one->conf.sendmail)
            name = one->name;
    }
    g_autoptr(ConfFile) defaults = name ? NULL : conf_open_text("defaults", nobody, error);
    if (!name && !defaults)
        return false;
    self->stdio = listen_new("stdio");
    if (!conf_read(name ? file : defaults, "listen", name ? name : "stdio", listen_conf_keys, &self->stdio->conf,
                   error))
        return false;
    g_free(self->stdio->conf.address);
    self->stdio->conf.address = g_strdup("");
    self->stdio->conf.sendmail = true;
    complete_smtp(self->stdio, self);
    relay_settings_add_listener(self->relay, self->stdio->name, NULL);
    self->stdio->smtp.hold_s = 0;
    self->stdio->smtp.priorities = self->stdio->smtp.deliver_by = false;
    self->stdio->smtp.dsn = false; /* nothing is kept there */
    return true;
}

/* --- the whole ----------------------------------------------------------------------------------- */

static bool
complete_hostname(DaemonConf *conf, const ConfFile *file, GError **error)
{
    char name[256] = "";

    if (!conf->hostname)
        conf->hostname = g_strdup(gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost");
    g_autofree char *address = address_qualify("postmaster", conf->hostname);
    if (address_check(address) == ADDRESS_OK)
        return true;
    return conf_fail(file, "shimta", "", "hostname", error, "'%s' is not a host name", conf->hostname);
}

static bool
check_path(const ConfFile *file, const char *key, const char *path, GError **error)
{
    return path[0] == '/' || conf_fail(file, "shimta", "", key, error, "'%s' does not begin with a slash", path);
}

static bool
complete_paths(DaemonConf *conf, const ConfFile *file, GError **error)
{
    if (!conf->state_dir)
        conf->state_dir = g_strdup(LOCALSTATEDIR "/lib/shimta");
    if (!conf->control_socket)
        conf->control_socket = g_strdup(RUNSTATEDIR "/shimta/control.sock");
    if (!conf->drop_dir)
        conf->drop_dir = g_build_filename(conf->state_dir, "drop", NULL);
    return check_path(file, "state-dir", conf->state_dir, error) &&
           check_path(file, "control-socket", conf->control_socket, error) &&
           check_path(file, "drop-dir", conf->drop_dir, error);
}

bool
settings_read_paths(const char *path, DaemonConf *conf, GError **error)
{
    g_autoptr(ConfFile) file = conf_open(path, error);

    if (!file || !conf_read(file, "shimta", "", daemon_conf_keys, conf, error))
        return false;
    if (complete_paths(conf, file, error))
        return true;
    conf_clear(daemon_conf_keys, conf);
    return false;
}

static bool
check_folder(const Settings *self, const ConfFile *file, GError **error)
{
    const char *folder = self->conf.spool_folder;

    if (!folder || g_file_test(folder, G_FILE_TEST_IS_DIR))
        return true;
    return conf_fail(file, "shimta", "", "spool-folder", error, "there is no folder '%s'", folder);
}

/* What bounces that come back need of the daemon. */
static bool
check_feedback(const Settings *self, const ConfFile *file, GError **error)
{
    for (guint i = 0; i < self->relay->accounts->len; i++) {
        const Provider *account = self->relay->accounts->pdata[i];
        const FeedbackConf *conf = &account->feedback;
        if (conf->on && self->conf.journal_lifetime_ms == 0)
            return conf_fail(file, "account", account->name, "feedback", error, "needs a journal: set journal-lifetime");
        if (conf->on && conf->target == FEEDBACK_TO_COMMAND && self->conf.confine)
            return conf_fail(file, "account", account->name, "feedback-to", error,
                             "a confined daemon runs no program: set confine = no");
    }
    return true;
}

static Settings *
parse(ConfFile *file, GError **error)
{
    g_autoptr(Settings) self = g_new0(Settings, 1);

    self->refs = 1;
    self->listens = g_ptr_array_new_with_free_func((GDestroyNotify) listen_free);
    if (!conf_read(file, "shimta", "", daemon_conf_keys, &self->conf, error))
        return NULL;
    if (!complete_hostname(&self->conf, file, error) || !check_folder(self, file, error) ||
        !complete_paths(&self->conf, file, error))
        return NULL;
    self->relay = relay_settings_open(file, self->conf.hostname, error);
    if (!self->relay || !open_listens(self, file, error) || !open_stdio(self, file, error) ||
        !metrics_read(&self->metrics, file, error) || !webhook_read(&self->webhook, file, self->relay, error))
        return NULL;
    if (!check_feedback(self, file, error) || !conf_check_unknown(file, error))
        return NULL;
    return g_steal_pointer(&self);
}

Settings *
settings_parse(ConfFile *file, GError **error)
{
    g_autoptr(Settings) self = parse(file, error);

    if (!self || self->relay->account)
        return g_steal_pointer(&self);
    conf_fail(file, "shimta", "", "account", error, "there is no section [account NAME] that sends mail");
    return NULL;
}

Settings *
settings_open(const char *path, GError **error)
{
    g_autoptr(ConfFile) file = conf_open(path, error);

    return file ? settings_parse(file, error) : NULL;
}

Settings *
settings_open_to_ask(const char *path, GError **error)
{
    g_autoptr(ConfFile) file = conf_open(path, error);

    return file ? parse(file, error) : NULL;
}

Settings *
settings_ref(Settings *self)
{
    self->refs++;
    return self;
}

void
settings_free(Settings *self)
{
    if (!self || --self->refs > 0)
        return;
    conf_clear(daemon_conf_keys, &self->conf);
    relay_settings_free(self->relay);
    g_ptr_array_unref(self->listens);
    listen_free(self->stdio);
    metrics_clear(&self->metrics);
    webhook_clear(&self->webhook);
    g_free(self);
}

static void
tell_doubt(const char *doubt, bool log)
{
    if (doubt && log)
        log_event(LOG_WARNING, "doubtful", "text", doubt, NULL);
    else if (doubt)
        fprintf(stderr, "shimtad: %s\n", doubt);
}

static void
tell_doubt_of(const Listen *one, const char *what, bool log)
{
    g_autofree char *doubt = what ? g_strdup_printf("[listen %s] %s", one->name, what) : NULL;

    tell_doubt(doubt, log);
}

void
settings_tell_doubts(const Settings *self, bool log)
{
    for (guint i = 0; i < self->relay->accounts->len; i++) {
        g_autofree char *doubt = bounce_from_fault(self->relay, self->relay->accounts->pdata[i]);
        tell_doubt(doubt, log);
    }
    for (guint i = 0; i < self->listens->len; i++) {
        const Listen *one = self->listens->pdata[i];
        const ListenConf *conf = &one->conf;
        g_autofree char *what = limits_doubt(&one->limits, conf->max_connections_per_client, conf->max_recipients);
        tell_doubt_of(one, what, log);
        tell_doubt_of(one, secure_doubt(&one->secure), log);
    }
}

void
settings_print(const Settings *self, GString *out)
{
    g_string_append(out, "[shimta]\n");
    conf_print(daemon_conf_keys, &self->conf, out);
    if (self->metrics.conf.address) {
        g_string_append(out, "\n[metrics]\n");
        conf_print(metrics_conf_keys, &self->metrics.conf, out);
    }
    if (self->webhook.conf.address) {
        g_string_append(out, "\n[webhook]\n");
        conf_print(webhook_conf_keys, &self->webhook.conf, out);
    }
    relay_settings_print(self->relay, out);
    for (guint i = 0; i < self->listens->len; i++) {
        const Listen *one = self->listens->pdata[i];
        g_string_append_printf(out, "\n[listen %s]\n", one->name);
        conf_print(listen_conf_keys, &one->conf, out);
        conf_print(secure_conf_keys, &one->secure.conf, out);
        conf_print(access_conf_keys, &one->access, out);
        conf_print(limits_conf_keys, &one->limits, out);
    }
}

bool
settings_has_queue(const Settings *self)
{
    return self->conf.queue != QUEUE_NONE;
}

const char *
settings_queue_kind(const Settings *self)
{
    return queue_kinds[self->conf.queue];
}

int
settings_log_level(const Settings *self)
{
    static const int levels[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

    return levels[self->conf.log_level];
}

const char **
settings_fixed_changes(const Settings *before, const Settings *now)
{
    const DaemonConf *a = &before->conf, *b = &now->conf;
    const struct {
        const char *key;
        bool differs;
    } keys[] = {
        { "confine", a->confine != b->confine },
        { "user", g_strcmp0(a->user, b->user) != 0 },
        { "state-dir", strcmp(a->state_dir, b->state_dir) != 0 },
        { "control-socket", strcmp(a->control_socket, b->control_socket) != 0 },
        { "drop-dir", strcmp(a->drop_dir, b->drop_dir) != 0 },
        { "queue", a->queue != b->queue },
        { "queue-reserve", a->queue_reserve_bytes != b->queue_reserve_bytes },
        { "queue-max-bytes", a->queue_max_bytes != b->queue_max_bytes },
        { "queue-max-entries", a->queue_max_entries != b->queue_max_entries },
        { "journal-lifetime", a->journal_lifetime_ms != b->journal_lifetime_ms },
        { "max-connections", a->max_connections != b->max_connections },
        { "duplicate-window", before->relay->conf.duplicate_window_ms != now->relay->conf.duplicate_window_ms },
    };
    const char **found = g_new0(const char *, G_N_ELEMENTS(keys) + 1);

    for (guint i = 0, n = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].differs)
            found[n++] = keys[i].key;
    }
    return found;
}
