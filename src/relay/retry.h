/* When a mail is tried again, and when it is given up. Pure. Wall clock in milliseconds, which may have jumped. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define RETRY_MAX_ASKED_MS (3600 * G_GINT64_CONSTANT(1000)) /* whatever an API asks for; as with an account's pause */

enum { RETRY_LEAST_TRIES = 3 }; /* before a mail is given up: a clock that jumped ahead is no reason */

typedef struct {
    gint64 min_ms, max_ms;
} RetryConf;

typedef struct {
    const char *id;    /* of the entry: its times are spread by it */
    guint attempts;    /* that were made, at least 1 */
    gint64 asked_ms;   /* Retry-After, from now on; 0: none */
    gint64 expires_ms;
    gint64 now_ms;
} RetryFacts;

/* Doubles with each attempt, within a quarter around it; no earlier than asked for, and no later than the end of the
 * mail's time. */
gint64 retry_due(const RetryConf *conf, const RetryFacts *facts);

/* It is expired for so long that no pause of an account is waited for any more. */
bool retry_overdue(gint64 expires_ms, gint64 now_ms);

/* What fails now is given up. */
bool retry_expired(const RetryFacts *facts);

/* The longest that retry_due() may be away: an entry that is due later has seen the clock go back. */
gint64 retry_longest(const RetryConf *conf);
