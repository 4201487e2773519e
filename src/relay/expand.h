/* Who gets a mail, before anything else is done with it: the scan that may refuse it, aliases, the limit on hops, and
 * for `sendmail -t` the header. Blocks; worker thread. Errors are MailErrors. */
#pragma once

#include "queue/entry.h"
#include "relay/settings.h"

/* All of it. The message is not parsed unless its header names recipients. */
bool expand_entry(Entry *entry, const RelaySettings *settings, GError **error);

/* The same in steps for who opens the message anyway. What came out of the store is scanned again: */
bool expand_scan(Entry *entry, GError **error);

/* the addresses are made what they stand for; refused is a mail that has come this way too often: */
bool expand_addresses(Entry *entry, const RelaySettings *settings, GError **error);

/* what the header says: */
Mail *expand_header(const Entry *entry, const RelaySettings *settings, Message *message, GError **error);

/* with that, unless nobody asks for it (NULL), the recipients are final. */
bool expand_finish(Entry *entry, const RelaySettings *settings, const Mail *header, GError **error);
