#include "relay/state.h"

#include "base/clock.h"

bool
job_all_delivered(const Entry *entry)
{
    for (guint i = 0; i < entry->outcomes->len; i++) {
        if (g_array_index(entry->outcomes, Outcome, i).verdict != OUTCOME_DELIVERED)
            return false;
    }
    return true;
}

static bool
holds_unknown(const RelayJob *job)
{
    const GArray *services = delivery_services(job->delivery);

    for (guint i = 0; services && i < services->len; i++) {
        const Provider *provider = g_array_index(services, Service, i).provider;
        const Outcome *outcome = &g_array_index(job->entry->outcomes, Outcome, i);
        if (provider && provider->unknown_outcome == UNKNOWN_OUTCOME_HOLD && outcome->verdict == OUTCOME_UNKNOWN)
            return true;
    }
    return false;
}

Settlement *
job_decide(const RelayJob *job)
{
    const Relay *relay = job->relay;
    const SettleFacts facts = {
        .entry = job->entry,
        .mode = job->mode,
        .waiting = job->waiter != NULL,
        .has_store = relay->store != NULL,
        .hold_unknown = holds_unknown(job),
        .going_on = job->phase == JOB_SENDING,
        .untried = !delivery_begun(job->delivery) && !delivery_error(job->delivery),
        .stopping = relay->expired,
        .now_ms = clock_now(),
        .retry = &relay->retry,
        .delay_warning_ms = relay->world->settings->conf.delay_warning_ms,
    };

    return settle_decide(&facts);
}
