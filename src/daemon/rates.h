/* How much each client and each user has sent of late, in a table of fixed size: a source is known by a keyed hash, and
 * where there is no room for one more, the one that would be forgotten first gives way. A table of 4.5 MiB is
 * allocated with the first message that is counted. What is known outlives a reload. Loop thread. */
#pragma once

#include "daemon/rate.h"

typedef struct {
    guint64 hash[2];
} RateSource;

typedef struct Rates Rates;

Rates *rates_new(void);
void rates_free(Rates *self);

/* Who of that listener: what tells names apart from addresses; the bytes may be anybody's. */
RateSource rates_source(const Rates *self, const char *listener, char what, const void *bytes, size_t n);

/* Milliseconds until it may send one more of that kind; 0: it may. */
gint64 rates_wait(Rates *self, const RateSource *source, const RateLimits *limits, RatedKind kind);

/* Says in the log who has sent too much; at most one line a second. user may be NULL. */
void rates_log(Rates *self, const char *client, const char *listener, const char *user, const char *rate);

/* It sends n more, or with n < 0 had not sent some after all. */
void rates_add(Rates *self, const RateSource *source, const RateLimits *limits, RatedKind kind, int n);
