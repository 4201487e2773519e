#include "daemon/drop.h"

#include "base/clock.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "daemon/drop_mail.h"
#include "daemon/keep.h"
#include "io/worker.h"

enum {
    AT_ONCE = 8, /* mails */
    SCAN_MS = 60 * 1000,
    LOG_MS = 1000, /* at most one line of a kind in that time: many files are no flood of lines */
    MOST_STUCK = 1000, /* files that cannot be taken away before no more are begun */
};

/* One kind of line. */
typedef struct {
    gint64 logged_ms;
    guint unlogged;
} Pace;

struct Drop {
    const IngressHub *hub;
    DropFolder *folder;
    GQueue files;  /* of DropFile, to be fed */
    GPtrArray *mails; /* of DropMail */
    GHashTable *waiting; /* uids whose mail was deferred; until the next minute */
    GHashTable *deferred; /* ids of those mails */
    Work *scan;
    bool again; /* something has changed since the scan began */
    bool unsynced;
    Pace deferred_pace;
    bool full; /* somebody's files wait because too many lie aside */
    uv_fs_event_t watch;
    uv_timer_t minute, limit;
    bool watching, draining;
    guint stuck; /* files that could not be taken away */
    void (*empty)(void *user);
    void *user;
};

/* What the worker has of a scan. */
typedef struct {
    Drop *drop;
    DropFolder *folder;
    GHashTable *waiting;
    DropScan scan;
} ScanJob;

static void drop_go_on(Drop *self);

/* --- the log ------------------------------------------------------------------------------------- */

static void
drop_log(Drop *self, int level, const char *event, const DropFile *file, const char *text)
{
    log_event(level, event, "id", file->id, "user", users_known(self->hub->users, file->uid), "text", text, NULL);
}

/* False: not now. */
static bool
pace_allows(Pace *pace)
{
    gint64 now = clock_monotonic();

    if (pace->logged_ms > 0 && now - pace->logged_ms < LOG_MS) {
        pace->unlogged++;
        return false;
    }
    pace->logged_ms = now;
    return true;
}

/* --- what becomes of a file ---------------------------------------------------------------------- */

/* No user can do that: something is wrong with the file system. */
static void
drop_give_up(Drop *self, const DropFile *file)
{
    drop_log(self, LOG_ERR, "drop-stuck", file, ++self->stuck < MOST_STUCK ? "cannot be taken out of drop-dir/taken"
                                                : "nothing is taken from drop-dir any more");
}

/* On the loop, so that the file is gone before anything else is done with the entry: whoever finds both after a crash
 * knows them for the same mail. */
static void
drop_accepted(Drop *self, const DropFile *file)
{
    crash_point("drop-accepted");
    if (!drop_folder_remove(self->folder, file))
        drop_give_up(self, file);
    self->unsynced = true;
}

static void
drop_refused(Drop *self, const DropFile *file, const char *text)
{
    drop_log(self, LOG_ERR, "drop-refused", file, text);
    if (!drop_folder_fail(self->folder, file))
        drop_give_up(self, file);
    self->unsynced = true;
}

/* Its owner waits with it: whoever makes files that cannot be accepted keeps nobody else. */
static void
drop_deferred(Drop *self, const DropFile *file, const char *text)
{
    g_hash_table_add(self->waiting, GUINT_TO_POINTER(file->uid));
    g_hash_table_add(self->deferred, g_strdup(file->id));
    if (!pace_allows(&self->deferred_pace))
        return;
    log_event(LOG_NOTICE, "drop-deferred", "id", file->id, "user", users_known(self->hub->users, file->uid), "text", text,
              "others", self->deferred_pace.unlogged > 0 ? LOG_NUM(self->deferred_pace.unlogged) : NULL, NULL);
    self->deferred_pace.unlogged = 0;
}

static void
on_mail_done(DropMail *mail, int code, const char *text, void *user)
{
    Drop *self = user;
    const DropFile *file = drop_mail_file(mail);

    if (code / 100 != 4)
        g_hash_table_remove(self->deferred, file->id);
    if (code / 100 == 2)
        drop_accepted(self, file);
    else if (code / 100 == 5)
        drop_refused(self, file, text);
    else
        drop_deferred(self, file, text);
    g_ptr_array_remove_fast(self->mails, mail);
    drop_go_on(self);
}

/* --- the folder ---------------------------------------------------------------------------------- */

static void
look_run(void *user)
{
    ScanJob *self = user;

    drop_folder_scan(self->folder, self->waiting, &self->scan);
}

static void
look_free(void *user)
{
    ScanJob *self = user;

    g_hash_table_unref(self->waiting);
    if (self->scan.files)
        g_ptr_array_unref(self->scan.files);
    g_free(self);
}

static void
look_done(void *user)
{
    ScanJob *job = user;
    Drop *self = job->drop;

    self->scan = NULL;
    self->again |= job->scan.more;
    if (job->scan.useless > 0)
        log_event(LOG_WARNING, "drop-useless", "files", LOG_NUM(job->scan.useless), "text", "put aside: no mails of sendmail",
                  NULL);
    if (job->scan.full && !self->full)
        log_event(LOG_ERR, "drop-full", "text", "somebody has too many files in drop-dir/failed; his others wait until they "
                  "are gone", NULL);
    self->full = job->scan.full;
    g_ptr_array_set_free_func(job->scan.files, NULL);
    for (guint i = 0; i < job->scan.files->len; i++)
        g_queue_push_tail(&self->files, job->scan.files->pdata[i]);
    look_free(job);
    drop_go_on(self);
}

