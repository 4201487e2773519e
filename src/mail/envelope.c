#include "mail/envelope.h"

#include "mail/address.h"

static void
recipient_free(void *data)
{
    EnvelopeRecipient *recipient = data;

    g_free(recipient->address);
    g_free(recipient->orcpt);
    g_free(recipient->notify);
    g_free(recipient);
}

Envelope *
envelope_new(const char *sender)
{
    Envelope *self = g_new0(Envelope, 1);

    self->sender = g_strdup(sender);
    self->recipients = g_ptr_array_new_with_free_func(recipient_free);
    self->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return self;
}

Envelope *
envelope_new_like(const Envelope *other)
{
    Envelope *self = envelope_new(other->sender);

    self->smtputf8 = other->smtputf8;
    self->submission = other->submission;
    self->from_headers = other->from_headers;
    self->gateway = other->gateway;
    self->no_aliases = other->no_aliases;
    self->full_name = g_strdup(other->full_name);
    self->hops = other->hops;
    self->bounce_refusals = other->bounce_refusals;
    self->notify = g_strdup(other->notify);
    self->tag = g_strdup(other->tag);
    self->via = g_strdup(other->via);
    self->account = g_strdup(other->account);
    self->ret = g_strdup(other->ret);
    self->envid = g_strdup(other->envid);
    self->hold_until_ms = other->hold_until_ms;
    self->by_ms = other->by_ms;
    self->by_flags = other->by_flags;
    self->priority = other->priority;
    self->delivery = other->delivery;
    self->refusal = other->refusal;
    self->listener = g_strdup(other->listener);
    self->client = g_strdup(other->client);
    self->helo = g_strdup(other->helo);
    self->user = g_strdup(other->user);
    self->auth = g_strdup(other->auth);
    self->tls = g_strdup(other->tls);
    self->tls_client = g_strdup(other->tls_client);
    return self;
}

void
envelope_free(Envelope *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->by_key);
    g_ptr_array_unref(self->recipients);
    g_clear_pointer(&self->asked, g_ptr_array_unref);
    g_free(self->sender);
    g_free(self->full_name);
    g_free(self->notify);
    g_free(self->tag);
    g_free(self->via);
    g_free(self->account);
    g_free(self->ret);
    g_free(self->envid);
    g_free(self->listener);
    g_free(self->client);
    g_free(self->helo);
    g_free(self->user);
    g_free(self->auth);
    g_free(self->tls);
    g_free(self->tls_client);
    g_free(self);
}

enum { SUCCESS = 1 << 0, FAILURE = 1 << 1, DELAY = 1 << 2 };

/* What is not said is what RFC 3461 does then. */
static guint
notify_events(const char *notify)
{
    g_auto(GStrv) words = g_strsplit(notify ? notify : "FAILURE,DELAY", ",", -1);
    guint events = 0;

    for (char **word = words; *word; word++) {
        g_strstrip(*word);
        events |= g_ascii_strcasecmp(*word, "SUCCESS") == 0 ? SUCCESS : 0;
        events |= g_ascii_strcasecmp(*word, "FAILURE") == 0 ? FAILURE : 0;
        events |= g_ascii_strcasecmp(*word, "DELAY") == 0 ? DELAY : 0;
    }
    return events;
}

static char *
notify_union(const char *one, const char *other)
{
    static const char *const lists[] = { "NEVER", "SUCCESS", "FAILURE", "SUCCESS,FAILURE", "DELAY", "SUCCESS,DELAY",
                                         NULL, "SUCCESS,FAILURE,DELAY" };

    return g_strdup(lists[notify_events(one) | notify_events(other)]);
}

EnvelopeRecipient *
envelope_ask(Envelope *self, const char *address, const char *notify, const char *orcpt)
{
    guint before = self->recipients->len;
    EnvelopeRecipient *recipient = envelope_add_recipient(self, address);
    g_autofree char *known = g_steal_pointer(&recipient->notify);

    recipient->notify = self->recipients->len > before ? g_strdup(notify) : notify_union(known, notify);
    if (!recipient->orcpt)
        recipient->orcpt = g_strdup(orcpt);
    return recipient;
}

EnvelopeRecipient *
envelope_add_recipient(Envelope *self, const char *address)
{
    g_autofree char *key = address_key(address);
    EnvelopeRecipient *recipient = g_hash_table_lookup(self->by_key, key);

    if (!recipient) {
        recipient = g_new0(EnvelopeRecipient, 1);
        recipient->address = g_strdup(address);
        recipient->place = self->recipients->len;
        g_ptr_array_add(self->recipients, recipient);
        g_hash_table_insert(self->by_key, g_steal_pointer(&key), recipient);
    }
    return recipient;
}

void
envelope_expect(Envelope *self, GArray *places)
{
    if (!self->asked)
        self->asked = g_ptr_array_new_with_free_func((GDestroyNotify) g_array_unref);
    g_ptr_array_add(self->asked, places);
}
