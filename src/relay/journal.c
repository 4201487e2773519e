#include "relay/journal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "io/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOAD_MS = 1000,
    PRUNE_MS = 3600000,
    PRUNE_LINES = 5000, /* at a time, between two loads */
    QUIET_MS = 60000,   /* a failure is told once, and not called mended before this; a table is tried again then */
    FILE_BYTES = 16 * 1024 * 1024, /* while nothing can be loaded */
    MAX_FILES = 64,     /* that could not be loaded: then no more lines are written */
};

typedef struct {
    const JournalTask *task;
    void *user;
    bool whole;
    GError *error;
} Job;

struct Journal {
    uv_loop_t *loop;
    char *folder;
    gint64 lifetime_ms;

    int lock;        /* of the folder; -1: somebody reads what the last process has left */
    int fd;          /* of the file that is written; -1: none */
    guint64 number;  /* its name */
    gint64 length;   /* of whole lines in it */
    guint files;     /* that wait to be loaded, this one aside */
    bool torn;       /* something that is not a whole line stands behind them */
    GString *line;   /* scratch */

    uv_timer_t timer;
    bool timing; /* for what was written; else it runs for pruning */
    bool busy, behind, closing, final;
    GQueue jobs;     /* of Job, waiting */
    bool failing;
    gint64 told_ms;  /* monotonic, of the last failure */

    /* The worker's while busy. */
    JournalStore *store; /* NULL: not open */
    guint64 limit;       /* files below this one are to be loaded */
    gint64 prune_ms;     /* monotonic, when to do it next */
    GQueue running;      /* of Job */
    GError *trouble;     /* of the last round */
    bool loaded;
    bool set_aside;      /* a damaged table was replaced by a new one */
};

/* --- trouble ------------------------------------------------------------------------------------- */

static void
journal_fails(Journal *self, const char *text)
{
    if (!self->failing)
        log_event(LOG_ERR, "journal-failed", "text", text, NULL);
    self->failing = true;
    self->told_ms = clock_monotonic();
}

static void
journal_works(Journal *self)
{
    if (!self->failing || clock_monotonic() - self->told_ms < QUIET_MS)
        return;
    log_event(LOG_NOTICE, "journal-works", NULL);
    self->failing = false;
}

/* --- writing ------------------------------------------------------------------------------------- */

static bool
begin_file(Journal *self, GError **error)
{
    g_autofree char *path = journal_file(self->folder, self->number + 1);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return error_set_errno(error, errno, "cannot write '%s'", path);
    flock(fd, LOCK_EX | LOCK_NB); /* `shimta trace` leaves it alone where it finds no daemon */
    if (self->fd >= 0)
        close(self->fd);
    self->fd = fd;
    self->number++;
    self->files++;
    self->length = 0;
    self->torn = false;
    return true;
}

static void start_timer(Journal *self);

bool
journal_write(Journal *self, JournalLine *line)
{
    if (!self)
        return false;
    if (self->files > MAX_FILES) {
        journal_fails(self, "too many files wait to be loaded into the table");
        return false;
    }
    line->at_ms = clock_now();
    g_string_assign(self->line, self->torn ? "\n" : "");
    journal_line_print(line, self->line);
    gssize written;
    do
        written = write(self->fd, self->line->str, self->line->len);
    while (written < 0 && errno == EINTR);
    if (written == (gssize) self->line->len) {
        self->length += written;
        self->torn = false;
        start_timer(self);
        return true;
    }
    g_autofree char *text = g_strdup_printf("cannot write to '%s': %s", self->folder,
                                            written < 0 ? g_strerror(errno) : "no space left");
    journal_fails(self, text);
    self->torn |= written > 0 && ftruncate(self->fd, self->length) < 0;
    return false;
}

/* --- a round of work ----------------------------------------------------------------------------- */

