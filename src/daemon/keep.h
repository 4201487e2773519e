/* What the daemon keeps below its state-dir: queue, journal, and the folder where sendmail leaves mail. Each is opened
 * once, at the start. */
#pragma once

#include "daemon/drop_folder.h"
#include "daemon/ingress.h"
#include "relay/journal.h"

/* Where mail is kept; NULL without error: nowhere. */
Store *keep_open_store(const Settings *settings, GError **error);

/* The exit status (sysexits.h) of a daemon that has no store because of that error. */
int keep_status(const GError *error);

/* The section whose limits hold for what sendmail leaves; NULL: there is none. */
const Listen *keep_submit(const Settings *settings);

/* Files whose mail was stored before a crash go before anything of the queue is tried, and forgotten. store may be NULL.
 * NULL: there is none, or it cannot be used, which is logged. */
DropFolder *keep_open_drop(const Settings *settings, Store *store);

/* Mail does not wait for its history: NULL if it is not wanted, or cannot be written, which is logged. The relay learns
 * which mails it has taken. */
Journal *keep_open_journal(const IngressHub *hub);
