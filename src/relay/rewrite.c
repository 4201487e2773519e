#include "relay/rewrite.h"

static char *
qualified(const char *address, const Localities *where)
{
    if (*address == '\0' || address_domain(address) || !where->default_domain)
        return g_strdup(address);
    return address_qualify(address, where->default_domain);
}

/* With -n the names mean themselves. */
static Localities
localities_of(const Envelope *envelope, const Localities *where)
{
    Localities own = *where;

    if (envelope->no_aliases)
        own.aliases = NULL;
    return own;
}

static void
add_expanded(Envelope *envelope, const char *address, const EnvelopeRecipient *like, const Localities *where)
{
    g_autoptr(GPtrArray) targets = aliases_expand(where, address);

    for (guint i = 0; i < targets->len; i++)
        envelope_ask(envelope, targets->pdata[i], like->notify, like->orcpt);
}

Envelope *
rewrite_envelope(const Envelope *envelope, const Localities *where)
{
    Envelope *new = envelope_new_like(envelope);
    Localities own = localities_of(envelope, where);

    g_free(new->sender);
    new->sender = qualified(envelope->sender, where);
    for (guint i = 0; i < envelope->recipients->len; i++) {
        const EnvelopeRecipient *recipient = envelope->recipients->pdata[i];
        add_expanded(new, recipient->address, recipient, &own);
    }
    return new;
}

void
rewrite_add_header_recipients(Envelope *envelope, const Mail *mail, const Localities *where)
{
    Localities own = localities_of(envelope, where);

    for (guint i = 0; i < mail->named->len; i++) {
        const Mailbox *box = mail->named->pdata[i];
        const EnvelopeRecipient like = { .notify = envelope->notify };
        add_expanded(envelope, box->address, &like, &own);
    }
}
