/* shimtad: configuration, wiring, signals. */
#include "config.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/confine.h"
#include "daemon/control.h"
#include "daemon/drop.h"
#include "daemon/explain.h"
#include "daemon/keep.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/privilege.h"
#include "daemon/reload.h"
#include "daemon/smtp_server.h"
#include "feedback/feedback.h"
#include "io/listener.h"
#include "relay/report.h"
#include "relay/suppress.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

typedef struct {
    uv_loop_t loop;
    IngressHub hub; /* has the settings in force */
    const char *config;
    bool verbose;
    SmtpServer *server;
    Journal *journal; /* NULL: it cannot be written */
    Control *control; /* NULL: its socket cannot be opened */
    Metrics *metrics;
    Feedback *feedback;
    Webhook *webhook;
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
    metrics_close(g_steal_pointer(&self->metrics));
    webhook_close(g_steal_pointer(&self->webhook));
    feedback_close(g_steal_pointer(&self->feedback));
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
    metrics_drain(self->metrics);
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
    Daemon *self = user;

    set_log(self);
    feedback_reload(self->feedback, self->hub.settings->relay);
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
    self->hub.rates = rates_new();
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
        .folder = self->hub.settings->conf.state_dir,
    };

    self->control = control_open(&hub, self->hub.settings->conf.control_socket, &error);
    if (error)
        log_event(LOG_ERR, "control-failed", "text", error->message, NULL);
}

static void
open_feedback(Daemon *self)
{
    const FeedbackHub hub = {
        .loop = &self->loop,
        .relay = self->hub.relay,
        .journal = self->journal,
        .folder = self->hub.settings->conf.state_dir,
        .is_told = webhook_hears,
        .user = self->webhook,
    };

    self->feedback = feedback_new(&hub, self->hub.settings->relay);
    webhook_tell(self->webhook, self->feedback);
}

/* All that take one have been opened. */
static void
forget_sockets(void)
{
    guint left = listener_forget_inherited();

    if (left > 0)
        log_event(LOG_WARNING, "sockets-unused", "number", LOG_NUM(left), NULL);
}

static int
daemon_run(Daemon *self, bool stdio)
{
    g_autoptr(GError) error = NULL;
    bool started = stdio ? smtp_server_stdio(self->server, &error) : smtp_server_listen(self->server, &error);

    if (started && !stdio) {
        self->journal = keep_open_journal(&self->hub);
        open_control(self);
        self->metrics = metrics_new(&self->hub, self->journal);
        self->webhook = webhook_new(&self->hub);
        forget_sockets();
        started = privilege_drop(&error);
        if (started)
            confine_calls(self->hub.settings);
        if (started)
            open_feedback(self);
    }
    if (!started) {
        log_event(LOG_ERR, "cannot-start", "text", error->message, NULL);
        smtp_server_cut(self->server);
    } else if (!stdio) {
        if (self->folder)
            self->drop = drop_new(&self->hub, g_steal_pointer(&self->folder));
        const ReloadParts parts = { self->server, self->metrics, self->webhook };
        self->reload = reload_new(&self->hub, &parts, self->config, on_reloaded, self);
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
    rates_free(self->hub.rates);
    settings_free(self->hub.settings);
    int open = uv_loop_close(&self->loop);
    g_assert(open == 0);
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
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is answered like a full disk */
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
    Store *store = options.stdio ? NULL : keep_open_store(settings, &error);
    if (error) {
        log_event(LOG_ERR, "cannot-start", "text", error->message, NULL);
        return keep_status(error);
    }
    daemon.folder = options.stdio ? NULL : keep_open_drop(settings, store);
    if (!options.stdio)
        confine(settings);
    daemon.config = options.config;
    daemon.verbose = options.verbose;
    suppress_open(settings->conf.state_dir);
    daemon_open(&daemon, settings, store);
    int status = daemon_run(&daemon, options.stdio);
    daemon_close(&daemon);
    return status;
}
