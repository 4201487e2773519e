/* Addresses that play roles: what becomes of a mail that was accepted is told by how its recipient's address begins.
 * Used by ledger.c and fate.c. Pure. */
#pragma once

#include <glib.h>

typedef enum {
    ROLE_NONE,
    ROLE_BOUNCE,                /* bounce-*: refused for good */
    ROLE_MAILBOX_FULL,          /* mailbox-full-*: refused, which may pass */
    ROLE_SLOW,                  /* slow-*: deferred, then delivered */
    ROLE_UNSUBSCRIBE,           /* unsubscribe-*: delivered, then the recipient wants no more */
    ROLE_EXCLUDED,              /* has unsubscribed before: never an address's, see feedback.h */
    ROLE_FILTERED,              /* stopped by Arara's error filter: likewise */
} Role;

/* By the address alone, upper or lower case. */
Role role_of(const char *address);

/* Customers Mail Cloud's class of the failure, 0 for a role without one: bounce-4-x@ fails with class 4, others with
 * 2, the user being unknown. Classes: api/customers-mail-cloud, bounces/list. */
unsigned role_bounce_class(Role role, const char *address);

/* Why, as the recipient's server would say it, for a documented class. Static. */
const char *role_bounce_reason(unsigned bounce_class);
