#include "daemon/flush.h"

typedef struct {
    Spool *spool;
    bool finish;
    FlushDone done;
    void *user;
    GError *error;
} Flush;

static void
flush_run(void *user)
{
    Flush *self = user;

    if (self->finish)
        spool_finish(self->spool, &self->error);
    else
        spool_flush(self->spool, &self->error);
}

static void
flush_free(void *user)
{
    Flush *self = user;

    spool_unref(self->spool);
    g_clear_error(&self->error);
    g_free(self);
}

static void
flush_done(void *user)
{
    Flush *self = user;

    self->done(self->user, self->finish, self->error);
    flush_free(self);
}

Work *
flush_start(uv_loop_t *loop, Spool *spool, bool finish, FlushDone done, void *user)
{
    static const WorkOps ops = { flush_run, flush_done, flush_free };
    Flush *self = g_new0(Flush, 1);

    self->spool = spool_ref(spool);
    self->finish = finish;
    self->done = done;
    self->user = user;
    return work_start(loop, &ops, self);
}
