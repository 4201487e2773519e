#include "relay/adapt.h"

#include <string.h>

static bool
refuse(Outcome *refusal, const char *what, gint64 limit, const char *unit)
{
    g_autofree char *text = g_strdup_printf("Not yet supported: %s over %" G_GINT64_FORMAT " %s", what, limit, unit);

    outcome_set(refusal, OUTCOME_PERMANENT, 554, "5.6.0", text);
    return false;
}

bool
adapt_fits(const Mail *mail, const ProviderLimits *limits, Outcome *refusal)
{
    gint64 size = provider_mail_bytes(mail);

    if (limits->mail_bytes && size > limits->mail_bytes) {
        g_autofree char *text = g_strdup_printf("Message of %" G_GINT64_FORMAT " bytes once encoded is over %" G_GINT64_FORMAT,
                                                size, limits->mail_bytes);
        outcome_set(refusal, OUTCOME_PERMANENT, 552, "5.3.4", text);
        return false;
    }
    if (limits->subject_chars && mail->subject_chars > limits->subject_chars)
        return refuse(refusal, "a subject", limits->subject_chars, "characters");
    if (limits->subject_bytes && strlen(mail->subject) > limits->subject_bytes)
        return refuse(refusal, "a subject", limits->subject_bytes, "bytes");
    if (limits->text_chars && mail->text_chars > limits->text_chars)
        return refuse(refusal, "a text", limits->text_chars, "characters");
    if (limits->html_chars && mail->html_chars > limits->html_chars)
        return refuse(refusal, "an HTML body", limits->html_chars, "characters");
    if (limits->attachments && mail->attachments->len > limits->attachments)
        return refuse(refusal, "attachments", limits->attachments, "files");
    return true;
}

static bool
address_fits(const char *address, Outcome *refusal)
{
    g_autofree char *ascii = address_to_ascii(address);

    if (*address == '\0' || (ascii && g_str_is_ascii(ascii)))
        return true;
    g_autofree char *text = g_strdup_printf("The API takes ASCII addresses only: %s", address);
    outcome_set(refusal, OUTCOME_PERMANENT, 553, "5.6.7", text);
    return false;
}

bool
adapt_addresses_fit(const Mail *mail, const Call *call, Outcome *refusal)
{
    for (guint i = 0; i < call_size(call); i++) {
        if (!address_fits(call_recipient(call, i)->address, refusal))
            return false;
    }
    return address_fits(mail->from->address, refusal) && address_fits(mail->envelope_from, refusal);
}
