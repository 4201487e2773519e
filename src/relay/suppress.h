/* Who gets no mail any more: the list of feedback.db, looked at where mail is taken and before it is sent. Any thread. */
#pragma once

#include "mail/envelope.h"
#include "queue/suppression.h"
#include "relay/settings.h"

/* Where feedback.db is, or will be. Once, before any mail comes. */
void suppress_open(const char *folder);

/* Why somebody gets no mail. */
typedef struct {
    const Provider *account; /* that it would go through; borrowed */
    SuppressionKind kind;
    Outcome outcome;         /* says why, and how to change it */
} SuppressFound;

void suppress_found_clear(SuppressFound *self);

/* Whether mail of this sender to an address is not sent through the account; then found is set. sender NULL: that of some
 * sender. A list that cannot be read refuses nobody. */
bool suppress_look(const Provider *account, const char *sender, const char *address, SuppressFound *found);

/* The same for a name that a client gives, as far as it is known already where its mail goes: it stands for one address,
 * and the header has no say in the account. */
bool suppress_look_early(const RelaySettings *settings, const Envelope *envelope, const char *address,
                         SuppressFound *found);
