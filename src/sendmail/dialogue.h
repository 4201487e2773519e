/* Options and standard input -> the client side of one SMTP dialogue with shimtad, in constant memory. What is on
 * standard input up to 64 KiB is read before the connection is opened, so that a slow caller (a cron job) costs no
 * session of the daemon. While no daemon is there, the dialogue goes to a file in drop-dir. A non-zero result means that nobody got the mail, or that nobody knows (EX_TEMPFAIL). */
#pragma once

#include "sendmail/options.h"
#include "sendmail/settings.h"

/* Sends the mail. The exit status, having complained or, with -v, printed the final reply. */
int dialogue_run(const Options *options, const Settings *settings);
