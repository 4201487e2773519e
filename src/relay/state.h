/* A relay's inside, shared by runner.c (the whole), job.c and job_decide.c (one mail in hand), booking.c (what is made durable),
 * claim.c (what the store has to do) and probation.c (whose account is not known to work); for nobody else. Loop thread. */
#pragma once

#include "relay/booking.h"
#include "relay/delivery.h"
#include "relay/repeat.h"
#include "relay/runner.h"
#include "relay/settle.h"

enum {
    RELAY_LEASE_MS = 10 * 60 * 1000,
    RELAY_STAGE_BYTES = 32 * 1024, /* what is larger may be a file of its own in the store */
    RELAY_TROUBLE_MS = 2000, /* between two tries to write what must be written */
};

struct Relay {
    DeliveryWorld *world; /* of new deliveries */
    WorkLane *lane;
    StoreThread *store; /* NULL: nothing is kept */
    RetryConf retry;
    gint64 started_ms;
    Repeats *repeats;
    GQueue jobs;         /* of RelayJob */
    GHashTable *in_hand; /* id -> RelayJob: those with a row, and those that get one */
    guint workers;       /* jobs that send what is stored already */

    uv_timer_t patience; /* of clients; may run while one with an end to it waits */
    gint64 patience_ms;  /* loop time at which it ends, if it runs */

    bool claiming;
    bool claim_again; /* there may be more to claim */
    guint sent_back;  /* entries, since a look found fewer than it wanted */
    GHashTable *probes; /* of Provider: a job is on its way to find out whether it works */
    gint64 due_ms;    /* when the next claim is made; G_MAXINT64: at the end of a minute */
    gint64 late_ms;   /* not before then is an entry late (StoreClaim.late) */
    uv_timer_t due;
    uv_timer_t lease;
    bool renewing;

    GQueue troubled;    /* of Booking: they could not be written */
    uv_timer_t trouble; /* runs while there are some */
    gint64 trouble_logged_ms;
    guint trouble_unlogged;

    uv_timer_t drain;
    bool draining; /* nothing is claimed any more */
    bool expired;  /* no API is called any more */
    bool closing;
    guint tasks;   /* of the store's thread that are no job's */
    guint handles; /* that are not closed */
    void (*drained)(void *user);
    void *user;
};

/* --- job.c */

typedef enum {
    JOB_EXPANDING, /* its recipients are made final */
    JOB_EXPANDED,  /* a promise is made before it is sent */
    JOB_SENDING,   /* perhaps a promise is made meanwhile */
    JOB_SETTLING,  /* what has become of it is written, behind a promise that is being made */
} JobPhase;

typedef struct RelayJob {
    Relay *relay;
    GList link;
    Delivery *delivery;
    Entry *entry;         /* the delivery's; nobody writes it while there is a booking */
    Waiter *waiter;       /* or NULL */
    Repeat *repeat;       /* its part among those who bring the same mail; or NULL */
    bool final;           /* its reply holds for all recipients */
    DeliveryMode mode;
    JobPhase phase;
    gint64 answer_by_ms;  /* loop time; 0: any */
    bool abandoned;       /* the waiter has left */
    bool prepared;        /* while sending: who gets it is known */
    bool overdue;         /* the waiter has waited long enough */
    bool working;         /* counted among the relay's workers */
    const Provider *probe; /* it is among the relay's probes with that one; or NULL */
    bool promising;       /* the booking is a promise ahead of the result */
    bool progressing;     /* the booking is of who was delivered while others are not */
    bool switching;       /* other accounts are to be called once it is written which */
    bool noted;           /* the row tells of calls that may be on their way */
    Booking *booking;     /* of settlement; NULL: none is on its way */
    Settlement *settlement;
} RelayJob;

/* A fresh mail; takes repeat, which may be NULL. */
void job_start(Relay *relay, Entry *entry, Waiter *waiter, Repeat *repeat);

/* Its waiter has left, but here is another one for the same mail. */
void job_adopt(RelayJob *job, Repeat *repeat, Waiter *waiter);

/* One out of the store, leased; perhaps a probe. */
void job_start_stored(Relay *relay, Entry *entry, const Provider *probe);

/* Ends with what is known; perhaps later, if something must be written. */
void job_abort(RelayJob *job);
void job_abandon(RelayJob *job);

/* The time is over that its client waits. */
void job_hurry(RelayJob *job);

/* --- job_answer.c: what its client hears, and those who wait with him */

void job_answer(RelayJob *job, const Reply *reply);

/* What its settlement says. */
void job_answer_settled(RelayJob *job);

/* --- job_decide.c */

bool job_all_delivered(const Entry *entry);

/* What follows from what its delivery knows now. */
Settlement *job_decide(const RelayJob *job);

/* --- claim.c */

/* Takes what is due as far as there are workers for it; asks again when more is. */
void claim_start(Relay *relay);
void claim_now(Relay *relay);

/* An entry is due then. */
void claim_due(Relay *relay, gint64 due_ms);

/* An entry goes back into the store that its sender may have set a time for. */
void claim_expect(Relay *relay, const Entry *entry);

/* A leased entry of which no call was made is let go: nothing of it was cut off. */
void claim_release(Relay *relay, const char *id);

/* --- probation.c: an account that failed is tried with one mail, and the others wait for what comes of it */
/* How many entries may be begun with, of most; 0: none for wait_ms. */
guint probation_room(const Relay *relay, guint most, gint64 *wait_ms);

/* How long no account would take the entry; 0: it may be sent, as the probe of one if that is not NULL. */
gint64 probation_wait(const Relay *relay, const Entry *entry, const Provider **probe);

/* --- runner.c */

/* A job has left relay->jobs. */
void relay_check(Relay *relay);

/* The store failed. Logged, but not each time. */
void relay_trouble(Relay *relay, const GError *error);

/* A client's patience ends then. */
void relay_wait(Relay *relay, gint64 until_ms);
