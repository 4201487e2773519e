#include "mail/recipients.h"

/* Moves the envelope's recipients that a header list names into place; returns whether that is
 * the whole list. */
static bool
take_visible(GPtrArray *place, GHashTable *unplaced, GHashTable *placed, const GPtrArray *list)
{
    bool complete = true;

    for (guint i = 0; i < list->len; i++) {
        const Mailbox *named = list->pdata[i];
        g_autofree char *key = address_key(named->address);
        const EnvelopeRecipient *recipient = g_hash_table_lookup(unplaced, key);

        if (recipient) {
            g_ptr_array_add(place, mailbox_new(named->name, recipient->address));
            g_hash_table_remove(unplaced, key);
            g_hash_table_add(placed, g_steal_pointer(&key));
        } else if (!g_hash_table_contains(placed, key)) {
            complete = false;
        }
    }
    return complete;
}

static GPtrArray *
new_list(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
}

Recipients *
recipients_classify(GPtrArray *open, const Mail *mail)
{
    g_autoptr(GHashTable) unplaced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) placed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Recipients *self = g_new0(Recipients, 1);

    self->to = new_list();
    self->cc = new_list();
    self->hidden = new_list();
    for (guint i = 0; i < open->len; i++) {
        EnvelopeRecipient *recipient = open->pdata[i];
        g_hash_table_insert(unplaced, address_key(recipient->address), recipient);
    }
    self->to_complete = take_visible(self->to, unplaced, placed, mail->to);
    self->cc_complete = take_visible(self->cc, unplaced, placed, mail->cc);

    for (guint i = 0; i < open->len; i++) {
        const EnvelopeRecipient *recipient = open->pdata[i];
        g_autofree char *key = address_key(recipient->address);

        if (g_hash_table_remove(unplaced, key))
            g_ptr_array_add(self->hidden, mailbox_new("", recipient->address));
    }
    return self;
}

void
recipients_free(Recipients *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->to);
    g_ptr_array_unref(self->cc);
    g_ptr_array_unref(self->hidden);
    g_free(self);
}
