#include "daemon/figures.h"

static Meter sessions = { "shimta_sessions", "Sessions that are open", METER_GAUGE, { "listener" } };
static Meter begun = { "shimta_sessions_total", "Sessions that were begun", METER_COUNTER, { "listener" } };
static Meter stress = { "shimta_stress", "1 while most connections are taken", METER_GAUGE, { NULL } };
static Meter refused = { "shimta_refused_clients_total", "Clients turned away before a session, and why", METER_COUNTER,
                         { "listener", "reason" } };
static Meter messages = { "shimta_messages_total", "Whole mails by the class of their reply: 2, 4 or 5", METER_COUNTER,
                          { "listener", "class" } };
static Meter recipients = { "shimta_recipients_total", "Recipients of the mails that were accepted", METER_COUNTER,
                            { "listener" } };
static Meter bytes = { "shimta_message_bytes_total", "Bytes of the mails that were accepted", METER_COUNTER,
                       { "listener" } };
static Meter handshakes = { "shimta_tls_handshakes_total", "TLS handshakes by the version they settled, or failed",
                            METER_COUNTER, { "listener", "result" } };
static Meter logins = { "shimta_auth_total", "Attempts to authenticate", METER_COUNTER, { "mechanism", "result" } };
static Meter posts = { "shimta_webhook_requests_total", "Requests to the webhook, and what came of them", METER_COUNTER,
                       { "result" } };

static Meter limited = { "shimta_rate_limited_total", "Mails and recipients put off, and the rate that did it",
                         METER_COUNTER, { "listener", "rate" } };

static Meter slowed = { "shimta_error_delays_total", "Replies held back from clients that make errors", METER_COUNTER,
                        { "listener" } };

Meter *const daemon_figures[] = { &sessions, &begun,      &stress, &refused, &messages, &recipients,
                                  &bytes,    &handshakes, &logins, &posts,   &limited,  &slowed, NULL };

void
figures_session(const char *listener, bool begins)
{
    meter_add(&sessions, begins ? 1 : -1, listener, NULL);
    if (begins)
        meter_add(&begun, 1, listener, NULL);
}

void
figures_stress(bool begins)
{
    meter_add(&stress, begins ? 1 : -1, NULL, NULL);
}

void
figures_refused(const char *listener, const char *why)
{
    meter_add(&refused, 1, listener, why);
}

void
figures_limited(const char *listener, const char *rate)
{
    meter_add(&limited, 1, listener, rate);
}

void
figures_slowed(const char *listener)
{
    meter_add(&slowed, 1, listener, NULL);
}

void
figures_tls(const char *listener, const char *protocol)
{
    meter_add(&handshakes, 1, listener, protocol ? protocol : "failed");
}

void
figures_auth(const char *mechanism, const char *result)
{
    meter_add(&logins, 1, mechanism, result);
}

void
figures_webhook(const char *result)
{
    meter_add(&posts, 1, result, NULL);
}

MailFigure
figures_mail(const Entry *entry)
{
    return (MailFigure) { entry->envelope->recipients->len, spool_length(entry->spool) };
}

void
figures_answered(const MailFigure *mail, const char *listener, const Reply *reply)
{
    const char class[] = { (char) ('0' + CLAMP(reply->code / 100, 0, 9)), '\0' };

    meter_add(&messages, 1, listener, class);
    if (reply->code / 100 != 2)
        return;
    meter_add(&recipients, mail->recipients, listener, NULL);
    meter_add(&bytes, (double) mail->bytes, listener, NULL);
}

void
figures_answered_each(const MailFigure *mail, const char *listener, const Reply *replies, guint n)
{
    MailFigure taken = { .bytes = mail->bytes };
    guint best = 0;

    for (guint i = 0; i < n; i++) {
        if (replies[i].code / 100 != 2)
            continue;
        taken.recipients++;
        best = i;
    }
    figures_answered(&taken, listener, &replies[best]);
}
