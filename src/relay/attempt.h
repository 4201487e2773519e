/* One call: build, send, judge, and perhaps one more request. Loop thread. */
#pragma once

#include "relay/token.h"

typedef struct Attempt Attempt;

/* What is tried; borrowed until the attempt is freed. */
typedef struct {
    const Provider *provider;
    Token *token; /* of the account; NULL where it needs none */
    const Mail *mail;
    const Call *call;
    bool maybe_taken; /* an earlier try of the call got no answer */
    gint64 since_ms;  /* no earlier try is older; 0: not known */
    gint64 hold_until_ms; /* the API is to keep the mail until then; 0, or past: it is not */
} AttemptJob;

typedef void (*AttemptDone)(Attempt *attempt, void *user);

/* done comes exactly once, never before this has returned; none of the outcomes is open then. */
Attempt *attempt_start(HttpClient *http, const AttemptJob *job, AttemptDone done, void *user);

/* Parallel to the call's recipients. While the attempt is on its way: what follows from ending it now, which is
 * an unknown outcome once a request went out, since it may have arrived. */
GArray *attempt_outcomes(Attempt *self);

/* How long the API took so far. */
gint64 attempt_api_us(const Attempt *self);

/* Ends it if it is not over; done does not come then. NULL is fine. */
void attempt_free(Attempt *self);
