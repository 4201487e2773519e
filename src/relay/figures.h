/* What the relay counts since the start, for whoever watches the daemon. Loop thread. */
#pragma once

#include "base/meter.h"
#include "http/request.h"
#include "provider/provider.h"
#include "queue/entry.h"

extern Meter *const relay_figures[]; /* NULL-terminated */

/* A recipient has come to an outcome ("delivered", …), through an account or NULL. */
void figures_outcome(const Provider *account, const char *result, const Outcome *outcome);

/* An HTTP request to an account's API has ended. */
void figures_request(const Provider *account, const HttpResponse *response);

/* A call that creates mail begins; again: an earlier round for the mail has been made. */
void figures_call(const Provider *account, bool again);

/* A recipient was refused, or left out, since the list of suppressed addresses has him as one of that kind. */
void figures_stopped(const Provider *account, const char *kind);

/* A mail was stored; a notice to a sender was; a mail came that had come before; a mail is held. */
void figures_queued(void);
void figures_notice(void);
void figures_duplicate(void);
void figures_held(void);
