#include "io/worker.h"

#include <glib.h>
#include <stdbool.h>

enum { LANE_BATCH = 16 }; /* more would let the first ones wait for the last */

struct Work {
    uv_work_t request; /* unused in a lane */
    WorkLane *lane;    /* or NULL */
    GList link;        /* in the lane */
    const WorkOps *ops;
    void *user;
    bool cancelled;
};

struct WorkLane {
    uv_loop_t *loop;
    uv_prepare_t prepare; /* runs before the loop sleeps, while there is something to start */
    uv_work_t request;
    GQueue waiting; /* of Work */
    GQueue running; /* the worker's while busy */
    bool busy, closing;
};

static void
on_run(uv_work_t *request)
{
    Work *self = request->data;

    self->ops->run(self->user);
}

static void
work_end(Work *self)
{
    const WorkOps *ops = self->ops;
    void *user = self->user;
    bool cancelled = self->cancelled;

    g_free(self);
    if (cancelled)
        ops->free(user);
    else
        ops->done(user);
}

/* status says whether run was skipped; whoever cancelled knows that and does not ask. */
static void
on_done(uv_work_t *request, int status)
{
    work_end(request->data);
}

Work *
work_start(uv_loop_t *loop, const WorkOps *ops, void *user)
{
    Work *self = g_new0(Work, 1);

    self->request.data = self;
    self->ops = ops;
    self->user = user;
    int failed = uv_queue_work(loop, &self->request, on_run, on_done);
    g_assert(failed == 0);
    return self;
}

void
work_cancel(Work **work)
{
    Work *self = *work;

    *work = NULL;
    if (!self)
        return;
    self->cancelled = true;
    if (!self->lane)
        uv_cancel((uv_req_t *) &self->request);
}

/* --- lanes --------------------------------------------------------------------------------------- */

/* Runs cancelled work too: to ask would need a lock, and it is little. */
static void
on_lane_run(uv_work_t *request)
{
    WorkLane *self = request->data;

    for (GList *link = self->running.head; link; link = link->next) {
        Work *work = link->data;
        work->ops->run(work->user);
    }
}

static void
on_lane_closed(uv_handle_t *handle)
{
    g_free(handle->data);
}

static void on_lane_prepare(uv_prepare_t *prepare);

/* After everything that may have changed what there is to do. */
static void
lane_go_on(WorkLane *self)
{
    if (self->busy)
        return;
    if (!g_queue_is_empty(&self->waiting))
        uv_prepare_start(&self->prepare, on_lane_prepare);
    else if (self->closing)
        uv_close((uv_handle_t *) &self->prepare, on_lane_closed);
}

static void
on_lane_done(uv_work_t *request, int status)
{
    WorkLane *self = request->data;

    for (GList *link; (link = g_queue_pop_head_link(&self->running));)
        work_end(link->data);
    self->busy = false;
    lane_go_on(self);
}

static void
on_lane_prepare(uv_prepare_t *prepare)
{
    WorkLane *self = prepare->data;

    uv_prepare_stop(prepare);
    while (!g_queue_is_empty(&self->waiting) && self->running.length < LANE_BATCH)
        g_queue_push_tail_link(&self->running, g_queue_pop_head_link(&self->waiting));
    self->busy = true;
    int failed = uv_queue_work(self->loop, &self->request, on_lane_run, on_lane_done);
    g_assert(failed == 0);
}

WorkLane *
work_lane_new(uv_loop_t *loop)
{
    WorkLane *self = g_new0(WorkLane, 1);

    self->loop = loop;
    self->request.data = self;
    uv_prepare_init(loop, &self->prepare);
    self->prepare.data = self;
    return self;
}

Work *
work_lane_start(WorkLane *lane, const WorkOps *ops, void *user)
{
    Work *self = g_new0(Work, 1);

    g_assert(!lane->closing);
    self->lane = lane;
    self->link.data = self;
    self->ops = ops;
    self->user = user;
    g_queue_push_tail_link(&lane->waiting, &self->link);
    lane_go_on(lane);
    return self;
}

void
work_lane_close(WorkLane *self)
{
    if (!self)
        return;
    self->closing = true;
    lane_go_on(self);
}
