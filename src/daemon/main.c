/* shimtad: configuration, wiring, signals. */
#include "config.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/confine.h"
#include "daemon/control.h"
#include "daemon/drop.h"
#include "daemon/explain.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/privilege.h"
#include "daemon/reload.h"
#include "daemon/smtp_server.h"
#include "io/listener.h"
#include "relay/report.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { QUEUE_RESERVE_INODES = 1000 };

typedef struct {
    uv_loop_t loop;
    IngressHub hub; /* has the settings in force */
    const char *config;
    bool verbose;
    SmtpServer *server;
    Journal *journal; /* NULL: it cannot be written */
    Control *control; /* NULL: its socket cannot be opened */
    DropFolder *folder; /* until it is the drop's; NULL: it cannot be used */
    Drop *drop;
    Reload *reload;
    uv_signal_t terminate, interrupt, hang_up;
    uv_timer_t watchdog;
    gint64 end_by_ms; /* loop time at which a drain ends; 0: not stopping */
    bool hurry;
} Daemon;

/* --- shutting down ------------------------------------------------------------------------------- */

static void
on_relay_drained(void *user)
{
    Daemon *self = user;

    control_close(g_steal_pointer(&self->control));
    relay_close(self->hub.relay);
    uv_close((uv_handle_t *) &self->terminate, NULL);
    uv_close((uv_handle_t *) &self->interrupt, NULL);
    uv_close((uv_handle_t *) &self->hang_up, NULL);
    uv_close((uv_handle_t *) &self->watchdog, NULL);
}

static gint64
time_left(const Daemon *self)
{
    if (self->hurry)
        return 0;
    if (self->end_by_ms == 0)
        return self->hub.settings->conf.drain_timeout_ms;
    return MAX(0, self->end_by_ms - (gint64) uv_now(&self->loop));
}

/* Mails whose clients have left may still be on their way. */
static void
on_drop_empty(void *user)
{
    Daemon *self = user;

    relay_drain(self->hub.relay, time_left(self), on_relay_drained, self);
}

/* The last session has ended. */
static void
on_server_empty(void *user)
{
    Daemon *self = user;

    if (self->drop)
        drop_drain(self->drop, time_left(self), on_drop_empty, self);
    else
        on_drop_empty(self);
}

static void
on_terminate(uv_signal_t *handle, int signum)
{
    Daemon *self = handle->data;

    if (self->end_by_ms > 0) {
        log_event(LOG_NOTICE, "stopping-now", "signal", strsignal(signum), NULL);
        self->hurry = true;
        smtp_server_cut(self->server);
        uv_stop(&self->loop);
        return;
    }
    log_event(LOG_NOTICE, "stopping", "signal", strsignal(signum), NULL);
    notify("STOPPING=1");
    g_clear_pointer(&self->reload, reload_free);
    self->end_by_ms = (gint64) uv_now(&self->loop) + MAX(1, self->hub.settings->conf.drain_timeout_ms);
    smtp_server_drain(self->server);
}

static void
on_hang_up(uv_signal_t *handle, int signum)
{
    Daemon *self = handle->data;

    if (self->reload && self->end_by_ms == 0)
        reload_start(self->reload);
}

static void
set_log(const Daemon *self)
{
    log_open(self->verbose ? LOG_DEBUG : settings_log_level(self->hub.settings));
    log_use_json(self->hub.settings->conf.log_format == LOG_FORMAT_JSON);
}

static void
on_reloaded(const Settings *before, void *user)
{
    set_log(user);
}

/* --- wiring -------------------------------------------------------------------------------------- */

/* Parsing takes a processor's time, spooling and user names wait: some threads more than processors. Set before
 * libuv's first look. The threads' memory comes from few arenas, as they do one kind of work. */
static void
size_threads(void)
{
    g_autofree char *threads = g_strdup_printf("%u", CLAMP(g_get_num_processors() + 2, 4, 16));

    g_setenv("UV_THREADPOOL_SIZE", threads, FALSE);
    mallopt(M_ARENA_MAX, 2);
}

static void
watch_signal(Daemon *self, uv_signal_t *handle, uv_signal_cb callback, int signum)
{
    uv_signal_init(&self->loop, handle);
    handle->data = self;
    uv_signal_start(handle, callback, signum);
    uv_unref((uv_handle_t *) handle);
}

/* Takes store, which may be NULL. */
static void
daemon_open(Daemon *self, Settings *settings, Store *store)
{
    int failed = uv_loop_init(&self->loop);

    g_assert(failed == 0);
    self->hub.loop = &self->loop;
    self->hub.settings = settings_ref(settings);
    self->hub.users = users_new(&self->loop);
    self->hub.auth = auth_new(&self->loop);
    self->hub.relay = relay_new(&self->loop, settings->relay);
    if (store)
        relay_set_store(self->hub.relay, store);
    self->server = smtp_server_new(&self->hub, listener_raise_files(), on_server_empty, self);
    watch_signal(self, &self->terminate, on_terminate, SIGTERM);
    watch_signal(self, &self->interrupt, on_terminate, SIGINT);
    watch_signal(self, &self->hang_up, on_hang_up, SIGHUP);
    notify_watchdog(&self->loop, &self->watchdog);
}

