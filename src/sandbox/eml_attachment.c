#include "sandbox/eml_attachment.h"

#include <string.h>

#include "sandbox/mime_header.h"

/* 76 characters of base64 per line; longest line of what is not base64. */
enum { LINE_BYTES = 57, BLOCK_BYTES = LINE_BYTES * 1024, RAW_LINE_BYTES = 998 };

void
eml_base64_write(FILE *out, const guchar *bytes, size_t n)
{
    for (size_t at = 0; at < n; at += LINE_BYTES) {
        char line[LINE_BYTES / 3 * 4 + 16];
        int state = 0;
        int save = 0;
        size_t piece = MIN(n - at, (size_t) LINE_BYTES);
        size_t done = g_base64_encode_step(bytes + at, piece, FALSE, line, &state, &save);
        done += g_base64_encode_close(FALSE, line + done, &state, &save);
        memcpy(line + done, "\r\n", 2);
        fwrite(line, 1, done + 2, out);
    }
}

static bool
on_base64_block(const guint8 *block, size_t n, void *out)
{
    eml_base64_write(out, block, n);
    return true;
}

/* What a content would be as a message of its own within the part. */
typedef struct {
    bool fits;                  /* a header, lines that end in CRLF, none too long */
    bool eight_bit;
    bool in_head;
    bool in_name;               /* of a header field, before its colon */
    size_t column;
    guint8 last;
} RawMessage;

/* True if c may stand there in the header. */
static bool
fits_head(RawMessage *self, guint8 c)
{
    bool first = self->column == 0;

    if (c >= 0x80)
        return false;
    if (c == '\r')
        return first ? self->last != 0 : !self->in_name;
    if (!first && !self->in_name)
        return true;
    if (first && (c == ' ' || c == '\t')) {
        self->in_name = false;
        return self->last != 0;
    }
    self->in_name = c != ':';
    return c > ' ' && c < 0x7f && !(first && c == ':');
}

static void
take_byte(RawMessage *self, guint8 c)
{
    if (c == '\n') {
        self->fits = self->fits && self->last == '\r';
        /* An empty line, but not the first one: something of a header is there. */
        if (self->column == 1)
            self->in_head = false;
        self->in_name = true;
        self->column = 0;
    } else {
        self->eight_bit = self->eight_bit || c >= 0x80;
        if (c == '\0' || self->last == '\r' || self->column > RAW_LINE_BYTES
            || (self->column == RAW_LINE_BYTES && c != '\r') || (self->in_head && !fits_head(self, c)))
            self->fits = false;
        self->column++;
    }
    self->last = c;
}

static bool
on_raw_block(const guint8 *block, size_t n, void *user)
{
    RawMessage *self = user;

    for (size_t i = 0; i < n && self->fits; i++)
        take_byte(self, block[i]);
    return self->fits;
}

static bool
on_copy_block(const guint8 *block, size_t n, void *out)
{
    fwrite(block, 1, n, out);
    return true;
}

bool
eml_attachment_may_be_8bit(const Attachment *attachment)
{
    static const char message[] = "message/rfc822";

    return attachment->type && g_ascii_strncasecmp(attachment->type, message, strlen(message)) == 0
           && strchr("; \t", attachment->type[strlen(message)]);
}

/* How the content can stand in the part without base64, which MIME forbids for messages; NULL if
 * it can't, or is none. */
static const char *
raw_encoding(const Attachment *attachment)
{
    RawMessage raw = { .fits = true, .in_head = true, .in_name = true };

    if (!eml_attachment_may_be_8bit(attachment) || attachment->size_bytes == 0
        || !attachment_each(attachment, BLOCK_BYTES, on_raw_block, &raw) || !raw.fits || raw.last == '\r')
        return NULL;
    if (raw.in_head && raw.in_name && raw.column > 0)
        return NULL;
    return raw.eight_bit ? "8bit" : "7bit";
}

/* A type that may stand in a header and lets base64 hold anything; else octet-stream. */
static const char *
safe_type(const char *type)
{
    static const char token[] = "[A-Za-z0-9!#$&^_.+-]+";
    static gsize once;
    static GRegex *pattern;

    if (g_once_init_enter(&once)) {
        static const char quoted[] = "\"[^\"\\\\\\x00-\\x1f\\x7f-\\xff]*\"";
        g_autofree char *text = g_strdup_printf("^%s/%s([ \t]*;[ \t]*%s=(%s|%s))*$", token, token, token,
                                                token, quoted);
        pattern = g_regex_new(text, G_REGEX_RAW | G_REGEX_DOLLAR_ENDONLY, 0, NULL);
        g_once_init_leave(&once, 1);
    }
    if (!type || strlen(type) > 200 || !g_regex_match(pattern, type, 0, NULL))
        return "application/octet-stream";
    if (g_ascii_strncasecmp(type, "multipart/", 10) == 0 || g_ascii_strncasecmp(type, "message/", 8) == 0)
        return "application/octet-stream";
    return type;
}

bool
eml_attachment_write(FILE *out, const Attachment *attachment)
{
    g_autoptr(GString) head = g_string_new(NULL);
    const char *raw = raw_encoding(attachment);
    const char *type = raw ? "message/rfc822" : safe_type(attachment->type);

    g_string_append_printf(head, "Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n"
                           "Content-Disposition: attachment", type, raw ? raw : "base64");
    mime_header_parameter(head, "filename", attachment->filename);
    g_string_append(head, "\r\n");
    if (attachment->type && g_ascii_strcasecmp(type, attachment->type) != 0)
        mime_header_text(head, "X-Sandbox-Type", attachment->type, false);
    fprintf(out, "%s\r\n", head->str);
    return attachment_each(attachment, BLOCK_BYTES, raw ? on_copy_block : on_base64_block, out);
}