/* What happened to mails is no reason to stop mail, and nobody mends a damaged table in a hurry. */
static bool
put_aside(Journal *self, GError **error)
{
    static const char *const ends[] = { "", "-wal", "-shm" };

    journal_store_close(g_steal_pointer(&self->store));
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *from = g_strdup_printf("%s/journal.db%s", self->folder, ends[i]);
        g_autofree char *to = g_strdup_printf("%s/journal.db.damaged%s", self->folder, ends[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            return error_set_errno(error, errno, "cannot rename '%s'", from);
    }
    self->set_aside = true;
    return true;
}

static bool
load_files(Journal *self, GError **error)
{
    g_autoptr(GArray) files = journal_files(self->folder);

    if (!self->store)
        self->store = journal_store_open(self->folder, error);
    for (guint i = 0; self->store && i < files->len; i++) {
        guint64 number = g_array_index(files, guint64, i);
        if (number < self->limit && !journal_store_load(self->store, number, error))
            return false;
    }
    return self->store != NULL;
}

static bool
load_all(Journal *self, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (load_files(self, &cause))
        return true;
    if (g_error_matches(cause, STORE_ERROR, STORE_ERROR_CORRUPT))
        return put_aside(self, error) && load_files(self, error);
    g_propagate_error(error, g_steal_pointer(&cause));
    return false;
}

static void
prune(Journal *self)
{
    guint n = 0;

    if (clock_monotonic() < self->prune_ms)
        return;
    if (!journal_store_prune(self->store, clock_now() - self->lifetime_ms, PRUNE_LINES, &n, &self->trouble))
        return;
    if (n < PRUNE_LINES)
        self->prune_ms = clock_monotonic() + PRUNE_MS;
}

static void
on_round(void *user)
{
    Journal *self = user;

    self->loaded = load_all(self, &self->trouble);
    for (GList *link = self->running.head; link; link = link->next) {
        Job *job = link->data;
        if (self->store && (self->loaded || !job->whole))
            job->task->run(self->store, job->user, &job->error);
        else
            job->error = g_error_copy(self->trouble);
    }
    if (self->loaded)
        prune(self);
}

static void go_on(Journal *self);

static void
on_round_done(void *user)
{
    Journal *self = user;
    g_autoptr(GError) trouble = g_steal_pointer(&self->trouble);
    GQueue ended = self->running; /* whoever is told may ask again, and begin the next round */

    g_queue_init(&self->running);
    self->busy = false;
    self->behind = !self->loaded;
    if (self->loaded)
        self->files = 0;
    if (self->set_aside)
        log_event(LOG_ERR, "journal-damaged", "text", "the table is kept as journal.db.damaged, a new one begun", NULL);
    self->set_aside = false;
    if (trouble)
        journal_fails(self, trouble->message);
    else
        journal_works(self);
    for (Job *job; (job = g_queue_pop_head(&ended));) {
        job->task->done(job->user, job->error);
        g_clear_error(&job->error);
        g_free(job);
    }
    go_on(self);
}

static void
start_round(Journal *self)
{
    static const WorkOps round = { on_round, on_round_done, NULL };
    g_autoptr(GError) error = NULL;

    if (self->length > (self->behind ? FILE_BYTES : 0) && !begin_file(self, &error))
        journal_fails(self, error->message);
    if (self->lock < 0)
        self->lock = journal_lock(self->folder);
    self->limit = self->number;
    for (Job *job; (job = g_queue_pop_head(&self->jobs));)
        g_queue_push_tail(&self->running, job);
    self->busy = true;
    work_start(self->loop, &round, self);
}

static void
on_timer(uv_timer_t *timer)
{
    Journal *self = timer->data;

    self->timing = false;
    if (!self->busy)
        start_round(self);
}

static void
start_timer(Journal *self)
{
    if (self->timing || self->busy || self->closing)
        return;
    self->timing = true;
    uv_timer_start(&self->timer, on_timer, self->behind ? QUIET_MS : LOAD_MS, 0);
}

static void
on_closed(uv_handle_t *handle)
{
    Journal *self = handle->data;

    journal_store_close(self->store);
    close(self->fd);
    if (self->lock >= 0)
        close(self->lock);
    g_string_free(self->line, TRUE);
    g_free(self->folder);
    g_free(self);
}

static void
go_on(Journal *self)
{
    if (self->busy)
        return;
    if (!g_queue_is_empty(&self->jobs) || (self->closing && !self->final)) {
        self->final = self->closing;
        start_round(self);
    } else if (self->closing) {
        uv_close((uv_handle_t *) &self->timer, on_closed);
    } else if (self->length > 0 || self->behind || self->prune_ms <= clock_monotonic()) {
        start_timer(self);
    } else if (!self->timing) {
        uv_timer_start(&self->timer, on_timer, PRUNE_MS, 0);
    }
}

static void
add_job(Journal *self, const JournalTask *task, void *user, bool whole)
{
    Job *job = g_new0(Job, 1);

    g_assert(!self->closing);
    job->task = task;
    job->user = user;
    job->whole = whole;
    g_queue_push_tail(&self->jobs, job);
    go_on(self);
}

void
journal_do(Journal *self, const JournalTask *task, void *user)
{
    add_job(self, task, user, false);
}

void
journal_do_whole(Journal *self, const JournalTask *task, void *user)
{
    add_job(self, task, user, true);
}

/* --- beginning and end --------------------------------------------------------------------------- */

static bool
make_folder(const char *folder, GError **error)
{
    struct stat st;

    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return error_set_errno(error, errno, "cannot make '%s'", folder);
    if (lstat(folder, &st) < 0)
        return error_set_errno(error, errno, "cannot look at '%s'", folder);
    if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022))
        return true;
    g_set_error(error, STORE_ERROR, STORE_ERROR_UNSAFE, "'%s' must be a folder of this user that no other may write to",
                folder);
    return false;
}

