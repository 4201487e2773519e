/* Stands in for feedback/ until it is there. */
#include "feedback/feedback.h"

struct FeedbackEvents {
    guint n;
};
struct Feedback {
    uv_loop_t *loop;
};
typedef struct {
    uv_timer_t timer;
    FeedbackDone done;
    void *user;
} Later;

FeedbackEvents *
feedback_events_new(const char *account, const char *source)
{
    return g_new0(FeedbackEvents, 1);
}

void
feedback_events_free(FeedbackEvents *self)
{
    g_free(self);
}

void
feedback_events_add(FeedbackEvents *self, const QueryEvent *event)
{
    self->n++;
}

guint
feedback_events_size(const FeedbackEvents *self)
{
    return self->n;
}

static void
on_closed(uv_handle_t *handle)
{
    g_free(handle->data);
}

static void
on_later(uv_timer_t *timer)
{
    Later *later = timer->data;

    later->done(later->user, NULL);
    uv_close((uv_handle_t *) timer, on_closed);
}

void
feedback_events(Feedback *self, FeedbackEvents *events, FeedbackDone done, void *user)
{
    Later *later = g_new0(Later, 1);

    feedback_events_free(events);
    later->done = done;
    later->user = user;
    later->timer.data = later;
    uv_timer_init(self->loop, &later->timer);
    uv_timer_start(&later->timer, on_later, 1, 0);
}

Feedback *
feedback_new(const FeedbackHub *hub, RelaySettings *settings)
{
    Feedback *self = g_new0(Feedback, 1);

    self->loop = hub->loop;
    return self;
}

void
feedback_close(Feedback *self)
{
    g_free(self);
}
