/* What a client asks for with MAIL and RCPT, taken into an envelope. Pure. */
#pragma once

#include "smtp/handler.h"

/* All but the sender, and how long the client waits. */
void asked_mail(Envelope *envelope, const SmtpMail *mail);

/* One recipient. each: the client hears of him apart (LMTP). */
void asked_rcpt(Envelope *envelope, const SmtpRcpt *rcpt, bool each);
