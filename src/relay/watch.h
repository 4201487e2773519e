/* What is kept of a delivered mail until its recipients' fate is known, for accounts with feedback. The thread that has the entry. */
#pragma once

#include "queue/entry.h"

/* Text of a line as queue/watch_line.h has it; with header, that of the mail as it came, which its notices repeat:
 * without what dsn_is_hidden() and fields of more than 8 KB, at most 14 KB. Reads the beginning of the spool. Caller
 * frees. */
char *watch_text(const Entry *entry, const EnvelopeRecipient *to, bool header);

/* The address in the header's From, by which an API knows the sender; NULL: there is none. Caller frees. */
char *watch_from(const Entry *entry);
