/* Calls at once per account. Who finds no place waits in a line that is fair between senders: each gets a turn before
 * any gets another, however many mails one of them has there. There is a line for each priority, the highest of which
 * goes first, but leaves every fourth turn to those below it. An account whose calls cannot work is paused
 * (relay/health.h); meanwhile nobody calls it, and after it one call at a time until one works. Loop thread. */
#pragma once

#include "provider/provider.h"
#include "relay/health.h"

#include <uv.h>

/* Who comes during a shorter pause waits for its end; during a longer one he is told so at once. */
#define THROTTLE_SHORT_MS 1500

typedef struct Throttle Throttle;

/* A place in the line; belongs to whoever waits and must stay where it is. */
typedef struct Ticket {
    const char *sender;                  /* of the mail's envelope; borrowed while it waits */
    int priority;                        /* likewise */
    void (*turn)(struct Ticket *self);   /* it has a place now */
    void (*paused)(struct Ticket *self); /* it has left the line, without a place */
    GList link;                          /* the rest is the throttle's */
    struct ThrottleSender *among;        /* NULL: it is not in line */
    HealthCall call;
    bool calls;
} Ticket;

/* For an account, which is needed no longer. */
Throttle *throttle_new(uv_loop_t *loop, const Provider *provider);

Throttle *throttle_ref(Throttle *self);

/* The account has been read again: its limits hold from now on, and who was refused may have got another key. */
void throttle_adopt(Throttle *self, const Provider *provider);

/* Gives a reference back; the last closes it, too. Nobody may be in line then. */
void throttle_free(Throttle *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Throttle, throttle_free)

typedef enum {
    THROTTLE_GO,     /* there is a place, and it is taken */
    THROTTLE_WAIT,   /* turn() or paused() comes later, out of another's throttle_leave() or a timer */
    THROTTLE_PAUSED, /* no place, and no use in waiting */
} ThrottleAnswer;

ThrottleAnswer throttle_enter(Throttle *self, Ticket *ticket);

/* What the call of who has a place came to (outcomes: of Outcome); at most once. Logs where a pause begins or ends. */
void throttle_report(Throttle *self, Ticket *ticket, const GArray *outcomes);

/* Leaves the line, or gives up the call without a report; nothing happens if neither is its state. A place is given
 * back by throttle_leave() all the same. */
void throttle_forget(Throttle *self, Ticket *ticket);

/* Gives a place back, after throttle_report() or throttle_forget(). Those whose turn it is are called before this
 * returns, and those who need not wait any more. */
void throttle_leave(Throttle *self);

/* From now on nobody gets a turn; who waits still has to leave. The loop must run on until its handles are closed. */
void throttle_close(Throttle *self);

/* What who is told THROTTLE_PAUSED tells the client: the code of what led to the pause, and to try again after it. */
void throttle_refuse(const Throttle *self, Outcome *outcome);

/* The runner need not begin with a mail before that time is over; 0: it may. While DUE the first one to come is the
 * probe, and others had better wait for what becomes of it: state is then PROBING and this some seconds. */
gint64 throttle_paused_ms(const Throttle *self);
HealthState throttle_state(const Throttle *self);

typedef struct {
    HealthState state;
    gint64 paused_ms; /* left of the pause */
    const char *why;  /* it was paused; borrowed until the loop runs again; NULL: it is well */
    guint calls;      /* on their way */
    guint waiting;    /* in line */
    guint64 pauses;   /* since the start */
} ThrottleStats;

void throttle_stats(const Throttle *self, ThrottleStats *stats);
