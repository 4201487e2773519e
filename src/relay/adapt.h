/* A mail against what its account's API can carry: what is over a limit is cut, attached or
 * packed, each change a note of the mail; or, `limits = refuse`, the mail is refused. Worker thread. */
#pragma once

#include "provider/provider.h"

/* Makes the mail fit the account. False: refusal is set to what the client is told. like: where the packed file goes,
 * see spool_new_like(). */
bool adapt_mail(Mail *mail, const Provider *provider, const Spool *like, Outcome *refusal);

/* True if the address can be written in ASCII: no API takes others. */
bool adapt_address_fits(const char *address, Outcome *refusal);

/* The same for the mail's own. */
bool adapt_sender_fits(const Mail *mail, Outcome *refusal);
