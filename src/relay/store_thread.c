#include "relay/store_thread.h"

#include "relay/report.h"

enum { GROUP_MOST = 256 }; /* more would let the first ones wait for the last */

typedef struct {
    GList link;
    const StoreTask *task;
    void *user;
    GError *error;
} Errand;

struct StoreThread {
    Store *store;
    GThread *thread;
    uv_async_t wake; /* keeps the loop alive while there are tasks */
    guint size;      /* the loop's: tasks that are not done */
    bool closing;    /* likewise */

    GMutex mutex; /* of what follows */
    GCond news;
    GQueue mailbox; /* of Errand */
    GQueue results; /* of Errand */
    bool ending, ended;
};

/* --- the thread ---------------------------------------------------------------------------------- */

/* Those that did not fail by themselves fail with the group. */
static void
fail_all(GQueue *group, const GError *error)
{
    for (GList *link = group->head; link; link = link->next) {
        Errand *errand = link->data;
        if (!errand->error)
            errand->error = g_error_copy(error);
    }
}

/* What a task that failed had written is undone; where that fails, too, the store fails the group. */
static void
run_errand(Store *store, Errand *errand)
{
    if (!store_mark(store, &errand->error))
        return;
    if (errand->task->run(store, errand->user, &errand->error) && !errand->error)
        return;
    if (!errand->error)
        g_set_error_literal(&errand->error, STORE_ERROR, STORE_ERROR_IO, "The store gave no reason");
    store_undo(store, NULL);
}

static void
run_group(StoreThread *self, GQueue *group)
{
    g_autoptr(GError) error = NULL;

    bool begun = store_begin(self->store, &error);
    for (GList *link = group->head; begun && link; link = link->next)
        run_errand(self->store, link->data);
    if (!begun || !store_commit(self->store, &error))
        fail_all(group, error);
    report_warning(self->store);
}

static void
move(GQueue *from, GQueue *to, guint most)
{
    for (GList *link; most-- > 0 && (link = g_queue_pop_head_link(from));)
        g_queue_push_tail_link(to, link);
}

static void *
thread_main(void *user)
{
    StoreThread *self = user;
    GQueue group = G_QUEUE_INIT;

    g_mutex_lock(&self->mutex);
    for (;;) {
        while (!self->ending && g_queue_is_empty(&self->mailbox))
            g_cond_wait(&self->news, &self->mutex);
        if (g_queue_is_empty(&self->mailbox))
            break;
        move(&self->mailbox, &group, GROUP_MOST);
        g_mutex_unlock(&self->mutex);
        run_group(self, &group);
        g_mutex_lock(&self->mutex);
        move(&group, &self->results, G_MAXUINT);
        uv_async_send(&self->wake);
    }
    g_mutex_unlock(&self->mutex);
    store_close(self->store);
    g_mutex_lock(&self->mutex);
    self->ended = true;
    uv_async_send(&self->wake);
    g_mutex_unlock(&self->mutex);
    return NULL;
}

/* --- the loop ------------------------------------------------------------------------------------ */

static void
on_closed(uv_handle_t *handle)
{
    StoreThread *self = handle->data;

    g_mutex_clear(&self->mutex);
    g_cond_clear(&self->news);
    g_free(self);
}

static void
errand_end(StoreThread *self, Errand *errand)
{
    const StoreTask *task = errand->task;
    void *user = errand->user;
    g_autoptr(GError) error = errand->error;

    g_free(errand);
    if (--self->size == 0 && !self->closing)
        uv_unref((uv_handle_t *) &self->wake);
    task->done(user, error);
}

static void
on_wake(uv_async_t *wake)
{
    StoreThread *self = wake->data;
    GQueue results = G_QUEUE_INIT;

    g_mutex_lock(&self->mutex);
    move(&self->results, &results, G_MAXUINT);
    bool ended = self->ended;
    g_mutex_unlock(&self->mutex);
    for (GList *link; (link = g_queue_pop_head_link(&results));)
        errand_end(self, link->data);
    if (!ended || !self->thread)
        return;
    g_thread_join(g_steal_pointer(&self->thread));
    uv_close((uv_handle_t *) &self->wake, on_closed);
}

StoreThread *
store_thread_new(uv_loop_t *loop, Store *store)
{
    StoreThread *self = g_new0(StoreThread, 1);

    self->store = store;
    g_mutex_init(&self->mutex);
    g_cond_init(&self->news);
    int failed = uv_async_init(loop, &self->wake, on_wake);
    g_assert(failed == 0);
    self->wake.data = self;
    uv_unref((uv_handle_t *) &self->wake);
    self->thread = g_thread_new("store", thread_main, self);
    return self;
}

void
store_thread_do(StoreThread *self, const StoreTask *task, void *user)
{
    Errand *errand = g_new0(Errand, 1);

    g_assert(!self->closing);
    errand->link.data = errand;
    errand->task = task;
    errand->user = user;
    if (self->size++ == 0)
        uv_ref((uv_handle_t *) &self->wake);
    g_mutex_lock(&self->mutex);
    g_queue_push_tail_link(&self->mailbox, &errand->link);
    g_cond_signal(&self->news);
    g_mutex_unlock(&self->mutex);
}

const Store *
store_thread_store(const StoreThread *self)
{
    return self->store;
}

guint
store_thread_size(const StoreThread *self)
{
    return self->size;
}

void
store_thread_close(StoreThread *self)
{
    if (!self)
        return;
    self->closing = true;
    uv_ref((uv_handle_t *) &self->wake); /* until the thread has ended */
    g_mutex_lock(&self->mutex);
    self->ending = true;
    g_cond_signal(&self->news);
    g_mutex_unlock(&self->mutex);
}
