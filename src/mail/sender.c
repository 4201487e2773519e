#include "mail/translate.h"

#include <syslog.h>

#include "mail/address_list.h"

void
translate_qualify(const Translation *self, Mailbox *mailbox)
{
    if (self->context->envelope->gateway)
        return;

    char *qualified = address_qualify(mailbox->address, self->context->default_domain);
    g_free(mailbox->address);
    mailbox->address = qualified;
}

guint
translate_read(Translation *self, GPtrArray *list, const char *name, char **first_bad)
{
    guint bad = 0;

    for (guint i = 0; i < fields_count(self->fields); i++) {
        const Field *field = fields_at(self->fields, i);
        if (g_ascii_strcasecmp(field->name, name) == 0)
            bad += address_list_parse(list, field->value, self->hint, first_bad);
    }
    return bad;
}

void
translate_note_bad(Translation *self, guint bad, const char *name)
{
    if (bad)
        mail_note(self->mail, LOG_NOTICE, "bad-address", "%u in %s are no addresses", bad, name);
}

void
translate_mailboxes(Translation *self, GPtrArray *list, const char *name)
{
    guint first = list->len;

    translate_note_bad(self, translate_read(self, list, name, NULL), name);
    for (guint i = first; i < list->len; i++)
        translate_qualify(self, list->pdata[i]);
}

static GPtrArray *
read_mailboxes(Translation *self, const char *name)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);

    translate_mailboxes(self, list, name);
    return list;
}

/* The account's default-from, or NULL. */
static Mailbox *
default_from(const TranslateConf *conf)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);

    if (conf->default_from)
        address_list_parse(list, conf->default_from, NULL, NULL);
    return list->len ? g_ptr_array_steal_index(list, 0) : NULL;
}

/* The first of From, or Sender's if that is one of several in From. */
static Mailbox *
from_header(Translation *self)
{
    g_autoptr(GPtrArray) from = read_mailboxes(self, "From");

    if (from->len == 0)
        return NULL;
    if (from->len == 1)
        return g_ptr_array_steal_index(from, 0);

    g_autoptr(GPtrArray) sender = read_mailboxes(self, "Sender");
    guint chosen = 0;
    for (guint i = 0; sender->len && i < from->len; i++) {
        const Mailbox *one = from->pdata[i];
        const Mailbox *by = sender->pdata[0];

        if (address_same(one->address, by->address)) {
            chosen = i;
            break;
        }
    }
    const Mailbox *taken = from->pdata[chosen];
    mail_note(self->mail, LOG_INFO, "one-from", "of %u From addresses %s stays", from->len, taken->address);
    return g_ptr_array_steal_index(from, chosen);
}

static Mailbox *
choose_from(Translation *self)
{
    const Envelope *envelope = self->context->envelope;
    Mailbox *from = from_header(self);

    if (!from && *envelope->sender) {
        from = mailbox_new(envelope->full_name ? envelope->full_name : "", envelope->sender);
        translate_qualify(self, from);
        mail_note(self->mail, LOG_INFO, "from-made", "no From: it is the envelope sender %s", from->address);
    }
    if (!from) {
        from = default_from(self->context->conf);
        if (from)
            mail_note(self->mail, LOG_INFO, "from-made", "no sender: From is %s", from->address);
    }
    return from;
}

bool
translate_may_sign(const TranslateConf *conf, const char *address)
{
    const char *domain = address_domain(address);

    for (char **own = conf->from_domains; domain && own && *own; own++) {
        g_autofree char *theirs = g_strconcat("x@", domain, NULL);
        g_autofree char *ours = g_strconcat("x@", *own, NULL);

        if (address_same(theirs, ours))
            return true;
    }
    return false;
}

/* Who stands in for a From that the account can't sign for; NULL: nobody has to, or can. */
static Mailbox *
stand_in(const TranslateConf *conf, const Envelope *envelope, const char *from)
{
    bool lists = conf->from_domains && *conf->from_domains;

    return envelope->gateway || !lists || translate_may_sign(conf, from) ? NULL : default_from(conf);
}

char *
translate_from(const TranslateConf *self, const Envelope *envelope, const char *from)
{
    g_autoptr(Mailbox) instead = stand_in(self, envelope, from);

    return g_strdup(instead ? instead->address : from);
}

/* A From that the account can't sign for gives way to default-from and becomes the Reply-To. */
static void
rewrite_from(Translation *self)
{
    Mail *mail = self->mail;
    g_autoptr(Mailbox) instead = stand_in(self->context->conf, self->context->envelope, mail->from->address);

    if (!instead)
        return;

    g_autoptr(Mailbox) old = g_steal_pointer(&mail->from);
    mail->from = mailbox_new(*old->name ? old->name : old->address, instead->address);
    mail_note(mail, LOG_INFO, "from-rewritten", "%s is outside from-domains: From is %s", old->address,
              instead->address);
    if (!mail->reply_to)
        mail->reply_to = g_steal_pointer(&old);
}

bool
translate_sender(Translation *self, GError **error)
{
    g_autoptr(GPtrArray) reply_to = read_mailboxes(self, "Reply-To");
    Mail *mail = self->mail;

    const char *sender = self->context->envelope->sender;

    mail->envelope_from = *sender ? address_qualify(sender, self->context->default_domain) : g_strdup("");
    mail->from = choose_from(self);
    if (!mail->from) {
        g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_NO_SENDER, "The mail names no sender");
        return false;
    }
    if (reply_to->len > 1)
        mail_note(mail, LOG_INFO, "one-reply-to", "the first of %u Reply-To addresses stays", reply_to->len);
    if (reply_to->len)
        mail->reply_to = g_ptr_array_steal_index(reply_to, 0);
    rewrite_from(self);
    return true;
}
