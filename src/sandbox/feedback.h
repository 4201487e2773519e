/* What results of mail do to the services' own memory: failures count in Arara's error filter, unsubscribed recipients
 * are left out, and what is known at the time of a call decides who gets its mail. Used on the server's thread alone. */
#pragma once

#include "sandbox/error_filter.h"
#include "sandbox/fate.h"
#include "sandbox/ledger.h"
#include "sandbox/unsubscribes.h"

typedef struct Feedback Feedback;

/* The ledger is borrowed. */
Feedback *feedback_new(const Ledger *ledger, const Timing *timing);
void feedback_free(Feedback *self);

/* Takes note of every result until then. */
void feedback_run(Feedback *self, gint64 now_us);

/* Marks those recipients of a new row who do not get it. */
void feedback_admit(Feedback *self, LedgerRow *row, guint error_count);

const Timing *feedback_timing(const Feedback *self);
ErrorFilter *feedback_filter(const Feedback *self);
Unsubscribes *feedback_unsubscribes(const Feedback *self);

/* What the service's own unsubscribe URLs begin with; a customer appends what he likes (api/arara-v2, section 10). */
#define UNSUBSCRIBE_URL "https://one-click.sandbox.invalid/u/"