static int
start_status(const GError *error)
{
    if (g_error_matches(error, IO_ERROR, IO_ERROR_IN_USE))
        return EX_TEMPFAIL;
    if (g_error_matches(error, IO_ERROR, IO_ERROR_DENIED))
        return EX_NOPERM;
    return g_error_matches(error, IO_ERROR, IO_ERROR_SYNTAX) ? EX_CONFIG : EX_OSERR;
}

/* The section whose limits hold for what sendmail leaves. */
static const Listen *
find_submit(const Settings *settings)
{
    for (guint i = 0; i < settings->listens->len; i++) {
        const Listen *one = settings->listens->pdata[i];
        if (one->conf.sendmail)
            return one;
    }
    return NULL;
}

static void
on_accepted(const JournalLine *line, gint64 row, void *user)
{
    if (line->digest && line->text)
        relay_remember(user, line->id, line->digest, line->at_ms, line->text);
}

/* After all that were accepted: a mail that came again since is another entry. */
static void
on_forgotten(const JournalLine *line, gint64 row, void *user)
{
    if (line->id)
        relay_forget(user, line->id);
}

/* Without a journal, or its table, a mail that comes again is just another one. */
static void
remember_accepted(Daemon *self)
{
    gint64 since_ms = clock_now() - self->hub.settings->relay->conf.duplicate_window_ms;

    journal_each(self->journal, "accepted", since_ms, on_accepted, self->hub.relay, NULL);
    journal_each(self->journal, "forgotten", since_ms, on_forgotten, self->hub.relay, NULL);
}

/* Mail does not wait for its history. */
static void
open_journal(Daemon *self)
{
    const DaemonConf *conf = &self->hub.settings->conf;
    g_autofree char *folder = g_build_filename(conf->state_dir, "journal", NULL);
    g_autoptr(GError) error = NULL;

    if (conf->journal_lifetime_ms == 0)
        return;
    file_make_folder(conf->state_dir, 0711, NULL); /* what is wrong shows in a moment */
    self->journal = journal_open(&self->loop, folder, conf->journal_lifetime_ms, &error);
    if (error)
        log_event(LOG_ERR, "journal-failed", "text", error->message, NULL);
    if (self->journal)
        remember_accepted(self);
    report_journal(self->journal);
}

static void
open_control(Daemon *self)
{
    g_autoptr(GError) error = NULL;
    ControlHub hub = {
        .loop = &self->loop,
        .relay = self->hub.relay,
        .wake = relay_wake,
        .store = relay_store(self->hub.relay),
        .journal = self->journal,
        .started_ms = clock_now(),
    };

    self->control = control_open(&hub, self->hub.settings->conf.control_socket, &error);
    if (error)
        log_event(LOG_ERR, "control-failed", "text", error->message, NULL);
}

static int
daemon_run(Daemon *self, bool stdio)
{
    g_autoptr(GError) error = NULL;
    bool started = stdio ? smtp_server_stdio(self->server, &error) : smtp_server_listen(self->server, &error);

    if (started && !stdio) {
        open_journal(self);
        open_control(self);
        started = privilege_drop(&error);
    }
    if (!started) {
        log_event(LOG_ERR, "cannot-start", "text", error->message, NULL);
        smtp_server_cut(self->server);
    } else if (!stdio) {
        if (self->folder)
            self->drop = drop_new(&self->hub, find_submit(self->hub.settings), g_steal_pointer(&self->folder));
        self->reload = reload_new(&self->hub, self->server, self->config, on_reloaded, self);
        log_event(LOG_NOTICE, "ready", "version", PACKAGE_VERSION, "pid", LOG_NUM(getpid()), NULL);
        notify("READY=1");
    }
    uv_run(&self->loop, UV_RUN_DEFAULT);
    report_journal(NULL);
    journal_close(self->journal);
    if (!self->hurry)
        uv_run(&self->loop, UV_RUN_DEFAULT);
    if (started && !stdio)
        log_event(LOG_NOTICE, "stopped", NULL);
    return started ? EX_OK : start_status(error);
}

/* After a second signal nothing is waited for, and the loop may hold what it likes. */
static void
daemon_close(Daemon *self)
{
    if (self->hurry)
        return;
    smtp_server_free(self->server);
    drop_free(self->drop);
    drop_folder_close(self->folder);
    users_free(self->hub.users);
    auth_free(self->hub.auth);
    settings_free(self->hub.settings);
    int open = uv_loop_close(&self->loop);
    g_assert(open == 0);
}

