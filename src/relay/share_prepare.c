#include "relay/share_state.h"

#include "relay/adapt.h"
#include "relay/verdict.h"

static Mail *
translate(const Share *self, Message *message, GError **error)
{
    const ProviderLimits *limits = &self->provider->limits;
    TranslateContext context = {
        .conf = &self->provider->translate,
        .hostname = self->settings->hostname,
        .default_domain = self->settings->where.default_domain,
        .id = self->entry->id,
        .envelope = self->entry->envelope,
        .text_chars = limits->text_chars,
        .html_chars = limits->html_chars,
        .header_bytes = limits->header_bytes,
    };

    return mail_from_message(message, &context, error);
}

/* The mail as the account can carry it, or what everyone is told instead. */
static bool
make_mail(Share *self, Message *message, Outcome *refusal)
{
    g_autoptr(GError) error = NULL;

    self->mail = translate(self, message, &error);
    if (!self->mail) {
        verdict_untranslated(refusal, error);
        return false;
    }
    return adapt_sender_fits(self->mail, refusal) && adapt_mail(self->mail, self->provider, self->entry->spool, refusal);
}

/* Recipients that the API can write to; the others have their outcome. */
static GPtrArray *
open_recipients(Share *self)
{
    GPtrArray *open = g_ptr_array_new();

    for (guint i = 0; i < self->places->len; i++) {
        EnvelopeRecipient *recipient =
            self->entry->envelope->recipients->pdata[g_array_index(self->places, guint, i)];
        if (adapt_address_fits(recipient->address, share_outcome_at(self, i)))
            g_ptr_array_add(open, recipient);
    }
    return open;
}

void
share_prepare(Share *self, Message *message)
{
    Outcome refusal = { 0 };

    if (!make_mail(self, message, &refusal)) {
        for (guint i = 0; i < self->outcomes->len; i++)
            outcome_copy(share_outcome_at(self, i), &refusal);
        outcome_clear(&refusal);
        return;
    }
    g_autoptr(GPtrArray) open = open_recipients(self);
    g_autoptr(Recipients) recipients = recipients_classify(open, self->mail);
    self->calls = self->provider->driver->partition(self->provider, self->mail, recipients);
    calls_set_keys(self->calls, self->entry->id, self->entry->envelope->recipients->len);
}
