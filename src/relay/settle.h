/* What follows from the outcomes of a mail's recipients, as long as nothing is kept after the reply. Pure. */
#pragma once

#include "mail/outcome.h"
#include "mail/reply.h"

enum { SETTLE_MAX_IDS = 100 }; /* lines of a reply */

/* The one reply for all recipients (outcomes: of Outcome, at least one). 250 as soon as one was delivered: the client's
 * next try would reach that one again. Without any, an unknown outcome decides before a transient one, that before a
 * permanent one: a duplicate is better than a loss. */
void settle_decide(const GArray *outcomes, Reply *reply);
