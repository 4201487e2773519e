/* What happens to the mail that came by Emails, in order of time: cursors over the ledger, which hold nothing themselves.
 * Used by webhook.c, whose lock keeps the server's thread out meanwhile. */
#pragma once

#include "sandbox/fate.h"
#include "sandbox/ledger.h"

typedef struct {
    const LedgerRow *row;       /* borrowed from the ledger */
    guint place;
    Fate fate;
} Happening;

typedef struct Timeline Timeline;

/* Begins after what is in the ledger, which is borrowed. */
Timeline *timeline_new(const Ledger *ledger, const Timing *timing);
void timeline_free(Timeline *self);

/* When the next one happens, by the wall clock; G_MAXINT64: nothing is to come. */
gint64 timeline_due_us(Timeline *self);

/* Passes the next one; false if it happens later than until_us. */
bool timeline_next(Timeline *self, gint64 until_us, Happening *happening);
