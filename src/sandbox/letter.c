#include "sandbox/letter.h"

Mailbox *
mailbox_new(const char *name, const char *address)
{
    Mailbox *self = g_new0(Mailbox, 1);

    self->name = g_strdup(name);
    self->address = g_strdup(address);
    return self;
}

void
mailbox_free(Mailbox *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->address);
    g_free(self->unsubscribe_url);
    g_clear_pointer(&self->properties, g_hash_table_unref);
    g_free(self);
}

static void
letter_header_free(void *data)
{
    LetterHeader *self = data;

    g_free(self->name);
    g_free(self->value);
    g_free(self);
}

Letter *
letter_new(void)
{
    Letter *self = g_new0(Letter, 1);

    self->to = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    self->cc = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    self->bcc = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    self->headers = g_ptr_array_new_with_free_func(letter_header_free);
    self->attachments = g_ptr_array_new();
    return self;
}

void
letter_free(Letter *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->to);
    g_ptr_array_unref(self->cc);
    g_ptr_array_unref(self->bcc);
    g_ptr_array_unref(self->headers);
    g_ptr_array_unref(self->attachments);
    mailbox_free(self->from);
    mailbox_free(self->replyto);
    g_free(self);
}

guint
letter_recipients(const Letter *self)
{
    return self->to->len + self->cc->len + self->bcc->len;
}

bool
letter_is_kept(const Letter *self, const char **error)
{
    for (guint i = 0; i < self->attachments->len; i++) {
        const Attachment *attachment = self->attachments->pdata[i];
        if (attachment->error) {
            *error = g_strerror(attachment->error);
            return false;
        }
    }
    return true;
}

void
letter_add_header(Letter *self, const char *name, const char *value)
{
    LetterHeader *header = g_new0(LetterHeader, 1);

    header->name = g_strdup(name);
    header->value = g_strdup(value);
    g_ptr_array_add(self->headers, header);
}
