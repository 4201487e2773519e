/* What became of a row of the ledger for one recipient, step by step. Used by all that tells results. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/ledger.h"

typedef struct {
    gint64 event_us;            /* from the time of sending to the first result */
    gint64 slow_us;             /* and from there to the last one of slow-* */
} Timing;

typedef enum { FATE_QUEUED, FATE_DEFERRED, FATE_SUCCEEDED, FATE_FAILED } FateKind;

/* One change of status. */
typedef struct {
    FateKind kind;
    gint64 time_us;
    unsigned bounce_class;      /* of FATE_FAILED; see role.h */
    const char *reason;         /* of FATE_FAILED and FATE_DEFERRED, else ""; static */
} Fate;

#define FATE_STEPS 3

/* Fills in all steps, in order of time, those to come among them; how many there are. None: the recipient was left out. */
unsigned fate_steps(const Timing *timing, const LedgerRow *row, guint place, Fate steps[FATE_STEPS]);

/* The last step until then; false if there is none. */
bool fate_at(const Timing *timing, const LedgerRow *row, guint place, gint64 now_us, Fate *fate);

/* queued, deferred, succeeded, failed. Static. */
const char *fate_word(FateKind kind);
