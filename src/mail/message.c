#include "mail/message.h"

#include "mail/spool_stream.h"
#include "mail/tree.h"

#include <string.h>

struct Message {
    Spool *spool;
    GMimeObject *root;
    Fields *fields;
    GArray *missing; /* scan_missing_lines() */
    gint64 body_offset;
    bool flat;
};

void
message_free(Message *self)
{
    if (!self)
        return;
    g_clear_object(&self->root);
    fields_free(self->fields);
    if (self->missing)
        g_array_unref(self->missing);
    spool_unref(self->spool);
    g_free(self);
}

static bool
read_fields(Message *self, const Scan *scan, GError **error)
{
    gint64 offset = scan_header_offset(scan);
    gsize size = self->body_offset - offset, have = 0; /* capped by the scan */
    g_autofree char *header = g_malloc(size + 1);

    while (have < size) {
        gssize got = spool_read_at(self->spool, offset + (gint64) have, header + have, size - have, error);
        if (got < 0)
            return false;
        if (got == 0) {
            g_set_error(error, MAIL_ERROR, MAIL_ERROR_READ, "the message got shorter");
            return false;
        }
        have += got;
    }
    self->fields = fields_parse(header, size);
    return true;
}

/* The part of the header that says what the body is, for GMime. */
static GBytes *
structure_header(const Message *self)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < fields_count(self->fields); i++) {
        const Field *field = fields_at(self->fields, i);
        if (g_ascii_strncasecmp(field->name, "Content-", 8) != 0)
            continue;
        g_string_append(out, field->name);
        g_string_append_c(out, ':');
        g_string_append(out, field->value);
        g_string_append_c(out, '\n');
    }
    g_string_append_c(out, '\n');
    return g_string_free_to_bytes(out);
}

static GMimeObject *
text_part(GMimeStream *content)
{
    GMimePart *part = g_mime_part_new_with_type("text", "plain");
    g_autoptr(GMimeDataWrapper) wrapper =
        g_mime_data_wrapper_new_with_stream(content, GMIME_CONTENT_ENCODING_DEFAULT);

    g_mime_part_set_content(part, wrapper);
    return (GMimeObject *) part;
}

/* Takes back what GMime's parser loses. A multipart in which no part was found, for want of a boundary or
 * because of a wrong one, has its text where a preamble would be: that becomes a part. */
static void
mend(GMimeObject *object)
{
    if (GMIME_IS_PART(object)) {
        GMimeDataWrapper *content = g_mime_part_get_content((GMimePart *) object);
        if (content)
            spool_stream_mend_end(g_mime_data_wrapper_get_stream(content));
        return;
    }
    if (!GMIME_IS_MULTIPART(object))
        return;
    GMimeMultipart *multipart = (GMimeMultipart *) object;
    const char *preamble = g_mime_multipart_get_prologue(multipart);

    if (g_mime_multipart_get_count(multipart) == 0 && preamble) {
        g_autoptr(GMimeStream) stream = g_mime_stream_mem_new_with_buffer(preamble, strlen(preamble));
        g_autoptr(GMimeObject) part = text_part(stream);
        g_mime_multipart_add(multipart, part);
        return;
    }
    for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
        mend(g_mime_multipart_get_part(multipart, i));
}

/* Whether the message has a type that says nothing, such as "text", which GMime takes for binary. */
static bool
has_bad_type(const Message *self)
{
    const char *type = NULL;

    for (guint i = 0; fields_get(self->fields, "Content-Type", i); i++)
        type = fields_get(self->fields, "Content-Type", i); /* the last counts */
    return type && !strchr(type, '/');
}

