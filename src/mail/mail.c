#include "mail/mail.h"

#include <stdarg.h>
#include <syslog.h>

#include "mail/part_source.h"
#include "mail/translate.h"

static const char *const inline_images_choices[] = { "attach", "data-uri", NULL };
static const char *const charset_choices[] = { "utf-8", "iso-2022-jp", "as-sent", NULL };
static const char *const encrypted_choices[] = { "refuse", "attach", NULL };

const ConfKey translate_conf_keys[] = {
    CONF_KEY(TranslateConf, from_domains, "from-domains", CONF_LIST, NULL),
    CONF_KEY(TranslateConf, default_from, "default-from", CONF_STRING, NULL),
    CONF_KEY(TranslateConf, empty_subject, "empty-subject", CONF_STRING, "(no subject)"),
    CONF_KEY(TranslateConf, pass_headers, "pass-headers", CONF_LIST, NULL),
    CONF_KEY(TranslateConf, drop_headers, "drop-headers", CONF_LIST, NULL),
    CONF_KEY(TranslateConf, inline_images, "inline-images", CONF_CHOICE, "attach",
             .choices = inline_images_choices),
    CONF_KEY(TranslateConf, charset, "charset", CONF_CHOICE, "utf-8", .choices = charset_choices),
    CONF_KEY(TranslateConf, encrypted, "encrypted", CONF_CHOICE, "refuse", .choices = encrypted_choices),
    { 0 },
};

static void
part_free(void *data)
{
    MailPart *part = data;

    g_free(part->filename);
    g_free(part->type);
    part_content_free(part->content);
    g_free(part);
}

MailPart *
mail_part_new(const char *filename, const char *type, PartContent *content)
{
    MailPart *part = g_new(MailPart, 1);

    *part = (MailPart) { g_strdup(filename), g_strdup(type), part_content_length(content, NULL), content };
    return part;
}

MailHeader *
mail_header_new(const char *name, const char *value)
{
    MailHeader *self = g_new(MailHeader, 1);

    *self = (MailHeader) { g_strdup(name), g_strdup(value) };
    return self;
}

void
mail_header_free(MailHeader *self)
{
    g_free(self->name);
    g_free(self->value);
    g_free(self);
}

static void
note_free(void *data)
{
    MailNote *note = data;

    g_free(note->rule);
    g_free(note->text);
    g_free(note);
}

Mail *
mail_new(void)
{
    Mail *self = g_new0(Mail, 1);

    self->charset = "UTF-8";
    self->to = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
    self->cc = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
    self->named = g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
    self->attachments = g_ptr_array_new_with_free_func(part_free);
    self->headers = g_ptr_array_new_with_free_func((GDestroyNotify) mail_header_free);
    self->notes = g_ptr_array_new_with_free_func(note_free);
    return self;
}

void
mail_free(Mail *self)
{
    if (!self)
        return;
    mailbox_free(self->from);
    mailbox_free(self->reply_to);
    g_free(self->envelope_from);
    g_ptr_array_unref(self->to);
    g_ptr_array_unref(self->cc);
    g_ptr_array_unref(self->named);
    g_free(self->to_header);
    g_free(self->cc_header);
    g_free(self->subject);
    g_free(self->text);
    g_free(self->html);
    part_content_free(self->whole_text);
    part_content_free(self->whole_html);
    g_ptr_array_unref(self->attachments);
    g_ptr_array_unref(self->headers);
    g_free(self->message_id);
    g_ptr_array_unref(self->notes);
    g_free(self);
}

void
mail_note(Mail *self, int level, const char *rule, const char *format, ...)
{
    MailNote *note = g_new(MailNote, 1);
    va_list args;

    va_start(args, format);
    note->text = g_strdelimit(g_strdup_vprintf(format, args), "\r\n", ' ');
    va_end(args);
    note->rule = g_strdup(rule);
    note->level = level;
    g_ptr_array_add(self->notes, note);
}

Source *
mail_part_bytes(const MailPart *part)
{
    return part_content_source(part->content);
}
