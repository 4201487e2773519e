/* What the calls of an account tell of it: as long as they get answers about their mails it is well; where none can work
 * it is paused, longer each time, and after each pause a single call, the probe, finds out. Used by the throttle. Pure:
 * the clock and chance are the caller's. */
#pragma once

#include "mail/outcome.h"

#include <stdbool.h>

#define HEALTH_MAX_PAUSE_MS (60 * 60 * 1000) /* whatever an API asks for */

typedef enum {
    HEALTH_WELL,
    HEALTH_PAUSED,
    HEALTH_DUE,     /* the next call is the probe */
    HEALTH_PROBING, /* it is on its way */
} HealthState;

/* What a call's end says, from nothing to the gravest. */
typedef enum {
    SIGN_NONE,
    SIGN_WELL,      /* an answer about the mail itself */
    SIGN_FAILED,    /* no connection, no answer, or the service has a problem */
    SIGN_SLOW_DOWN, /* it was asked too much */
    SIGN_REFUSED,   /* credentials and the like: only the operator can mend it */
} HealthSign;

/* Zeroed but for most_ms it is well. */
typedef struct {
    gint64 most_ms;  /* of pauses nobody asked for (0: only probes); those until the operator acts may be twice that */
    HealthSign why;  /* SIGN_NONE while well */
    guint failures;  /* in a row */
    guint round;     /* of pauses; calls of an earlier one tell nothing new */
    gint64 until_ms; /* monotonic */
    gint64 pause_ms; /* how long the last pause was; 0: there is none, only a probe */
    bool probing;
} Health;

/* What is remembered of a call on its way. */
typedef struct {
    guint round;
    bool probe;
} HealthCall;

typedef struct {
    HealthSign sign;
    gint64 retry_after_ms;  /* 0: nothing was asked for */
    const Outcome *outcome; /* that says so; NULL without one */
} HealthReport;

typedef enum { HEALTH_AS_BEFORE, HEALTH_NOW_PAUSED, HEALTH_NOW_WELL } HealthChange;

HealthState health_state(const Health *self, gint64 now_ms);

/* A call is made; not while paused or probing. */
void health_begin(Health *self, HealthCall *call, gint64 now_ms);

/* The call has ended. luck, 0 to 1, spreads the ends of pauses. NOW_PAUSED also for a pause after a pause, and for
 * one of no length if only the operator can mend it; NOW_WELL also for what was never paused but on probation. */
HealthChange health_end(Health *self, HealthCall *call, const HealthReport *report, gint64 now_ms, double luck);

/* The operator has done something: the pause that waited for that is over, and the next call is the probe. */
void health_recheck(Health *self, gint64 now_ms);

/* The gravest that a call's outcomes (of Outcome, borrowed) say. */
HealthReport health_read(const GArray *outcomes);
