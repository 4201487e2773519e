#include "mail/translate.h"

#include <string.h>
#include <syslog.h>

#include "base/id.h"
#include "mail/encoded_word.h"
#include "mail/header.h"

/* All fields of a name as one decoded line, or NULL. */
static char *
joined_field(const Translation *self, const char *name)
{
    GString *out = NULL;

    for (guint i = 0; fields_get(self->fields, name, i); i++) {
        g_autofree char *value = header_value(fields_get(self->fields, name, i), self->hint);

        if (!*g_strstrip(value))
            continue;
        if (!out)
            out = g_string_new(value);
        else
            g_string_append_printf(out, ", %s", value);
    }
    return out ? g_string_free(out, FALSE) : NULL;
}

/* Sets the error: the mail would not get to everyone, and nobody else would notice. */
static bool
refuse_recipient(GError **error, const char *field, const char *what, const char *why)
{
    g_autofree char *start = g_utf8_substring(what, 0, MIN(g_utf8_strlen(what, -1), 100));

    g_set_error(error, MAIL_ERROR, MAIL_ERROR_BAD_RECIPIENT, "%s: %s %s", field, start, why);
    return false;
}

/* Whom sendmail -t mails. */
static bool
read_named(Translation *self, GError **error)
{
    static const char *const resent[] = { "Resent-To", "Resent-Cc", "Resent-Bcc" };
    static const char *const plain[] = { "To", "Cc", "Bcc" };
    const char *const *names = plain;
    GPtrArray *named = self->mail->named;

    for (guint i = 0; i < G_N_ELEMENTS(resent); i++)
        if (fields_get(self->fields, resent[i], 0))
            names = resent;
    for (guint i = 0; i < G_N_ELEMENTS(plain); i++) {
        g_autofree char *first_bad = NULL;
        guint k = named->len;

        guint bad = translate_read(self, named, names[i], &first_bad); /* local names are for aliases first */
        if (first_bad)
            return refuse_recipient(error, names[i], first_bad, "is not an address");
        if (!g_str_equal(names[i], "To") && !g_str_equal(names[i], "Cc")) /* those were noted as they are shown */
            translate_note_bad(self, bad, names[i]);
        for (; k < named->len; k++) {
            const Mailbox *mailbox = named->pdata[k];
            g_autofree char *whole = address_qualify(mailbox->address, self->context->default_domain);
            if (strlen(whole) > ADDRESS_MAX_BYTES)
                return refuse_recipient(error, names[i], whole, "is too long");
        }
    }
    return true;
}

static bool
translate_recipients(Translation *self, GError **error)
{
    const Envelope *envelope = self->context->envelope;
    Mail *mail = self->mail;

    translate_mailboxes(self, mail->to, "To");
    translate_mailboxes(self, mail->cc, "Cc");
    mail->to_header = joined_field(self, "To");
    mail->cc_header = joined_field(self, "Cc");
    if (envelope->from_headers) {
        if (!read_named(self, error))
            return false;
        if (mail->named->len == 0 && envelope->recipients->len == 0) {
            g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_NO_RECIPIENT, "The header names no recipient");
            return false;
        }
    }
    if (fields_get(self->fields, "Bcc", 0))
        mail_note(mail, LOG_DEBUG, "bcc-removed", "the header's Bcc does not leave");
    return true;
}

static void
translate_subject(Translation *self)
{
    const char *raw = fields_get(self->fields, "Subject", 0);
    char *subject = raw ? g_strstrip(encoded_word_decode(raw, self->hint)) : NULL;

    if (!subject || !*subject) {
        const char *instead = self->context->conf->empty_subject;

        g_free(subject);
        subject = g_strdup(instead && *instead ? instead : "(no subject)");
        mail_note(self->mail, LOG_INFO, "subject-made", "no subject: it is \"%s\"", subject);
    }
    self->mail->subject = subject;
    self->mail->subject_chars = g_utf8_strlen(subject, -1);
}

