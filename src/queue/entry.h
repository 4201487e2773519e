/* An entry is one accepted or arriving mail on its way: envelope, bytes, and what is known of each
 * recipient. Owned by the relay from relay_deliver() on, by the store as a row meanwhile. Loop thread, but for what
 * is handed to a worker or to the store's thread, which then has it alone. */
#pragma once

#include "base/spool.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "mail/scan.h"

/* What is known of a recipient over all tries; his last outcome is in Entry.outcomes. */
typedef struct {
    bool closed;      /* delivered, bounced, refused or deleted: he is not tried again */
    bool maybe_taken; /* a call for him got no answer, and none since has settled the question */
    bool calling;     /* his call is on its way, or may be soon: stored as maybe_taken, forgotten with its result */
    char *account;    /* that the last call went through; NULL: none was made */
    char *call_key;   /* of that call: who shares it goes together again under it */
} EntryTry;

typedef struct {
    char *id;
    gint64 arrived_ms;
    Envelope *envelope;
    bool expanded;    /* the recipients are final: header and aliases have been looked at */
    bool is_bounce;   /* one of our own: never answered by another */
    Spool *spool;     /* finished */
    Scan *scan;       /* finished, of the spool's bytes; NULL: not scanned since it was stored */
    char *message_id; /* of the header, with its brackets; NULL: it has none, or is not known yet */
    GArray *outcomes; /* of Outcome, parallel to envelope->recipients */
    GArray *tries;    /* of EntryTry, likewise */

    guint attempts;    /* rounds of tries that were made */
    gint64 due_ms;     /* when it is tried next */
    gint64 expires_ms; /* from then on what fails is given up */
    bool delay_told;   /* the sender knows that it takes time */
    char *held;        /* why it waits for the operator; NULL: it does not */
    bool cut_off;      /* nobody knows how its last try ended: who is open may be in a call that follows from the rest */
    bool stored;       /* the store has a row of it */
} Entry;

/* Takes envelope, spool and scan. */
Entry *entry_new(Envelope *envelope, Spool *spool, Scan *scan);
void entry_free(Entry *self);

/* Replaces the envelope, which it takes (the present one is fine: recipients were added); all recipients are
 * open again. */
void entry_set_envelope(Entry *self, Envelope *envelope);

/* An array of n tries as a GArray that clears its elements. */
GArray *entry_tries_new(guint n);

/* The Message-ID of its header, as far as it is known; borrowed. NULL: it has none. */
const char *entry_message_id(const Entry *self);

/* The time is over by which its sender wanted it delivered (RFC 2852): he is to be told, or gets it back. */
bool entry_is_overdue(const Entry *self, gint64 now_ms);

/* The same, and nothing but to return it is left to do: no API may have it. */
bool entry_is_too_late(const Entry *self, gint64 now_ms);

/* Recipients that are not closed. */
guint entry_open(const Entry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Entry, entry_free)
