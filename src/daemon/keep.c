#include "daemon/keep.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "relay/report.h"

#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { QUEUE_RESERVE_INODES = 1000 };

/* --- the queue ----------------------------------------------------------------------------------- */

int
keep_status(const GError *error)
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

/* What others may reach below state-dir has a mode of its own. */
Store *
keep_open_store(const Settings *settings, GError **error)
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

/* --- what sendmail leaves ------------------------------------------------------------------------ */

const Listen *
keep_submit(const Settings *settings)
{
    for (guint i = 0; i < settings->listens->len; i++) {
        const Listen *one = settings->listens->pdata[i];
        if (one->conf.sendmail)
            return one;
    }
    return NULL;
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

/* A folder that cannot be used is no reason to serve nobody: sendmail tells its callers that it cannot use it
 * either. */
DropFolder *
keep_open_drop(const Settings *settings, Store *store)
{
    g_autoptr(GError) error = NULL;
    const Listen *listen = keep_submit(settings);
    DropFolder *folder = NULL;

    if (listen)
        folder = drop_folder_open(settings->conf.drop_dir, &error);
    if (error)
        log_event(LOG_NOTICE, "drop-unusable", "text", error->message, NULL);
    if (folder && store)
        drop_folder_sift(folder, is_stored, store);
    return folder;
}

/* --- the journal --------------------------------------------------------------------------------- */

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
remember_accepted(Journal *journal, const IngressHub *hub)
{
    gint64 since_ms = clock_now() - hub->settings->relay->conf.duplicate_window_ms;

    journal_each(journal, "accepted", since_ms, on_accepted, hub->relay, NULL);
    journal_each(journal, "forgotten", since_ms, on_forgotten, hub->relay, NULL);
}

Journal *
keep_open_journal(const IngressHub *hub)
{
    const DaemonConf *conf = &hub->settings->conf;
    g_autofree char *folder = g_build_filename(conf->state_dir, "journal", NULL);
    g_autoptr(GError) error = NULL;

    if (conf->journal_lifetime_ms == 0)
        return NULL;
    file_make_folder(conf->state_dir, 0711, NULL); /* what is wrong shows in a moment */
    Journal *self = journal_open(hub->loop, folder, conf->journal_lifetime_ms, &error);
    if (error)
        log_event(LOG_ERR, "journal-failed", "text", error->message, NULL);
    if (self)
        remember_accepted(self, hub);
    report_journal(self);
    return self;
}