static void
add_header(Mail *mail, const char *name, const char *value)
{
    g_ptr_array_add(mail->headers, mail_header_new(name, value));
}

/* Adds a header if it is short enough, or can be made so. */
static void
add_fitting(Translation *self, const char *name, const char *value)
{
    gsize limit = self->context->header_bytes > 0 ? (gsize)self->context->header_bytes : G_MAXSIZE;
    gsize taken = strlen(name) + strlen(": ");

    if (taken + strlen(value) <= limit) {
        add_header(self->mail, name, value);
        return;
    }

    bool is_ids = g_ascii_strcasecmp(name, "References") == 0 || g_ascii_strcasecmp(name, "In-Reply-To") == 0;
    g_autofree char *cut = is_ids && taken < limit ? header_cut_references(value, limit - taken) : NULL;
    if (cut && *cut) {
        add_header(self->mail, name, cut);
        mail_note(self->mail, LOG_INFO, "header-cut", "%s keeps its first and latest ids, %zu of %zu bytes",
                  name, strlen(cut), strlen(value));
        return;
    }
    mail_note(self->mail, LOG_NOTICE, "header-dropped", "%s: %zu bytes are more than the %" G_GSIZE_FORMAT
              " a header may have", name, taken + strlen(value), limit);
}

/* What the envelope, the other members of Mail, or a header of the new mail stands for. */
static bool
is_expressed(const char *name)
{
    static const char *const names[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date",
                                         "Message-ID", "MIME-Version", "Content-Type", "Content-Disposition",
                                         "Content-Transfer-Encoding", NULL };

    for (guint i = 0; names[i]; i++)
        if (g_ascii_strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static void
translate_headers(Translation *self)
{
    const TranslateConf *conf = self->context->conf;
    g_autoptr(GString) dropped = g_string_new(NULL);
    bool has_api_data = false;

    for (guint i = 0; i < fields_count(self->fields); i++) {
        const Field *field = fields_at(self->fields, i);
        bool passes = header_name_valid(field->name) &&
                      header_passes(field->name, conf->pass_headers, conf->drop_headers);
        g_autofree char *value = passes ? header_value(field->value, self->hint) : NULL;

        if (value && *g_strstrip(value)) {
            add_fitting(self, field->name, value);
            has_api_data |= g_ascii_strcasecmp(field->name, "X-Api-Data") == 0;
        } else if (!is_expressed(field->name) && dropped->len < 1000) {
            g_autofree char *name = g_utf8_make_valid(field->name, -1);
            g_string_append_printf(dropped, "%s%s", dropped->len ? ", " : "", name);
        }
    }
    if (dropped->len)
        mail_note(self->mail, LOG_DEBUG, "header-dropped", "not passed on: %s", dropped->str);
    if (!has_api_data && self->context->id)
        add_header(self->mail, "X-Api-Data", self->context->id);
}

/* The sender's own, with brackets, or NULL. */
static char *
sent_message_id(const Translation *self)
{
    const char *raw = fields_get(self->fields, "Message-ID", 0);
    g_autofree char *value = raw ? header_value(raw, self->hint) : NULL;

    if (!value || !*g_strstrip(value))
        return NULL;
    return *value == '<' ? g_steal_pointer(&value) : g_strdup_printf("<%s>", value);
}

static void
translate_message_id(Translation *self)
{
    const TranslateContext *context = self->context;
    Mail *mail = self->mail;

    mail->message_id = sent_message_id(self);
    if (mail->message_id) {
        add_fitting(self, "X-Original-Message-ID", mail->message_id);
        return;
    }
    mail->message_id = id_message(context->id, context->hostname);
    if (context->envelope->submission) /* then it is ours to complete the mail: this is its id */
        add_fitting(self, "X-Original-Message-ID", mail->message_id);
}

bool
translate_fields(Translation *self, GError **error)
{
    if (!translate_recipients(self, error))
        return false;
    translate_subject(self);
    translate_headers(self);
    translate_message_id(self);
    return true;
}
