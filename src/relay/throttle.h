/* Calls at once per account. Who finds no place waits in turn; after an API has asked for a pause nobody calls
 * it until the pause is over. Loop thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define THROTTLE_MAX_PAUSE_MS (60 * 60 * 1000) /* whatever an API asks for */

typedef struct Throttle Throttle;

/* A place in the line; belongs to whoever waits and must stay where it is. */
typedef struct Ticket {
    void (*turn)(struct Ticket *self); /* it has a place now */
    GList link;                        /* the rest is the throttle's */
    bool waiting;
} Ticket;

Throttle *throttle_new(guint calls);
void throttle_free(Throttle *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Throttle, throttle_free)

/* True: there is a place, and it is taken. False: turn() comes later, out of another's throttle_leave(). */
bool throttle_enter(Throttle *self, Ticket *ticket);

/* Gives a place back. Those whose turn it is are called before this returns. */
void throttle_leave(Throttle *self);

/* Leaves the line; nothing happens if the ticket is not in it. */
void throttle_forget(Throttle *self, Ticket *ticket);

/* From now on nobody gets a turn; who waits still has to leave. */
void throttle_close(Throttle *self);

void throttle_pause(Throttle *self, gint64 ms);

/* How long the pause still lasts; 0: none. */
gint64 throttle_paused_ms(const Throttle *self);
