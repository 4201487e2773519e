#include "relay/report.h"

#include "base/clock.h"
#include "base/log.h"

static const char *
event_of(OutcomeVerdict verdict)
{
    switch (verdict) {
    case OUTCOME_DELIVERED:
        return "delivered";
    case OUTCOME_PERMANENT:
        return "refused";
    case OUTCOME_UNKNOWN:
        return "unknown";
    case OUTCOME_OPEN:
    case OUTCOME_TRANSIENT:
        break;
    }
    return "deferred";
}

static int
level_of(const Outcome *outcome)
{
    if (outcome->flags & OUTCOME_ALARM)
        return LOG_ERR; /* nobody but the operator can mend it */
    if (outcome->verdict == OUTCOME_UNKNOWN)
        return LOG_WARNING;
    return outcome->verdict == OUTCOME_DELIVERED ? LOG_INFO : LOG_NOTICE;
}

void
report_outcomes(const Entry *entry, const Provider *provider, gint64 api_us)
{
    const Envelope *envelope = entry->envelope;
    const char *from = *envelope->sender ? envelope->sender : "<>";
    gint64 delay_ms = clock_now() - entry->arrived_ms;

    for (guint i = 0; i < entry->outcomes->len; i++) {
        const Outcome *outcome = &g_array_index(entry->outcomes, Outcome, i);
        const EnvelopeRecipient *to = i < envelope->recipients->len ? envelope->recipients->pdata[i] : NULL;
        bool delivered = outcome->verdict == OUTCOME_DELIVERED;
        log_event(level_of(outcome), event_of(outcome->verdict), "id", entry->id, "client", envelope->client,
                  "user", envelope->user, "from", from, "to", to ? to->address : NULL,
                  "size", LOG_NUM(spool_length(entry->spool)), "provider", provider->name,
                  "api_ms", LOG_NUM(api_us / 1000), "delay_ms", LOG_NUM(delay_ms), "dsn", outcome->dsn,
                  "remote_id", outcome->remote_id, "code", delivered ? NULL : LOG_NUM(outcome->code),
                  "text", delivered ? NULL : outcome->text, NULL);
    }
}

void
report_notes(const Entry *entry, const Mail *mail)
{
    for (guint i = 0; i < mail->notes->len; i++) {
        const MailNote *note = mail->notes->pdata[i];
        log_event(note->level, "changed", "id", entry->id, "rule", note->rule, "text", note->text, NULL);
    }
}

void
report_dropped(const char *id, const char *why)
{
    log_event(LOG_NOTICE, "deferred", "id", id, "text", why, NULL);
}
