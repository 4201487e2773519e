#include "mail/attach.h"

#include <string.h>

#include "mail/encoded_word.h"
#include "mail/fields.h"
#include "mail/filename.h"
#include "mail/spool_stream.h"

bool
attach_is_detached(GMimeObject *part)
{
    const char *raw = part_field(part, "Content-Disposition");
    gsize length = strlen("attachment");

    if (!raw)
        return false;
    raw += strspn(raw, " \t\r\n");
    return g_ascii_strncasecmp(raw, "attachment", length) == 0 && strchr("; \t\r\n", raw[length]);
}

/* The name the sender gave, cleaned, or NULL. */
static char *
given_name(const Attacher *self, GMimeObject *part)
{
    static const struct { const char *field, *parameter; } places[] = {
        { "Content-Disposition", "filename" },
        { "Content-Type", "name" },
    };
    const char *hint = self ? self->translation->hint : NULL;

    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        const char *raw = part_field(part, places[i].field);
        g_autofree char *name = raw ? filename_from_field(raw, places[i].parameter, hint) : NULL;
        g_autofree char *clean = name ? filename_clean(name) : NULL;

        if (clean && *clean)
            return g_steal_pointer(&clean);
    }
    return NULL;
}

bool
attach_is_named(GMimeObject *part)
{
    g_autofree char *name = given_name(NULL, part);

    return name != NULL;
}

char *
attach_content_id(GMimeObject *part)
{
    const char *raw = part_field(part, "Content-ID");

    if (!raw)
        return NULL;
    raw += strspn(raw, " \t\r\n<");
    gsize n = strcspn(raw, " \t\r\n>");
    return n ? g_strndup(raw, n) : NULL;
}

static bool
has_type(GMimeObject *part, const char *type, const char *subtype)
{
    return g_mime_content_type_is_type(g_mime_object_get_content_type(part), type, subtype);
}

/* A forwarded mail is called as its subject. */
static char *
forwarded_name(const Attacher *self, GMimePart *part)
{
    g_autoptr(Fields) inner = part_inner_fields(part);
    const char *raw = fields_get(inner, "Subject", 0);
    g_autofree char *subject = raw ? encoded_word_decode(raw, self->translation->hint) : g_strdup("");
    g_autofree char *with_suffix = g_strconcat(g_strstrip(subject), ".eml", NULL);

    return *subject ? filename_clean(with_suffix) : g_strdup("");
}

static char *
name_of(const Attacher *self, GMimePart *part, const char *type)
{
    GMimeObject *object = GMIME_OBJECT(part);
    guint place = self->translation->mail->attachments->len + 1;
    g_autofree char *name = given_name(self, object);

    if (name)
        return g_steal_pointer(&name);
    if (has_type(object, "text", "calendar"))
        return g_strdup("invite.ics");
    if (has_type(object, "application", "ms-tnef"))
        return g_strdup("winmail.dat");
    if (has_type(object, "message", "rfc822") || has_type(object, "message", "global")) {
        g_autofree char *subject = forwarded_name(self, part);
        if (*subject)
            return g_steal_pointer(&subject);
    }
    return filename_default(place, type);
}

/* RFC 2045 token: what can stand in a type without quotes. */
static bool
is_token(const char *text)
{
    if (!text || !*text || strlen(text) > 100)
        return false;
    for (; *text; text++)
        if (!g_ascii_isgraph(*text) || strchr("()<>@,;:\\\"/[]?=", *text))
            return false;
    return true;
}

static char *
type_of(GMimeObject *part)
{
    GMimeContentType *content_type = g_mime_object_get_content_type(part);
    const char *type = g_mime_content_type_get_media_type(content_type);
    const char *subtype = g_mime_content_type_get_media_subtype(content_type);

    if (!is_token(type) || !is_token(subtype))
        return g_strdup("application/octet-stream");

    g_autofree char *plain = g_strdup_printf("%s/%s", type, subtype);
    g_autofree char *lower = g_ascii_strdown(plain, -1);
    GString *out = g_string_new(lower);
    static const struct { const char *prefix, *parameter; } kept[] = {
        { "text/calendar", "method" },
        { "text/", "charset" },
    };
    for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
        const char *value = g_mime_content_type_get_parameter(content_type, kept[i].parameter);
        if (g_str_has_prefix(lower, kept[i].prefix) && is_token(value))
            g_string_append_printf(out, "; %s=%s", kept[i].parameter, value);
    }
    return g_string_free(out, FALSE);
}

