#include "daemon/suppressed.h"

#include "base/log.h"
#include "relay/suppress.h"

bool
suppressed_refuse(SmtpSession *session, const RelaySettings *settings, const Envelope *envelope, const char *address)
{
    Outcome outcome = { 0 };
    bool found = suppress_look_early(settings, envelope, address, &outcome);

    if (found) {
        const Reply reply = { outcome.code, outcome.dsn, outcome.text };
        log_event(LOG_NOTICE, "recipient-refused", "client", envelope->client, "user", envelope->user, "from",
                  *envelope->sender ? envelope->sender : "<>", "to", address, "dsn", outcome.dsn, "text", outcome.text, NULL);
        smtp_session_resume(session, &reply);
    }
    outcome_clear(&outcome);
    return found;
}