/* GMime's tree; NULL when there is no structure. */
static GMimeObject *
parse(const Message *self, GError **error)
{
    g_autoptr(GBytes) header = structure_header(self);
    g_autoptr(GMimeStream) stream = spool_stream_new(header, self->spool, self->body_offset, self->missing);
    g_autoptr(GMimeParser) parser = g_mime_parser_new_with_stream(stream);
    g_autoptr(GMimeObject) root = g_mime_parser_construct_part(parser, NULL);

    if (spool_stream_failed(stream)) {
        g_set_error(error, MAIL_ERROR, MAIL_ERROR_READ, "cannot read the spooled message");
        return NULL;
    }
    if (!root || (GMIME_IS_MULTIPART(root) && g_mime_multipart_get_count((GMimeMultipart *) root) == 0))
        return NULL;
    mend(root);
    return g_steal_pointer(&root);
}

static void
flatten(Message *self)
{
    g_autoptr(GBytes) nothing = g_bytes_new_static("", 0);
    g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GMimeStream) stream = spool_stream_new(nothing, self->spool, self->body_offset, none);

    self->root = text_part(stream);
    self->flat = true;
}

bool
message_allowed(const Scan *scan, GError **error)
{
    if (scan_verdict(scan) != SCAN_REFUSED)
        return true;
    g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_SYNTAX, scan_reason(scan));
    return false;
}

Message *
message_open(Spool *spool, const Scan *scan, GError **error)
{
    ScanVerdict verdict = scan_verdict(scan);
    GError *problem = NULL;

    gmime_ready();
    if (!message_allowed(scan, error))
        return NULL;
    g_autoptr(Message) self = g_new0(Message, 1);
    self->spool = spool_ref(spool);
    self->missing = g_array_ref(scan_missing_lines(scan));
    self->body_offset = scan_body_offset(scan);
    if (!read_fields(self, scan, &problem)) {
        g_set_error(error, MAIL_ERROR, MAIL_ERROR_READ, "%s", problem->message);
        g_error_free(problem);
        return NULL;
    }
    if (verdict == SCAN_OK && fields_count(self->fields) > 0 && !has_bad_type(self))
        self->root = parse(self, &problem);
    if (problem) {
        g_propagate_error(error, problem);
        return NULL;
    }
    if (!self->root)
        flatten(self);
    return g_steal_pointer(&self);
}

GMimeObject *
message_root(const Message *self)
{
    return self->root;
}

const Fields *
message_fields(const Message *self)
{
    return self->fields;
}

Spool *
message_spool(const Message *self)
{
    return self->spool;
}

gint64
message_body_offset(const Message *self)
{
    return self->body_offset;
}

bool
message_is_flat(const Message *self)
{
    return self->flat;
}

const char *
part_field(GMimeObject *part, const char *name)
{
    GMimeHeaderList *headers = g_mime_object_get_header_list(part);

    for (int i = g_mime_header_list_get_count(headers); i-- > 0;) {
        GMimeHeader *header = g_mime_header_list_get_header_at(headers, i);
        if (g_ascii_strcasecmp(g_mime_header_get_name(header), name) == 0)
            return g_mime_header_get_raw_value(header);
    }
    return NULL;
}

Fields *
part_inner_fields(GMimePart *part)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeContentEncoding encoding =
        content ? g_mime_data_wrapper_get_encoding(content) : GMIME_CONTENT_ENCODING_BASE64;
    char block[4096];

    /* An encoded one is against the standard; the part is attached all the same, without its subject. */
    if (encoding == GMIME_CONTENT_ENCODING_BASE64 || encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE ||
        encoding == GMIME_CONTENT_ENCODING_UUENCODE)
        return fields_parse("", 0);

    GMimeStream *stream = g_mime_data_wrapper_get_stream(content);
    g_mime_stream_reset(stream);
    while (bytes->len < SCAN_MAX_HEADER_BYTES) {
        ssize_t got = g_mime_stream_read(stream, block, sizeof block);
        if (got <= 0)
            break;
        g_byte_array_append(bytes, (guint8 *) block, got);
    }
    g_mime_stream_reset(stream);
    return fields_parse(bytes->len ? (char *) bytes->data : "", bytes->len);
}
