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

/* Returns the places of those who stand for address. Caller unrefs. */
static GArray *
add_expanded(Envelope *envelope, const char *address, const EnvelopeRecipient *like, const Localities *where)
{
    g_autoptr(GPtrArray) targets = aliases_expand(where, address);
    GArray *places = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = 0; i < targets->len; i++) {
        const EnvelopeRecipient *to = envelope_ask(envelope, targets->pdata[i], like->notify, like->orcpt);
        g_array_append_val(places, to->place);
    }
    return places;
}

/* The names that the client gave stand for whom theirs do now: of is by the place they had. */
static void
expect_expanded(Envelope *new, const GPtrArray *asked, const GPtrArray *of)
{
    for (guint i = 0; asked && i < asked->len; i++) {
        const GArray *places = asked->pdata[i];
        GArray *all = g_array_new(FALSE, FALSE, sizeof(guint));
        for (guint n = 0; n < places->len; n++) {
            const GArray *more = of->pdata[g_array_index(places, guint, n)];
            g_array_append_vals(all, more->data, more->len);
        }
        envelope_expect(new, all);
    }
}

Envelope *
rewrite_envelope(const Envelope *envelope, const Localities *where)
{
    Envelope *new = envelope_new_like(envelope);
    Localities own = localities_of(envelope, where);
    g_autoptr(GPtrArray) of = g_ptr_array_new_with_free_func((GDestroyNotify) g_array_unref);

    g_free(new->sender);
    new->sender = qualified(envelope->sender, where);
    for (guint i = 0; i < envelope->recipients->len; i++) {
        const EnvelopeRecipient *recipient = envelope->recipients->pdata[i];
        g_ptr_array_add(of, add_expanded(new, recipient->address, recipient, &own));
    }
    expect_expanded(new, envelope->asked, of);
    return new;
}

void
rewrite_add_header_recipients(Envelope *envelope, const Mail *mail, const Localities *where)
{
    Localities own = localities_of(envelope, where);

    for (guint i = 0; i < mail->named->len; i++) {
        const Mailbox *box = mail->named->pdata[i];
        const EnvelopeRecipient like = { .notify = envelope->notify };
        g_array_unref(add_expanded(envelope, box->address, &like, &own));
    }
}
