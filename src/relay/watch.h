/* What is kept of a delivered mail until its recipients' fate is known, for accounts with feedback. The thread that has the entry. */
#pragma once

#include "provider/provider.h"
#include "queue/entry.h"

/* Text of a line as queue/watch_line.h has it; unless account is NULL with the sender that its API knows, and with the
 * header of the mail as it came, which its notices repeat: without what dsn_is_hidden() and fields of more than 8 KB, at
 * most 14 KB. Reads the beginning of the spool. Caller frees. */
char *watch_text(const Entry *entry, const EnvelopeRecipient *to, const Provider *account);

/* The address by which the account's API knows the sender: that of From, or who stands in for it; NULL: there is none.
 * Caller frees. */
char *watch_from(const Entry *entry, const Provider *account);
