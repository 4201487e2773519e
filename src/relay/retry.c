#include "relay/retry.h"

enum { SPREAD = 1000 };

/* Entries that failed together are not tried together: somewhere in [0, SPREAD), the same for the same try. */
static gint64
place_of(const RetryFacts *facts)
{
    guint hash = g_str_hash(facts->id) + facts->attempts * 2654435761u;

    hash ^= hash >> 15;
    hash *= 2246822519u;
    hash ^= hash >> 13;
    return hash % SPREAD;
}

gint64
retry_due(const RetryConf *conf, const RetryFacts *facts)
{
    gint64 pause = conf->min_ms;
    gint64 place = place_of(facts);

    for (guint i = 1; i < facts->attempts && pause < conf->max_ms; i++)
        pause *= 2;
    pause = MIN(pause, conf->max_ms);
    pause += pause / 4 * (2 * place - SPREAD) / SPREAD;
    if (facts->asked_ms > 0) {
        gint64 asked = MIN(facts->asked_ms, RETRY_MAX_ASKED_MS);
        pause = MAX(pause, asked + asked / 8 * place / SPREAD);
    }
    gint64 due = facts->now_ms + MAX(pause, 1);
    return facts->now_ms < facts->expires_ms ? MIN(due, facts->expires_ms) : due;
}

bool
retry_overdue(gint64 expires_ms, gint64 now_ms)
{
    return now_ms >= expires_ms + RETRY_MAX_ASKED_MS;
}

bool
retry_expired(const RetryFacts *facts)
{
    return facts->now_ms >= facts->expires_ms && facts->attempts >= RETRY_LEAST_TRIES;
}

gint64
retry_longest(const RetryConf *conf)
{
    return MAX(conf->max_ms + conf->max_ms / 4, RETRY_MAX_ASKED_MS + RETRY_MAX_ASKED_MS / 8);
}
