/* What a client hears of recipients, from their outcomes. Pure. */
#pragma once

#include "mail/reply.h"
#include "queue/entry.h"

enum { SETTLE_MAX_IDS = 100 }; /* lines of a reply */

/* Which outcome speaks for those at places (of guint; NULL: all who are open): the first of the highest rank. Without
 * any delivered an unknown outcome decides before a transient one, that before a permanent one: a duplicate is better
 * than a loss. */
const Outcome *settle_deciding(const Entry *entry, const GArray *places);

/* Sets their reply. kept: the queue has some of them, or all. */
void settle_reply(const Entry *entry, const GArray *places, bool kept, Reply *reply);
