#include "relay/health.h"

enum { BRIEF_MS = 1250, GRAVE_MS = 75 * 1000, ASKED_SPREAD_MS = 30 * 1000 };

HealthState
health_state(const Health *self, gint64 now_ms)
{
    if (self->why == SIGN_NONE)
        return HEALTH_WELL;
    if (self->probing)
        return HEALTH_PROBING;
    return now_ms < self->until_ms ? HEALTH_PAUSED : HEALTH_DUE;
}

void
health_begin(Health *self, HealthCall *call, gint64 now_ms)
{
    call->round = self->round;
    call->probe = health_state(self, now_ms) == HEALTH_DUE;
    self->probing = self->probing || call->probe;
}

/* Doubled with each failure; a fifth of it is left to chance, so that the daemons of a site do not return together. */
static gint64
doubled(gint64 first_ms, guint times, gint64 most_ms, double luck)
{
    gint64 ms = MIN(first_ms << MIN(times, 20), most_ms);

    return ms - (gint64) (luck * (double) ms / 5);
}

static gint64
asked_for(gint64 retry_after_ms, double luck)
{
    gint64 ms = MIN(retry_after_ms, HEALTH_MAX_PAUSE_MS);

    return ms + (gint64) (luck * (double) MIN(ms / 10, ASKED_SPREAD_MS));
}

/* A single failure may be about its mail: the next call follows at once, but alone. */
static gint64
pause_of(const Health *self, gint64 retry_after_ms, double luck)
{
    gint64 asked_ms = retry_after_ms > 0 ? asked_for(retry_after_ms, luck) : 0;

    if (self->why == SIGN_REFUSED)
        return MAX(asked_ms, doubled(GRAVE_MS, self->failures - 1, 2 * self->most_ms, luck));
    if (asked_ms > 0)
        return asked_ms;
    if (self->why == SIGN_SLOW_DOWN)
        return doubled(BRIEF_MS, self->failures - 1, self->most_ms, luck);
    return self->failures < 2 ? 0 : doubled(BRIEF_MS, self->failures - 2, self->most_ms, luck);
}

static HealthChange
end_well(Health *self, bool fresh)
{
    /* Who was asked to slow down is answered on the calls that were under way, too. */
    if (self->why == SIGN_NONE || (!fresh && self->why != SIGN_FAILED))
        return HEALTH_AS_BEFORE;
    *self = (Health) { .most_ms = self->most_ms, .round = self->round };
    return HEALTH_NOW_WELL;
}

static HealthChange
pause_now(Health *self, const HealthReport *report, gint64 now_ms, double luck)
{
    self->failures = report->sign > self->why ? 1 : self->failures + 1;
    self->why = report->sign;
    self->pause_ms = pause_of(self, report->retry_after_ms, luck);
    self->until_ms = now_ms + self->pause_ms;
    self->probing = false;
    self->round++;
    return self->pause_ms > 0 || self->why == SIGN_REFUSED ? HEALTH_NOW_PAUSED : HEALTH_AS_BEFORE;
}

/* A call from before the pause: most often one more of those that led to it. */
static HealthChange
end_stale(Health *self, const HealthReport *report, gint64 now_ms, double luck)
{
    HealthSign known = MAX(self->why, SIGN_FAILED);

    if (report->sign > known)
        return pause_now(self, report, now_ms, luck);
    gint64 asked_ms = asked_for(report->retry_after_ms, 0);
    if (self->why == SIGN_NONE || now_ms + asked_ms <= self->until_ms + 1000)
        return HEALTH_AS_BEFORE;
    self->pause_ms = asked_ms;
    self->until_ms = now_ms + asked_ms;
    return HEALTH_NOW_PAUSED;
}

HealthChange
health_end(Health *self, HealthCall *call, const HealthReport *report, gint64 now_ms, double luck)
{
    bool fresh = call->round == self->round;

    if (call->probe && fresh)
        self->probing = false;
    call->probe = false;
    if (report->sign == SIGN_NONE)
        return HEALTH_AS_BEFORE;
    if (report->sign == SIGN_WELL)
        return end_well(self, fresh);
    return fresh ? pause_now(self, report, now_ms, luck) : end_stale(self, report, now_ms, luck);
}

void
health_recheck(Health *self, gint64 now_ms)
{
    if (self->why == SIGN_REFUSED)
        self->until_ms = MIN(self->until_ms, now_ms);
}

static HealthSign
sign_of(const Outcome *outcome)
{
    if (outcome->verdict == OUTCOME_OPEN || (outcome->flags & OUTCOME_ASIDE))
        return SIGN_NONE;
    if (outcome->verdict == OUTCOME_DELIVERED || outcome->verdict == OUTCOME_PERMANENT)
        return SIGN_WELL;
    if (outcome->flags & OUTCOME_ALARM)
        return SIGN_REFUSED;
    return outcome->flags & OUTCOME_BACK_OFF ? SIGN_SLOW_DOWN : SIGN_FAILED;
}

HealthReport
health_read(const GArray *outcomes)
{
    HealthReport report = { 0 };

    for (guint i = 0; i < outcomes->len; i++) {
        const Outcome *outcome = &g_array_index(outcomes, Outcome, i);
        HealthSign sign = sign_of(outcome);
        if (sign > report.sign)
            report = (HealthReport) { sign, outcome->retry_after_ms, outcome };
    }
    return report;
}
