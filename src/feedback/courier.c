#include "feedback/courier.h"

#include "feedback/target.h"

enum { PATIENCE_MS = 60 * 1000, LEAVE_MS = 2000 };

/* Both sides hold it; the thread may outlive the courier. */
typedef struct {
    FeedbackConf to; /* what target_deliver() looks at */
    char *id, *sender, *bytes;
    gsize n;
    gint stopping;   /* atomic */
    GError *error;   /* the thread's until it has ended */

    GMutex mutex; /* of what follows */
    Courier *courier; /* NULL: he has left */
    bool ended;
} Errand;

struct Courier {
    Errand *errand;
    GThread *thread; /* NULL: there could be none */
    uv_async_t wake;
    uv_timer_t limit;
    guint open; /* handles */
    CourierDone done;
    void *user;
};

static void
errand_clear(void *data)
{
    Errand *self = data;

    g_free(self->to.target_value);
    g_strfreev(self->to.argv);
    g_free(self->id);
    g_free(self->sender);
    g_free(self->bytes);
    g_clear_error(&self->error);
    g_mutex_clear(&self->mutex);
}

static void *
thread_main(void *data)
{
    Errand *self = data;
    const TargetMail mail = { self->id, self->sender, self->bytes, self->n, PATIENCE_MS, &self->stopping };

    target_deliver(&self->to, &mail, &self->error);
    g_mutex_lock(&self->mutex);
    self->ended = true;
    if (self->courier)
        uv_async_send(&self->courier->wake);
    g_mutex_unlock(&self->mutex);
    g_atomic_rc_box_release_full(self, errand_clear);
    return NULL;
}

static void
on_closed(uv_handle_t *handle)
{
    Courier *self = handle->data;

    if (--self->open == 0)
        g_free(self);
}

static void
end(Courier *self)
{
    CourierDone done = self->done;
    void *user = self->user;

    g_mutex_lock(&self->errand->mutex);
    bool ended = self->errand->ended;
    self->errand->courier = NULL;
    g_mutex_unlock(&self->errand->mutex);
    g_autoptr(GError) unknown = NULL;
    if (ended) {
        if (self->thread)
            g_thread_join(self->thread);
    } else {
        g_thread_unref(self->thread);
        unknown = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_AGAIN, "took too long, and is left behind");
    }
    uv_close((uv_handle_t *) &self->wake, on_closed);
    uv_close((uv_handle_t *) &self->limit, on_closed);
    Errand *errand = g_steal_pointer(&self->errand);
    done(user, ended ? errand->error : unknown);
    g_atomic_rc_box_release_full(errand, errand_clear);
}

static void
on_wake(uv_async_t *wake)
{
    Courier *self = wake->data;

    if (self->errand)
        end(self);
}

static void
on_limit(uv_timer_t *limit)
{
    Courier *self = limit->data;

    if (self->errand)
        end(self);
}

static Errand *
errand_new(const FeedbackConf *to, const CourierLoad *load, Courier *courier)
{
    Errand *self = g_atomic_rc_box_new0(Errand);

    self->to.target = to->target;
    self->to.target_value = g_strdup(to->target_value);
    self->to.argv = g_strdupv(to->argv);
    self->id = g_strdup(load->id);
    self->sender = g_strdup(load->sender);
    self->bytes = g_memdup2(load->bytes->str, load->bytes->len);
    self->n = load->bytes->len;
    self->courier = courier;
    g_mutex_init(&self->mutex);
    return self;
}

Courier *
courier_start(uv_loop_t *loop, const FeedbackConf *to, const CourierLoad *load, CourierDone done, void *user)
{
    Courier *self = g_new0(Courier, 1);

    self->errand = errand_new(to, load, self);
    self->done = done;
    self->user = user;
    self->open = 2;
    int failed = uv_async_init(loop, &self->wake, on_wake);
    g_assert(failed == 0);
    uv_timer_init(loop, &self->limit);
    self->wake.data = self->limit.data = self;
    self->thread = g_thread_try_new("courier", thread_main, g_atomic_rc_box_acquire(self->errand), &self->errand->error);
    if (!self->thread) {
        self->errand->ended = true;
        g_atomic_rc_box_release(self->errand);
        uv_async_send(&self->wake);
    }
    return self;
}

void
courier_stop(Courier *self)
{
    g_atomic_int_set(&self->errand->stopping, 1);
    uv_timer_start(&self->limit, on_limit, LEAVE_MS, 0);
}
