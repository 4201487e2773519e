#include "relay/delivery_state.h"

#include "relay/expand.h"
#include "relay/watch.h"

Share *
delivery_share(Delivery *self, const Provider *provider, const char *key)
{
    for (guint i = 0; i < self->shares->len; i++) {
        if (share_is(self->shares->pdata[i], provider, key))
            return self->shares->pdata[i];
    }
    Share *share = share_new(self->world, provider, self->entry, key);
    g_ptr_array_add(self->shares, share);
    return share;
}

static void
suppressed_clear(void *element)
{
    suppress_found_clear(&((Suppressed *) element)->why);
}

/* One who has unsubscribed from somebody's mails has from those with his address in From, whoever sends them. */
static bool
is_stopped(const Entry *entry, const Provider *account, const char *address, SuppressFound *why)
{
    bool any = suppress_look(account, NULL, address, why);

    suppress_found_clear(why);
    if (!any || suppress_look(account, entry->envelope->sender, address, why))
        return any;
    g_autofree char *from = watch_from(entry, account);
    return from && suppress_look(account, from, address, why);
}

static bool
is_suppressed(Delivery *self, guint place, const Provider *account)
{
    const EnvelopeRecipient *recipient = self->entry->envelope->recipients->pdata[place];
    Suppressed found = { .place = place };

    if (!is_stopped(self->entry, account, recipient->address, &found.why))
        return false;
    if (!self->suppressed) {
        self->suppressed = g_array_new(FALSE, FALSE, sizeof(Suppressed));
        g_array_set_clear_func(self->suppressed, suppressed_clear);
    }
    g_array_append_val(self->suppressed, found);
    return true;
}

/* Who may have the mail by an earlier call gets it by that call or not at all, whoever is on the list by now: without him
 * it would be another call, and the others would have the mail twice. Others go by it again where nothing has changed. */
static void
share_out_one(Delivery *self, guint place, const Provider *routed)
{
    const EntryTry *try = delivery_try(self, place);
    const Provider *before = try->account ? relay_settings_account(self->world->settings, try->account) : NULL;
    bool again = before && try->call_key && (try->maybe_taken || before == routed);

    bool bound = self->entry->cut_off || (again && try->maybe_taken);

    if (!bound && is_suppressed(self, place, again ? before : routed))
        return;
    share_add(delivery_share(self, again ? before : routed, again ? try->call_key : NULL), place);
}

static bool
share_out(Delivery *self, Message *message)
{
    const RelaySettings *settings = self->world->settings;
    Entry *entry = self->entry;
    bool wants_header = !entry->expanded && entry->envelope->from_headers;
    g_autoptr(Mail) header = NULL;

    if (wants_header || settings->routes->len > 0)
        header = expand_header(entry, settings, message, &self->error);
    if (self->error || (!entry->expanded && !expand_finish(entry, settings, header, &self->error)))
        return false;
    RouteFacts facts = { entry->envelope, header && header->from ? header->from->address : NULL };
    for (guint i = 0; i < entry->envelope->recipients->len; i++) {
        const EnvelopeRecipient *recipient = entry->envelope->recipients->pdata[i];
        if (!delivery_try(self, i)->closed && !delivery_is_made(self, i))
            share_out_one(self, i, relay_settings_route(settings, &facts, recipient->address));
    }
    return true;
}

void
delivery_run_preparation(void *user)
{
    Delivery *self = user;
    Entry *entry = self->entry;

    if (!expand_scan(entry, &self->error))
        return;
    if (!entry->expanded && !expand_addresses(entry, self->world->settings, &self->error))
        return;
    g_autoptr(Message) message = message_open(entry->spool, entry->scan, &self->error);
    if (!message || (self->rounds == 0 && !share_out(self, message)))
        return;
    for (guint i = 0; i < self->shares->len; i++)
        share_prepare(self->shares->pdata[i], message);
}

void
delivery_run_expansion(void *user)
{
    Delivery *self = user;

    expand_entry(self->entry, self->world->settings, &self->error);
}
