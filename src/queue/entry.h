/* An entry is one accepted or arriving mail on its way: envelope, bytes, and what is known of each
 * recipient. Owned by the relay from relay_deliver() on. Loop thread. */
#pragma once

#include "base/spool.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "mail/scan.h"

typedef struct {
    char *id;
    gint64 arrived_ms;
    Envelope *envelope;
    Spool *spool;     /* finished */
    Scan *scan;       /* finished, of the spool's bytes */
    GArray *outcomes; /* of Outcome, parallel to envelope->recipients */
} Entry;

/* Takes envelope, spool and scan. */
Entry *entry_new(Envelope *envelope, Spool *spool, Scan *scan);
void entry_free(Entry *self);

/* Replaces the envelope, which it takes (the present one is fine: recipients were added); all recipients are
 * open again. */
void entry_set_envelope(Entry *self, Envelope *envelope);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Entry, entry_free)
