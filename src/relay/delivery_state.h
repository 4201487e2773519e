/* A delivery's inside, for delivery_prepare.c (on a worker: who gets it, through which account) and delivery.c (the
 * rounds, on the loop); for nobody else. */
#pragma once

#include "relay/delivery.h"
#include "relay/suppress.h"

/* A recipient whose mail is not sent. */
typedef struct {
    guint place;
    SuppressFound why;
} Suppressed;

struct Delivery {
    DeliveryWorld *world;
    Entry *entry;
    Work *work;        /* while it lasts, error and shares are the worker's; in the first round the entry, too */
    GError *error;     /* nothing can be done with the mail */
    guint rounds;      /* of shares; one of each account's recipients, then one of those who need another call, … */
    GPtrArray *shares; /* of Share: this round's */
    guint left;        /* of them still on their way */
    GArray *suppressed; /* of Suppressed, found in the first round; NULL: none */
    GArray *outcomes;  /* parallel to the entry's: of this try; NULL in the first round */
    GArray *services;  /* likewise */
    bool begun;        /* an API was called: it goes on to its end */
    const DeliveryOps *ops;
    void *user;
};

static inline const EntryTry *
delivery_try(const Delivery *self, guint place)
{
    return &g_array_index(self->entry->tries, EntryTry, place);
}

/* By a try that was cut off later. */
static inline bool
delivery_is_made(const Delivery *self, guint place)
{
    return g_array_index(self->entry->outcomes, Outcome, place).verdict == OUTCOME_DELIVERED;
}

/* The share of an account, or of one of its calls, in this round; made if there is none yet. key NULL: a new one. */
Share *delivery_share(Delivery *self, const Provider *provider, const char *key);

/* WorkOps.run of the delivery. */
void delivery_run_preparation(void *user);
void delivery_run_expansion(void *user);
