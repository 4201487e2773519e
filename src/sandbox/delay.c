#include "sandbox/delay.h"

typedef struct {
    gint64 due_us;              /* of the monotonic clock */
    struct MHD_Connection *connection;
} Delay;

struct Delays {
    GMutex lock;
    GCond changed;              /* the first one due, or stopped */
    bool stopped;
    GQueue waiting;             /* of Delay, the first one due first */
    GThread *thread;
};

/* Lets go whose time has come. With the lock held. */
static void
resume_due(Delays *self, gint64 now_us)
{
    while (!g_queue_is_empty(&self->waiting)) {
        Delay *delay = g_queue_peek_head(&self->waiting);
        if (delay->due_us > now_us)
            return;
        MHD_resume_connection(delay->connection);
        g_free(g_queue_pop_head(&self->waiting));
    }
}

static gpointer
run(gpointer user)
{
    Delays *self = user;

    g_mutex_lock(&self->lock);
    while (!self->stopped) {
        const Delay *first = g_queue_peek_head(&self->waiting);
        if (first)
            g_cond_wait_until(&self->changed, &self->lock, first->due_us);
        else
            g_cond_wait(&self->changed, &self->lock);
        resume_due(self, g_get_monotonic_time());
    }
    resume_due(self, G_MAXINT64);
    g_mutex_unlock(&self->lock);
    return NULL;
}

Delays *
delays_new(void)
{
    Delays *self = g_new0(Delays, 1);

    g_mutex_init(&self->lock);
    g_cond_init(&self->changed);
    g_queue_init(&self->waiting);
    self->thread = g_thread_new("delays", run, self);
    return self;
}

void
delays_free(Delays *self)
{
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->changed);
    g_free(self);
}

/* Puts the delay in its place. With the lock held. */
static void
enqueue(Delays *self, Delay *delay)
{
    /* Mostly all wait equally long: the place is found at once from the end. */
    GList *before = self->waiting.tail;

    while (before && ((Delay *) before->data)->due_us > delay->due_us)
        before = before->prev;
    if (before) {
        g_queue_insert_after(&self->waiting, before, delay);
    } else {
        g_queue_push_head(&self->waiting, delay);
        g_cond_signal(&self->changed);
    }
}

bool
delays_start(Delays *self, struct MHD_Connection *connection, unsigned ms)
{
    Delay *delay = g_new0(Delay, 1);

    delay->due_us = g_get_monotonic_time() + (gint64) ms * 1000;
    delay->connection = connection;
    g_mutex_lock(&self->lock);
    bool started = !self->stopped;
    if (started) {
        MHD_suspend_connection(connection);
        enqueue(self, delay);
    } else {
        g_free(delay);
    }
    g_mutex_unlock(&self->lock);
    return started;
}

void
delays_stop(Delays *self)
{
    g_mutex_lock(&self->lock);
    self->stopped = true;
    g_cond_signal(&self->changed);
    g_mutex_unlock(&self->lock);
    g_thread_join(self->thread);
}
