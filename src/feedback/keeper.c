#include "feedback/keeper.h"

#include "base/log.h"
#include "io/worker.h"

#include <stdio.h>

typedef struct {
    const KeeperTask *task;
    void *user;
    GError *error;
} Job;

struct FeedbackKeeper {
    uv_loop_t *loop;
    char *folder;
    FeedbackStore *store; /* the worker's while busy; NULL: not open */
    GQueue waiting, running; /* of Job; running is the worker's */
    bool busy, closing;
};

/* --- on a worker --------------------------------------------------------------------------------- */

static bool
set_aside(FeedbackKeeper *self)
{
    static const char *const ends[] = { "", "-wal", "-shm" };

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *from = g_strdup_printf("%s/feedback.db%s", self->folder, ends[i]);
        g_autofree char *to = g_strdup_printf("%s/feedback.db.damaged%s", self->folder, ends[i]);
        if (rename(from, to) < 0 && i == 0)
            return false;
    }
    log_event(LOG_ERR, "feedback-damaged", "text", "the table is kept as feedback.db.damaged, a new one begun: "
              "suppressed addresses are known no more", NULL);
    return true;
}

static bool
open_store(FeedbackKeeper *self, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (!self->store)
        self->store = feedback_store_open(self->folder, &cause);
    if (!self->store && g_error_matches(cause, STORE_ERROR, STORE_ERROR_CORRUPT) && set_aside(self)) {
        g_clear_error(&cause);
        self->store = feedback_store_open(self->folder, &cause);
    }
    if (cause)
        g_propagate_error(error, g_steal_pointer(&cause));
    return self->store != NULL;
}

static void
run_one(FeedbackKeeper *self, Job *job)
{
    if (!open_store(self, &job->error))
        return;
    bool begun = feedback_store_begin(self->store, &job->error);
    if (begun && job->task->run(self->store, job->user, &job->error))
        feedback_store_commit(self->store, &job->error);
    else if (begun)
        feedback_store_undo(self->store);
    if (g_error_matches(job->error, STORE_ERROR, STORE_ERROR_CORRUPT)) /* looked at again when it is opened */
        g_clear_pointer(&self->store, feedback_store_close);
}

static void
on_run(void *user)
{
    FeedbackKeeper *self = user;

    for (GList *link = self->running.head; link; link = link->next)
        run_one(self, link->data);
    if (self->closing)
        g_clear_pointer(&self->store, feedback_store_close);
}

/* --- on the loop --------------------------------------------------------------------------------- */

static void go_on(FeedbackKeeper *self);

static void
on_done(void *user)
{
    FeedbackKeeper *self = user;

    for (Job *job; (job = g_queue_pop_head(&self->running));) {
        if (job->task->done)
            job->task->done(job->user, job->error);
        g_clear_error(&job->error);
        g_free(job);
    }
    self->busy = false; /* not before: whoever is told may ask again, or close */
    go_on(self);
}

static void
keeper_free(FeedbackKeeper *self)
{
    feedback_store_close(self->store);
    g_free(self->folder);
    g_free(self);
}

static void
go_on(FeedbackKeeper *self)
{
    static const WorkOps round = { on_run, on_done, NULL };

    if (self->busy)
        return;
    if (g_queue_is_empty(&self->waiting)) {
        if (self->closing)
            keeper_free(self);
        return;
    }
    self->running = self->waiting;
    g_queue_init(&self->waiting);
    self->busy = true;
    work_start(self->loop, &round, self);
}

FeedbackKeeper *
keeper_new(uv_loop_t *loop, const char *folder)
{
    FeedbackKeeper *self = g_new0(FeedbackKeeper, 1);

    self->loop = loop;
    self->folder = g_strdup(folder);
    g_queue_init(&self->waiting);
    g_queue_init(&self->running);
    return self;
}

void
keeper_do(FeedbackKeeper *self, const KeeperTask *task, void *user)
{
    Job *job = g_new0(Job, 1);

    g_assert(!self->closing);
    job->task = task;
    job->user = user;
    g_queue_push_tail(&self->waiting, job);
    go_on(self);
}

void
keeper_close(FeedbackKeeper *self)
{
    if (!self)
        return;
    self->closing = true;
    go_on(self);
}
