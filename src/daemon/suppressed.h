/* Recipients that are refused because their mail came back, or because they want none. Loop thread. */
#pragma once

#include "relay/settings.h"
#include "smtp/session.h"

/* True: the session has its reply to RCPT, and the journal a line, under an id that no mail has. */
bool suppressed_refuse(SmtpSession *session, const RelaySettings *settings, const Envelope *envelope,
                       const char *address);
