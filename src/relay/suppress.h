/* Who gets no mail any more: the list of feedback.db, looked at where mail is taken and before it is sent. Any thread. */
#pragma once

#include "mail/envelope.h"
#include "relay/settings.h"

/* Where feedback.db is, or will be. Once, before any mail comes. */
void suppress_open(const char *folder);

/* Whether mail of this sender to an address is not sent through the account: sets the outcome, which says why and how
 * to change it. A list that cannot be read refuses nobody. */
bool suppress_look(const Provider *account, const char *sender, const char *address, Outcome *outcome);

/* The same for a name that a client gives, as far as it is known already where its mail goes: it stands for one address,
 * and the header has no say in the account. */
bool suppress_look_early(const RelaySettings *settings, const Envelope *envelope, const char *address,
                         Outcome *outcome);
