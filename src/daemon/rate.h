/* Rates: so many in a minute, an hour, a day. Each limit is a bucket that holds as many and leaks evenly, so that they
 * may come all at once and then as fast as it empties. What is in a bucket is kept as a number of messages (or
 * recipients), not of seconds: a limit that is raised is felt at once. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum { RATE_UNITS = 3, RATE_MOST = 1000000 };

typedef struct {
    guint most[RATE_UNITS]; /* in a minute, an hour, a day; 0: no limit */
} Rate;

typedef enum { RATED_MESSAGES, RATED_RECIPIENTS, RATED_KINDS } RatedKind;

/* For one source: of messages and of recipients. */
typedef struct {
    Rate of[RATED_KINDS];
} RateLimits;

typedef struct {
    double level[RATE_UNITS];
} RateBuckets;

/* "100/minute", "2000/hour", "5000/day": NULL-terminated, each unit once at most. Sets a CONF_ERROR. */
bool rate_parse(char *const *texts, Rate *rate, GError **error);

bool rate_is_set(const Rate *self);

/* ms have passed. */
void rate_leak(const Rate *self, RateBuckets *buckets, gint64 ms);

/* Milliseconds until there is room for one more; 0: there is. */
gint64 rate_wait(const Rate *self, const RateBuckets *buckets);

/* Puts n in, or with n < 0 takes some out again, whether there is room or not. */
void rate_add(const Rate *self, RateBuckets *buckets, int n);

/* Milliseconds until all is forgotten. */
gint64 rate_memory(const Rate *self, const RateBuckets *buckets);

/* "in 40 seconds", "in 5 minutes", never too early. Caller frees. */
char *rate_words(gint64 ms);
