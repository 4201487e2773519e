#include "io/worker.h"

#include <glib.h>
#include <stdbool.h>

struct Work {
    uv_work_t request;
    const WorkOps *ops;
    void *user;
    bool cancelled;
};

static void
on_run(uv_work_t *request)
{
    Work *self = request->data;

    self->ops->run(self->user);
}

/* status says whether run was skipped; whoever cancelled knows that and does not ask. */
static void
on_done(uv_work_t *request, int status)
{
    Work *self = request->data;
    const WorkOps *ops = self->ops;
    void *user = self->user;
    bool cancelled = self->cancelled;

    g_free(self);
    if (cancelled)
        ops->free(user);
    else
        ops->done(user);
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
    uv_cancel((uv_req_t *) &self->request);
}