static void
drop_scan(Drop *self)
{
    static const WorkOps ops = { look_run, look_done, look_free };
    ScanJob *job = g_new0(ScanJob, 1);
    GHashTableIter iter;
    gpointer uid;

    self->again = false;
    drop_folder_limit(self->folder, keep_submit(self->hub->settings)->smtp.max_bytes);
    job->drop = self;
    job->folder = self->folder;
    job->waiting = g_hash_table_new(NULL, NULL);
    g_hash_table_iter_init(&iter, self->waiting);
    while (g_hash_table_iter_next(&iter, &uid, NULL))
        g_hash_table_add(job->waiting, uid);
    self->scan = work_start(self->hub->loop, &ops, job);
}

static void
sync_run(void *user)
{
    drop_folder_sync(user);
}

static void
sync_nothing(void *user)
{
}

/* Of all that has gone since the last. */
static void
drop_sync(Drop *self)
{
    static const WorkOps ops = { sync_run, sync_nothing, sync_nothing };

    self->unsynced = false;
    work_start(self->hub->loop, &ops, self->folder);
}

static void
drop_check_empty(Drop *self)
{
    void (*empty)(void *user) = self->empty;

    if (!self->draining || !empty || self->mails->len > 0 || self->scan)
        return;
    self->empty = NULL;
    if (self->watching)
        uv_close((uv_handle_t *) &self->watch, NULL);
    uv_close((uv_handle_t *) &self->minute, NULL);
    uv_close((uv_handle_t *) &self->limit, NULL);
    empty(self->user);
}

/* For as long as a mail may wait, and it was tried. */
static bool
drop_is_old(const Drop *self, const DropFile *file)
{
    gint64 lifetime_ms = self->hub->settings->relay->conf.queue_lifetime_ms;

    return clock_now() - file->left_ms >= lifetime_ms && g_hash_table_contains(self->deferred, file->id);
}

static bool
drop_may_begin(const Drop *self)
{
    return !self->draining && self->stuck < MOST_STUCK && keep_submit(self->hub->settings);
}

/* Feeds what was found; looks again when that is done, never both: so no file is found twice. */
static void
drop_go_on(Drop *self)
{
    while (drop_may_begin(self) && self->mails->len < AT_ONCE && !g_queue_is_empty(&self->files)) {
        DropFile *file = g_queue_pop_head(&self->files);
        if (g_hash_table_contains(self->waiting, GUINT_TO_POINTER(file->uid)))
            drop_file_free(file);
        else
            g_ptr_array_add(self->mails, drop_mail_start(self->hub, file, drop_is_old(self, file), on_mail_done, self));
    }
    bool idle = self->mails->len == 0 && g_queue_is_empty(&self->files) && !self->scan;
    if (idle && self->unsynced)
        drop_sync(self);
    if (idle && self->again && drop_may_begin(self))
        drop_scan(self);
    drop_check_empty(self);
}

static void
drop_look(Drop *self)
{
    self->again = true;
    drop_go_on(self);
}

static void
on_change(uv_fs_event_t *handle, const char *name, int events, int status)
{
    if (events & UV_RENAME && name && g_str_has_prefix(name, "mail."))
        drop_look(handle->data);
}

static void
on_minute(uv_timer_t *timer)
{
    Drop *self = timer->data;

    g_hash_table_remove_all(self->waiting);
    drop_look(self);
}

Drop *
drop_new(const IngressHub *hub, DropFolder *folder)
{
    Drop *self = g_new0(Drop, 1);
    const char *path = hub->settings->conf.drop_dir;

    self->hub = hub;
    self->folder = folder;
    self->waiting = g_hash_table_new(NULL, NULL);
    self->deferred = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_queue_init(&self->files);
    self->mails = g_ptr_array_new_with_free_func((GDestroyNotify) drop_mail_free);
    uv_timer_init(hub->loop, &self->minute);
    uv_timer_init(hub->loop, &self->limit);
    uv_fs_event_init(hub->loop, &self->watch);
    self->watching = true;
    self->minute.data = self->limit.data = self->watch.data = self;
    uv_fs_event_start(&self->watch, on_change, path, 0); /* without it there is the minute */
    uv_timer_start(&self->minute, on_minute, SCAN_MS, SCAN_MS);
    uv_unref((uv_handle_t *) &self->minute);
    uv_unref((uv_handle_t *) &self->watch);
    drop_look(self);
    return self;
}

static void
on_limit(uv_timer_t *timer)
{
    Drop *self = timer->data;

    g_ptr_array_set_size(self->mails, 0);
    drop_check_empty(self);
}

void
drop_drain(Drop *self, gint64 limit_ms, void (*empty)(void *user), void *user)
{
    self->draining = true;
    self->empty = empty;
    self->user = user;
    uv_timer_start(&self->limit, on_limit, (guint64) limit_ms, 0);
    drop_check_empty(self);
}

void
drop_free(Drop *self)
{
    if (!self)
        return;
    g_queue_clear_full(&self->files, (GDestroyNotify) drop_file_free);
    drop_folder_close(self->folder);
    g_hash_table_unref(self->waiting);
    g_hash_table_unref(self->deferred);
    g_ptr_array_unref(self->mails);
    g_free(self);
}
