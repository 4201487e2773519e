#include "daemon/suppressed.h"

#include "base/id.h"
#include "base/log.h"
#include "relay/figures.h"
#include "relay/report.h"
#include "relay/suppress.h"

bool
suppressed_refuse(SmtpSession *session, const RelaySettings *settings, const Envelope *envelope, const char *address)
{
    SuppressFound why = { 0 };
    bool found = suppress_look_early(settings, envelope, address, &why);

    if (found) {
        const Reply reply = { why.outcome.code, why.outcome.dsn, why.outcome.text };
        g_autofree char *id = id_queue();
        figures_stopped(why.account, suppression_kind_name(why.kind));
        report_turned_away(id, envelope->sender, address, &why.outcome);
        log_event(LOG_NOTICE, "recipient-refused", "id", id, "client", envelope->client, "user", envelope->user, "from",
                  *envelope->sender ? envelope->sender : "<>", "to", address, "dsn", reply.dsn, "text", reply.text, NULL);
        smtp_session_resume(session, &reply);
    }
    suppress_found_clear(&why);
    return found;
}