/* A number that was used must not come again, or its lines would count as loaded. Without table and files nobody
 * knows the last one; but there were never as many as milliseconds since the epoch. */
static guint64
last_number(Journal *self)
{
    g_autoptr(GArray) files = journal_files(self->folder);
    guint64 loaded = 0, last = files->len > 0 ? g_array_index(files, guint64, files->len - 1) : 0;

    self->files = files->len;
    if (self->store && journal_store_loaded(self->store, &loaded, NULL))
        return MAX(last, loaded);
    return last > 0 ? last : (guint64) clock_now();
}

Journal *
journal_open(uv_loop_t *loop, const char *folder, gint64 lifetime_ms, GError **error)
{
    if (!make_folder(folder, error))
        return NULL;
    Journal *self = g_new0(Journal, 1);

    self->loop = loop;
    self->folder = g_strdup(folder);
    self->lifetime_ms = lifetime_ms;
    self->fd = -1;
    self->lock = journal_lock(folder);
    self->line = g_string_new(NULL);
    g_queue_init(&self->jobs);
    g_queue_init(&self->running);
    uv_timer_init(loop, &self->timer);
    uv_unref((uv_handle_t *) &self->timer);
    self->timer.data = self;
    self->prune_ms = clock_monotonic();
    self->store = journal_store_open(folder, NULL);
    self->number = last_number(self);
    if (!begin_file(self, error)) {
        uv_close((uv_handle_t *) &self->timer, on_closed);
        return NULL;
    }
    self->limit = self->number;
    self->loaded = load_all(self, &self->trouble);
    on_round_done(self);
    return self;
}

bool
journal_each(Journal *self, const char *event, gint64 since_ms, JournalVisit visit, void *user, GError **error)
{
    g_assert(!self->busy);
    if (self->store)
        return journal_store_since(self->store, event, since_ms, visit, user, error);
    g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "the journal's table is not open");
    return false;
}

void
journal_close(Journal *self)
{
    if (!self)
        return;
    self->closing = true;
    uv_timer_stop(&self->timer);
    go_on(self);
}
