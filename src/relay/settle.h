/* What follows from the outcomes of a mail's recipients, as long as nothing is kept after the reply: the client has
 * the mail until we say 250, and 250 says that a provider has it for every recipient. Pure. */
#pragma once

#include "mail/outcome.h"
#include "mail/reply.h"

/* The one reply for all recipients (outcomes: of Outcome, at least one). An unknown outcome decides before a
 * transient one, that before a permanent one: a duplicate is better than a loss. */
void settle_decide(const GArray *outcomes, Reply *reply);