static int
store_status(const GError *error)
{
    if (g_error_matches(error, STORE_ERROR, STORE_ERROR_IN_USE))
        return EX_TEMPFAIL;
    if (g_error_matches(error, STORE_ERROR, STORE_ERROR_UNSAFE) ||
        g_error_matches(error, STORE_ERROR, STORE_ERROR_CORRUPT) ||
        g_error_matches(error, STORE_ERROR, STORE_ERROR_NEWER))
        return EX_CONFIG;
    return EX_CANTCREAT;
}

/* Whoever may write there could put another queue in the place of ours. It may be reached by systemd's link. */
static bool
is_safe_folder(const char *path, GError **error)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return true;
    g_set_error(error, STORE_ERROR, STORE_ERROR_UNSAFE, "%s must belong to user %u or root and be writable by its owner alone",
                path, (unsigned) geteuid());
    return false;
}

/* Where mail is kept; NULL without error: nowhere. What others may reach below state-dir has a mode of its own. */
static Store *
open_store(const Settings *settings, GError **error)
{
    const DaemonConf *conf = &settings->conf;
    g_autofree char *folder = g_build_filename(conf->state_dir, "queue", NULL);
    const StoreConf store = {
        .folder = folder,
        .reserve_bytes = conf->queue_reserve_bytes,
        .reserve_inodes = conf->queue_reserve_bytes > 0 ? QUEUE_RESERVE_INODES : 0,
        .max_bytes = conf->queue_max_bytes,
        .max_entries = conf->queue_max_entries,
        .spool_memory_bytes = conf->spool_memory_bytes,
    };

    if (!settings_has_queue(settings))
        return NULL;
    if (conf->queue == QUEUE_SQLITE &&
        (!file_make_folder(conf->state_dir, 0711, error) || !is_safe_folder(conf->state_dir, error)))
        return NULL;
    Store *self = store_open(settings_queue_kind(settings), &store, error);
    if (self)
        report_warning(self);
    return self;
}

static void
note_row(const StoreRow *row, void *user)
{
    *(bool *) user = true;
}

/* On doubt it is none: rather twice than never. */
static bool
is_stored(const char *id, void *user)
{
    const StoreQuery query = { .id = id, .max = 1, .held = -1 };
    bool found = false;

    return store_each(user, &query, note_row, &found, NULL) && found;
}

/* Files whose mail was stored before a crash go before anything of the queue is tried, and forgotten. A folder that
 * cannot be used is no reason to serve nobody: sendmail tells its callers that it cannot use it either. */
static DropFolder *
open_drop(const Settings *settings, Store *store)
{
    g_autoptr(GError) error = NULL;
    const Listen *listen = find_submit(settings);
    DropFolder *folder = NULL;

    if (listen)
        folder = drop_folder_open(settings->conf.drop_dir, listen->smtp.max_bytes * 2 + (1 << 20), &error);
    if (error)
        log_event(LOG_NOTICE, "drop-unusable", "text", error->message, NULL);
    if (folder && store)
        drop_folder_sift(folder, is_stored, store);
    return folder;
}

static int
print_settings(const Settings *settings)
{
    g_autoptr(GString) text = g_string_new(NULL);

    settings_tell_doubts(settings, false);
    settings_print(settings, text);
    return fputs(text->str, stdout) >= 0 && fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int
main(int argc, char **argv)
{
    Options options = options_parse(argc, argv);
    g_autoptr(GError) error = NULL;
    static Daemon daemon;

    if (options.done >= 0)
        return options.done;
    g_autoptr(Settings) settings = settings_open(options.config, &error);
    if (settings && !options.check && !options.stdio && !options.explain.file && settings->listens->len == 0)
        g_set_error(&error, CONF_ERROR, 0, "%s: there is no section [listen NAME]", options.config);
    if (error) {
        fprintf(stderr, "shimtad: %s\n", error->message);
        return EX_CONFIG;
    }
    if (options.check)
        return print_settings(settings);
    if (options.explain.file)
        return explain_print(&options.explain, settings);

    signal(SIGPIPE, SIG_IGN);
    size_threads();
    int level = options.stdio ? MIN(LOG_WARNING, settings_log_level(settings)) : settings_log_level(settings);
    log_open(options.verbose ? LOG_DEBUG : level);
    log_use_json(settings->conf.log_format == LOG_FORMAT_JSON);
    if (!options.stdio)
        settings_tell_doubts(settings, true);
    if (!options.stdio && !privilege_lower(settings, &error)) {
        log_event(LOG_ERR, "cannot-start", "text", error->message, NULL);
        return EX_NOPERM;
    }
    Store *store = options.stdio ? NULL : open_store(settings, &error);
    if (error) {
        log_event(LOG_ERR, "cannot-start", "text", error->message, NULL);
        return store_status(error);
    }
    daemon.folder = options.stdio ? NULL : open_drop(settings, store);
    if (!options.stdio)
        confine(settings);
    daemon.config = options.config;
    daemon.verbose = options.verbose;
    daemon_open(&daemon, settings, store);
    int status = daemon_run(&daemon, options.stdio);
    daemon_close(&daemon);
    return status;
}
