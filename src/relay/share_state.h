/* A share's inside, for share_prepare.c (on a worker, before the calls) and share.c (the calls, on the loop); for
 * nobody else. */
#pragma once

#include "relay/attempt.h"
#include "relay/share.h"

typedef struct {
    Ticket ticket;
    Share *share;
    const Call *call;
    Attempt *attempt;
    bool placed; /* holds one of the throttle's places */
    bool ended;
} Errand;

struct Share {
    const RelaySettings *settings;
    HttpClient *http;
    Throttle *throttle;
    Token *token; /* or NULL */
    const Provider *provider;
    const Entry *entry;
    char *again;       /* the key of the earlier call that it is; NULL: it is none */
    bool maybe_taken;  /* that call got no answer */
    GArray *places;    /* of guint: the recipients in the entry's envelope */
    GArray *outcomes;  /* parallel to them */
    GArray *services;  /* likewise */
    GHashTable *by_address; /* the place here, plus one */
    Mail *mail;
    GPtrArray *calls; /* of Call; NULL when there is nothing to send */
    GArray *errands;  /* of Errand, parallel to the calls; never grows */
    guint next;       /* the first errand that is not in line yet */
    guint active;     /* errands in line or on their way */
    bool filling;
    guint left;       /* errands that have not ended */
    GArray *news;     /* of guint: places of those delivered whom the entry does not know yet */
    guint unwritten;  /* calls delivered that are not known to be durable, */
    guint writing;    /* and those of them that the entry knows */
    const ShareOps *ops;
    void *user;
};

/* What is known of its recipient number i. */
static inline Outcome *
share_outcome_at(Share *self, guint i)
{
    return &g_array_index(self->outcomes, Outcome, i);
}
