#include "sandbox/json_body.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/base64.h"

enum { DEPTH = 32, PIECE_CHARS = 16 * 1024 };

/* Stands before an attachment's number in what cJSON reads. No string of a client can begin so:
 * where it would matter, all of them are taken out. */
#define MARK "\x01"

typedef struct {
    Attachment *attachment;
    Base64 base64;
} JsonData;

struct JsonBody {
    char *folder;
    guint64 limit_bytes;
    guint64 text_limit_bytes;
    guint64 received_bytes;
    const char *fault;          /* why it is no JSON that can be read */
    GString *text;
    GPtrArray *datas;           /* of JsonData */
    JsonData *data;             /* the string being read is its */
    enum { OUTSIDE, IN_STRING, IN_ESCAPE } state;
    char escape[5];             /* what came after the backslash */
    size_t escape_chars;
    size_t string_at;           /* where the last string begins in text */
    bool value_next;            /* after a colon */
    unsigned depth;
    char *keys[DEPTH];          /* the member being read at each depth; NULL in arrays */
};

static void
json_data_free(void *data)
{
    JsonData *self = data;

    attachment_free(self->attachment);
    g_free(self);
}

JsonBody *
json_body_new(const JsonBodySettings *settings)
{
    JsonBody *self = g_new0(JsonBody, 1);

    self->folder = g_strdup(settings->folder);
    self->limit_bytes = settings->limit_bytes;
    self->text_limit_bytes = settings->text_limit_bytes;
    self->text = g_string_new(NULL);
    self->datas = g_ptr_array_new_with_free_func(json_data_free);
    return self;
}

void
json_body_free(JsonBody *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < DEPTH; i++)
        g_free(self->keys[i]);
    g_ptr_array_unref(self->datas);
    if (self->text)
        g_string_free(self->text, TRUE);
    g_free(self->folder);
    g_free(self);
}

static void
set_fault(JsonBody *self, const char *fault)
{
    if (!self->fault)
        self->fault = fault;
}

static void
feed_data(JsonData *self, const char *text, size_t n)
{
    guint8 out[PIECE_CHARS / 4 * 3 + 3];

    if (!self->attachment->folder) {
        base64_feed(&self->base64, text, n, NULL);
        self->attachment->size_bytes = base64_bytes(&self->base64);
        return;
    }
    while (n > 0) {
        size_t piece = MIN(n, (size_t) PIECE_CHARS);
        size_t bytes = base64_feed(&self->base64, text, piece, out);
        attachment_append(self->attachment, (const char *) out, bytes);
        text += piece;
        n -= piece;
    }
}

static void
take(JsonBody *self, const char *bytes, size_t n)
{
    if (self->data)
        feed_data(self->data, bytes, n);
    else
        g_string_append_len(self->text, bytes, (gssize) n);
}

static bool
is_key(const JsonBody *self, unsigned depth, const char *name)
{
    return g_strcmp0(self->keys[depth], name) == 0;
}

static void
begin_string(JsonBody *self)
{
    g_string_append_c(self->text, '"');
    self->string_at = self->text->len;
    self->state = IN_STRING;
    if (!self->value_next || self->depth < 3 || !is_key(self, self->depth, "data")
        || !is_key(self, self->depth - 2, "attachments-list"))
        return;
    g_string_append_printf(self->text, MARK "%u", self->datas->len);
    self->data = g_new0(JsonData, 1);
    self->data->attachment = attachment_new(self->folder);
    g_ptr_array_add(self->datas, self->data);
}

static void
end_string(JsonBody *self)
{
    g_string_append_c(self->text, '"');
    self->data = NULL;
    self->state = OUTSIDE;
}

/* The last string turns out to be a member's name. */
static void
take_key(JsonBody *self)
{
    g_autoptr(cJSON) name = NULL;

    if (self->string_at > 0)
        name = cJSON_ParseWithLength(self->text->str + self->string_at - 1,
                                     self->text->len - self->string_at + 1);
    g_free(self->keys[self->depth]);
    self->keys[self->depth] = g_strdup(cJSON_GetStringValue(name));
}

