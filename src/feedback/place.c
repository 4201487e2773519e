#include "feedback/place.h"

#include "mail/envelope.h"

static Place *
place_of(Ticket *ticket)
{
    return (Place *) (void *) ((char *) ticket - G_STRUCT_OFFSET(Place, ticket));
}

static void
on_turn(Ticket *ticket)
{
    Place *self = place_of(ticket);

    self->taken = true;
    self->got(self);
}

static void
on_paused(Ticket *ticket)
{
    Place *self = place_of(ticket);

    self->refused(self);
}

void
place_init(Place *self, Throttle *throttle)
{
    self->throttle = throttle_ref(throttle);
    self->ticket = (Ticket) { .sender = "", .priority = -ENVELOPE_MAX_PRIORITY, .turn = on_turn, .paused = on_paused };
}

void
place_enter(Place *self)
{
    ThrottleAnswer answer = throttle_enter(self->throttle, &self->ticket);

    if (answer == THROTTLE_GO)
        on_turn(&self->ticket);
    else if (answer == THROTTLE_PAUSED)
        on_paused(&self->ticket);
}

/* What an answer says of the account is judged by mails alone. */
void
place_leave(Place *self)
{
    bool taken = self->taken;

    self->taken = false;
    throttle_forget(self->throttle, &self->ticket);
    if (taken)
        throttle_leave(self->throttle);
}

void
place_clear(Place *self)
{
    if (!self->throttle)
        return;
    place_leave(self);
    g_clear_pointer(&self->throttle, throttle_free);
}
