/* Envelopes as the world outside needs them: every address qualified, local names replaced by what aliases(5)
 * says. Pure; any thread. */
#pragma once

#include "mail/aliases.h"
#include "mail/mail.h"

/* A new envelope with the facts of the old one. Recipients made from one keep its DSN parameters. */
Envelope *rewrite_envelope(const Envelope *envelope, const Localities *where);

/* Adds those whom the header names (`sendmail -t`). */
void rewrite_add_header_recipients(Envelope *envelope, const Mail *mail, const Localities *where);
