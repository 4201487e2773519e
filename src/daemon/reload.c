#include "daemon/reload.h"

#include "base/file.h"
#include "base/log.h"
#include "daemon/notify.h"
#include "io/worker.h"

#include <unistd.h>

struct Reload {
    IngressHub *hub;
    ReloadParts parts;
    const char *path;
    void (*changed)(const Settings *before, void *user);
    void *user;
    Work *work;
    bool again;
};

typedef struct {
    Reload *reload;
    const char *path;
    Settings *settings;
    GError *error;
} Reading;

/* One that may not be written now, since the kernel keeps the daemon from it (daemon/confine.h), would refuse mail. */
static void
check_spool(const char *folder, GError **error)
{
    int fd = file_unnamed(folder, error);

    if (fd >= 0)
        close(fd);
    else
        g_prefix_error(error, "[shimta] spool-folder: ");
}

static void
reading_run(void *user)
{
    Reading *self = user;

    self->settings = settings_open(self->path, &self->error);
    if (self->settings && self->settings->listens->len == 0)
        g_set_error(&self->error, CONF_ERROR, 0, "%s: there is no section [listen NAME]", self->path);
    else if (self->settings && self->settings->conf.spool_folder)
        check_spool(self->settings->conf.spool_folder, &self->error);
}

static void
reading_free(void *user)
{
    Reading *self = user;

    settings_free(self->settings);
    g_clear_error(&self->error);
    g_free(self);
}

/* What was opened or decided at the start and stays so. */
static void
tell_unchanged(const Settings *before, const Settings *now)
{
    g_autofree const char **keys = settings_fixed_changes(before, now);

    for (guint i = 0; keys[i]; i++)
        log_event(LOG_WARNING, "restart-needed", "key", keys[i], NULL);
}

static void
take(Reload *self, Settings *settings)
{
    Settings *before = self->hub->settings;

    tell_unchanged(before, settings);
    settings_tell_doubts(settings, true);
    relay_reload(self->hub->relay, settings->relay);
    users_forget(self->hub->users);
    self->hub->settings = settings_ref(settings);
    self->changed(before, self->user);
    settings_free(before);
    log_event(LOG_NOTICE, "reloaded", "text", self->path, NULL);
    notify("READY=1\nSTATUS=Configuration read again");
}

/* Addresses that cannot be had are the last reason to leave all as it is. */
static bool
open_parts(Reload *self, Settings *settings, GError **error)
{
    bool opened = metrics_prepare(self->parts.metrics, settings, error) &&
                  webhook_prepare(self->parts.webhook, settings, error) &&
                  smtp_server_reload(self->parts.server, settings, error);

    metrics_settle(self->parts.metrics, opened);
    webhook_settle(self->parts.webhook, opened);
    return opened;
}

static void
reading_done(void *user)
{
    Reading *reading = user;
    Reload *self = reading->reload;

    self->work = NULL;
    if (!reading->error && open_parts(self, reading->settings, &reading->error)) {
        take(self, reading->settings);
    } else {
        log_event(LOG_ERR, "reload-failed", "text", reading->error->message, NULL);
        notify("READY=1\nSTATUS=The configuration is wrong; the one before is in force");
    }
    reading_free(reading);
    if (self->again)
        reload_start(self);
}

Reload *
reload_new(IngressHub *hub, const ReloadParts *parts, const char *path,
           void (*changed)(const Settings *before, void *user), void *user)
{
    Reload *self = g_new0(Reload, 1);

    self->hub = hub;
    self->parts = *parts;
    self->path = path;
    self->changed = changed;
    self->user = user;
    return self;
}

void
reload_start(Reload *self)
{
    static const WorkOps ops = { reading_run, reading_done, reading_free };

    self->again = self->work != NULL;
    if (self->again)
        return;
    g_autofree char *state = g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
    Reading *reading = g_new0(Reading, 1);

    notify(state);
    reading->reload = self;
    reading->path = self->path;
    self->work = work_start(self->hub->loop, &ops, reading);
}

void
reload_free(Reload *self)
{
    if (!self)
        return;
    work_cancel(&self->work);
    g_free(self);
}
