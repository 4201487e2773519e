#include "relay/throttle.h"

#include "base/clock.h"

struct Throttle {
    guint places;
    GQueue line; /* of Ticket */
    gint64 paused_until; /* monotonic */
    bool calling;
    bool closed;
};

Throttle *
throttle_new(guint calls)
{
    Throttle *self = g_new0(Throttle, 1);

    self->places = calls ? calls : G_MAXUINT;
    g_queue_init(&self->line);
    return self;
}

void
throttle_free(Throttle *self)
{
    if (!self)
        return;
    g_assert(g_queue_is_empty(&self->line));
    g_free(self);
}

bool
throttle_enter(Throttle *self, Ticket *ticket)
{
    if (!self->closed && self->places > 0 && g_queue_is_empty(&self->line)) {
        self->places--;
        return true;
    }
    ticket->link = (GList) { .data = ticket };
    ticket->waiting = true;
    g_queue_push_tail_link(&self->line, &ticket->link);
    return false;
}

/* A turn may end at once and come back in here: a loop instead of a recursion as deep as the line is long. */
void
throttle_leave(Throttle *self)
{
    self->places++;
    if (self->calling)
        return;
    self->calling = true;
    while (!self->closed && self->places > 0 && !g_queue_is_empty(&self->line)) {
        Ticket *ticket = g_queue_pop_head_link(&self->line)->data;
        ticket->waiting = false;
        self->places--;
        ticket->turn(ticket);
    }
    self->calling = false;
}

void
throttle_forget(Throttle *self, Ticket *ticket)
{
    if (!ticket->waiting)
        return;
    ticket->waiting = false;
    g_queue_unlink(&self->line, &ticket->link);
}

void
throttle_close(Throttle *self)
{
    self->closed = true;
}

void
throttle_pause(Throttle *self, gint64 ms)
{
    gint64 until = clock_monotonic() + MIN(ms, THROTTLE_MAX_PAUSE_MS);

    self->paused_until = MAX(self->paused_until, until);
}

gint64
throttle_paused_ms(const Throttle *self)
{
    return MAX(0, self->paused_until - clock_monotonic());
}
