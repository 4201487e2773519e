/* What follows from the outcomes of a mail's recipients: its reply, what becomes of its row in the store, and who tells
 * the sender of what. Section 6 of DESIGN.md and 7 of TRANSLATION.md as a function. Pure. */
#pragma once

#include "mail/reply.h"
#include "queue/entry.h"
#include "relay/retry.h"

typedef struct {
    const Entry *entry; /* with the outcomes of this try: open ones were not tried, or are on their way */
    DeliveryMode mode;  /* what the client waits for; never DELIVERY_UNSET while one does */
    bool waiting;       /* a client waits for the reply */
    bool has_store;
    bool hold_unknown;  /* an unknown outcome is for the operator */
    bool going_on;      /* calls are made, or will be: what is not settled yet is no failure */
    bool untried;       /* no API was called in this try */
    bool stopping;      /* the daemon: what is left is due when it starts again */
    gint64 now_ms;
    const RetryConf *retry;
    gint64 delay_warning_ms; /* 0: none */
} SettleFacts;

typedef enum {
    ROW_NONE,   /* there is none, and none is made */
    ROW_PUT,    /* made */
    ROW_UPDATE,
    ROW_PROGRESS, /* who is closed is written, nothing is decided */
    ROW_REMOVE,
} RowFate;

typedef struct {
    RowFate row;
    bool promise;       /* the reply is true only once what follows is durable */
    bool delay_told;
    bool by_told;       /* that it is late (RFC 2852): once */
    gint64 due_ms;
    char *held;         /* why, or NULL */
    GArray *closed;     /* of guint, as those that follow: places of recipients that are settled now */
    GArray *expired;    /* of them: given up */
    GArray *failed;     /* the sender is told that they did not get it, */
    GArray *delayed;    /* did not get it yet, */
    GArray *relayed;    /* were passed on to the API */
    Reply reply;        /* for the client that waits */
    GArray *each;       /* of EachReply, one for each name he gave (Envelope.asked); NULL: the reply is for all */
    bool told;          /* the notices are durable */
} Settlement;

Settlement *settle_decide(const SettleFacts *facts);

/* No decision: those at places (of guint, taken) were delivered while calls for others are left. */
Settlement *settlement_of_progress(GArray *places);
void settlement_free(Settlement *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Settlement, settlement_free)

/* Writes the decision into its entry, as the row has it then. */
void settlement_apply(const Settlement *self, Entry *entry);

/* Takes that back: it could not be made durable. */
void settlement_undo(const Settlement *self, Entry *entry);

/* It could not be made durable: who was promised something is told this instead. */
void settlement_unkeep(Settlement *self, const Reply *reply);

/* Whether anything is to be made durable. */
bool settlement_writes(const Settlement *self);
