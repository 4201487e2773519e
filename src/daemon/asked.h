/* What a client asks for with MAIL and RCPT, taken into an envelope. Pure. */
#pragma once

#include "smtp/handler.h"

/* MAIL, but for how long the client waits; domain: of a sender that has none. The caller frees it. */
Envelope *asked_envelope(const SmtpMail *mail, const char *domain);

/* One recipient. each: the client hears of him apart (LMTP). */
void asked_rcpt(Envelope *envelope, const SmtpRcpt *rcpt, bool each);
