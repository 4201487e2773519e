#include "daemon/asked.h"

#include "base/clock.h"
#include "mail/address.h"

Envelope *
asked_envelope(const SmtpMail *mail, const char *domain)
{
    g_autofree char *sender = mail->sender[0] ? address_qualify(mail->sender, domain) : g_strdup("");
    Envelope *envelope = envelope_new(sender);

    envelope->smtputf8 = mail->smtputf8;
    envelope->submission = mail->submission;
    envelope->from_headers = mail->from_headers;
    envelope->gateway = mail->gateway;
    envelope->full_name = g_strdup(mail->full_name);
    envelope->no_aliases = mail->no_aliases;
    envelope->bounce_refusals = mail->bounce_refusals;
    envelope->hops = mail->hops;
    envelope->notify = g_strdup(mail->notify);
    envelope->tag = g_strdup(mail->tag);
    envelope->via = g_strdup(mail->via);
    envelope->account = g_strdup(mail->account);
    envelope->ret = g_strdup(mail->ret);
    envelope->envid = g_strdup(mail->envid);
    envelope->hold_until_ms = mail->hold_until_ms;
    bool is_known = mail->by_ms <= clock_now() && !mail->by_return; /* who had it when the time was over has told him */
    envelope->by_ms = is_known ? 0 : mail->by_ms;
    envelope->by_flags = (mail->by_return ? ENVELOPE_BY_RETURN : 0) | (mail->by_trace ? ENVELOPE_BY_TRACE : 0);
    envelope->priority = mail->priority;
    return envelope;
}

void
asked_rcpt(Envelope *envelope, const SmtpRcpt *rcpt, bool each)
{
    const EnvelopeRecipient *to = envelope_ask(envelope, rcpt->address, rcpt->notify, rcpt->orcpt);

    if (!each)
        return;
    GArray *places = g_array_new(FALSE, FALSE, sizeof(guint));
    envelope_expect(envelope, g_array_append_val(places, to->place));
}
