/* How a client hears what became of its mail. Loop thread. */
#pragma once

#include "mail/reply.h"
#include "relay/runner.h"

/* reply holds for all. each: of EachReply (relay/settle_each.h), for who wants to hear of each name that he gave; or
 * NULL. waiter may end, and anything start, in there. */
void waiter_answer(Waiter *waiter, const Reply *reply, const GArray *each);