static void
enter(JsonBody *self)
{
    if (self->depth + 1 == DEPTH) {
        set_fault(self, "JSON is nested too deeply");
        return;
    }
    self->depth++;
    g_clear_pointer(&self->keys[self->depth], g_free);
}

static void
feed_outside(JsonBody *self, char c)
{
    if (c == '"') {
        begin_string(self);
        self->value_next = false;
        return;
    }
    if (c == ':')
        take_key(self);
    else if (c == '{' || c == '[')
        enter(self);
    else if ((c == '}' || c == ']') && self->depth > 0)
        self->depth--;
    if (!strchr(" \t\r\n", c) || !c)
        self->value_next = c == ':';
    g_string_append_c(self->text, c);
}

/* An escape within an attachment's base64: \/ and \u003d are usual there. */
static void
unescape_data(JsonBody *self)
{
    unsigned long code = self->escape[0] == 'u' ? strtoul(self->escape + 1, NULL, 16) : 0;
    char c = self->escape[0] == '/' ? '/' : code < 0x80 ? (char) code : '\0';

    feed_data(self->data, &c, 1);
}

static void
feed_escape(JsonBody *self, char c)
{
    self->escape[self->escape_chars++] = c;
    if (self->escape[0] == 'u') {
        if (self->escape_chars > 1 && !g_ascii_isxdigit(c))
            set_fault(self, "Request body is not JSON");
        if (self->escape_chars < sizeof self->escape)
            return;
        if (memcmp(self->escape + 1, "0000", 4) == 0)
            set_fault(self, "U+0000 is not allowed");
    }
    if (self->data) {
        unescape_data(self);
    } else {
        g_string_append_c(self->text, '\\');
        g_string_append_len(self->text, self->escape, (gssize) self->escape_chars);
    }
    self->state = IN_STRING;
}

/* Takes as much of a string as is nothing special; how much. */
static size_t
feed_string(JsonBody *self, const char *bytes, size_t n)
{
    size_t i = 0;

    while (i < n && (guchar) bytes[i] >= 0x20 && bytes[i] != '"' && bytes[i] != '\\')
        i++;
    take(self, bytes, i);
    if (i == n)
        return n;
    if (bytes[i] == '"') {
        end_string(self);
    } else if (bytes[i] == '\\') {
        self->state = IN_ESCAPE;
        self->escape_chars = 0;
        memset(self->escape, 0, sizeof self->escape);
    } else {
        set_fault(self, "Request body is not JSON: control character in a string");
    }
    return i + 1;
}

void
json_body_feed(JsonBody *self, const char *bytes, size_t n)
{
    self->received_bytes += n;
    if (self->received_bytes > self->limit_bytes || self->text->len > self->text_limit_bytes)
        set_fault(self, "Request body is too large");
    for (size_t i = 0; i < n && !self->fault;) {
        if (self->state == IN_STRING)
            i += feed_string(self, bytes + i, n - i);
        else if (self->state == IN_ESCAPE)
            feed_escape(self, bytes[i++]);
        else
            feed_outside(self, bytes[i++]);
    }
}

cJSON *
json_body_parse(JsonBody *self, const char **why)
{
    g_autoptr(cJSON) json = NULL;

    if (!self->fault && g_utf8_validate(self->text->str, (gssize) self->text->len, NULL))
        json = cJSON_ParseWithOpts(self->text->str, NULL, true);
    /* cJSON has its own copy, and there may be a lot of it. */
    g_string_free(g_steal_pointer(&self->text), TRUE);
    if (!json)
        *why = self->fault ? self->fault : "Request body is not JSON";
    return g_steal_pointer(&json);
}

Attachment *
json_body_attachment(JsonBody *self, const cJSON *data)
{
    const char *text = cJSON_GetStringValue(data);
    guint64 number;

    if (!text || *text != *MARK
        || !g_ascii_string_to_unsigned(text + 1, 10, 0, G_MAXUINT, &number, NULL)
        || number >= self->datas->len)
        return NULL;
    JsonData *found = self->datas->pdata[number];
    return base64_is_whole(&found->base64) ? found->attachment : NULL;
}
