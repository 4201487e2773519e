/* What a sender is told of his mail's fate, as an entry like any other: made here, put into the store together with
 * what closes the recipients it speaks of, and from then on translated and sent through the API. Blocks (it reads the
 * spool); worker thread. */
#pragma once

#include "mail/dsn.h"
#include "queue/entry.h"
#include "relay/settings.h"

/* The address in From of what goes through account: bounce-from, else its default-from, else MAILER-DAEMON at its first
 * from-domain, else at this host. Caller frees. */
char *bounce_from(const RelaySettings *settings, const Provider *account);

/* A line on why that From may be refused, so that bounces would be held; NULL: nothing speaks for it. Caller frees. */
char *bounce_from_fault(const RelaySettings *settings, const Provider *account);

/* What a round of tries brought: places of recipients (arrays of guint, or NULL) in the entry's envelope. */
typedef struct {
    const GArray *failed, *delayed, *relayed;
} BounceNews;

/* One notification of all news, in the words of the recipients' outcomes. Those who want none of a kind (NOTIFY) are
 * left out. From the null sender to the sender of entry, whose own aliases apply: mail of root@here is read
 * elsewhere. Due now. Entry is only read. Caller owns the result.
 *
 * NULL without error: nobody is to be told. The sender is null, the entry a bounce, or no recipient is left. With
 * one: the spool could not be read or written. */
Entry *bounce_of_round(const RelaySettings *settings, const Entry *entry, const BounceNews *news, GError **error);