static Transfer
transfer_of(GMimePart *part)
{
    switch (g_mime_part_get_content_encoding(part)) {
    case GMIME_CONTENT_ENCODING_BASE64:
        return TRANSFER_BASE64;
    case GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE:
        return TRANSFER_QUOTED_PRINTABLE;
    case GMIME_CONTENT_ENCODING_UUENCODE:
        return TRANSFER_UUENCODE;
    default:
        return TRANSFER_IDENTITY;
    }
}

/* The text of a stream that isn't the spool's: small, and in memory. */
static PartContent *
copied_content(GMimeStream *stream)
{
    g_autoptr(GByteArray) array = g_byte_array_new();
    char block[4096];
    ssize_t n;

    if (g_mime_stream_reset(stream) == 0)
        while ((n = g_mime_stream_read(stream, block, sizeof block)) > 0)
            g_byte_array_append(array, (const guint8 *)block, (guint)n);
    g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(g_steal_pointer(&array));
    return part_content_new_bytes(bytes);
}

PartContent *
attach_content(const Attacher *self, GMimePart *part)
{
    Spool *spool = message_spool(self->translation->message);
    GMimeDataWrapper *wrapper = g_mime_part_get_content(part);
    GMimeStream *stream = wrapper ? g_mime_data_wrapper_get_stream(wrapper) : NULL;
    gint64 offset, length;

    if (!stream)
        return part_content_new(spool, 0, 0, TRANSFER_IDENTITY);
    if (!spool_stream_extent(stream, &offset, &length))
        return copied_content(stream);
    return part_content_new(spool, offset, length, transfer_of(part));
}

/* Takes all but the Mail. */
static void
add(Attacher *self, char *filename, char *type, PartContent *content, char *cid)
{
    MailPart *attachment = g_new(MailPart, 1);

    attachment->filename = filename;
    attachment->type = type;
    attachment->length = part_content_length(content, NULL);
    attachment->content = content;
    g_ptr_array_add(self->translation->mail->attachments, attachment);
    g_ptr_array_add(self->cids, cid);
}

bool
attach_part(Attacher *self, GMimePart *part, GError **error)
{
    GMimeObject *object = GMIME_OBJECT(part);
    g_autoptr(PartContent) content = attach_content(self, part);

    if (part_content_length(content, error) < 0)
        return false;

    g_autofree char *type = type_of(object);
    g_autofree char *filename = name_of(self, part, type);
    g_autofree char *cid = attach_content_id(object);
    add(self, g_steal_pointer(&filename), g_steal_pointer(&type), g_steal_pointer(&content),
        g_steal_pointer(&cid));
    return true;
}

static bool
names_hidden(const char *field)
{
    return g_ascii_strcasecmp(field, "Bcc") == 0 || g_ascii_strcasecmp(field, "Resent-Bcc") == 0;
}

/* The header again, if it tells of hidden recipients: without them. Else NULL. */
static GBytes *
discreet_header(const Fields *fields)
{
    g_autoptr(GString) out = g_string_new(NULL);
    bool indiscreet = false;

    for (guint i = 0; i < fields_count(fields); i++) {
        const Field *field = fields_at(fields, i);
        if (names_hidden(field->name))
            indiscreet = true;
        else
            g_string_append_printf(out, "%s:%s\r\n", field->name, field->value);
    }
    g_string_append(out, "\r\n");
    return indiscreet ? g_string_free_to_bytes(g_steal_pointer(&out)) : NULL;
}

bool
attach_message(Attacher *self, const char *filename)
{
    const Message *message = self->translation->message;
    Spool *spool = message_spool(message);
    g_autoptr(GBytes) header = discreet_header(message_fields(message));
    PartContent *content = header ? part_content_new_headed(header, spool, message_body_offset(message))
                                  : part_content_new(spool, 0, spool_length(spool), TRANSFER_IDENTITY);

    add(self, g_strdup(filename), g_strdup("message/rfc822"), content, NULL);
    return true;
}
