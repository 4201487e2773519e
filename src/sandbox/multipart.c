#include "sandbox/multipart.h"

#include <string.h>

typedef enum { AT_PREAMBLE, AT_BOUNDARY, AT_HEAD, AT_DATA, AT_END, AT_FAULT } MultipartState;

struct Multipart {
    MultipartState state;
    const MultipartHandler *handler;
    void *user;
    GString *delimiter;         /* CRLF "--" boundary */
    GString *buffer;
};

static bool
is_boundary_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("'()+_,-./:=? ", c));
}

char *
multipart_boundary(const char *content_type)
{
    static const char media[] = "multipart/form-data";

    if (!content_type || g_ascii_strncasecmp(content_type, media, strlen(media)) != 0)
        return NULL;
    if (!strchr("; \t", content_type[strlen(media)]))
        return NULL;
    g_autofree char *boundary = multipart_parameter(content_type, "boundary");
    if (!boundary || !*boundary || strlen(boundary) > 70)
        return NULL;
    for (const char *p = boundary; *p; p++)
        if (!is_boundary_char(*p))
            return NULL;
    return g_steal_pointer(&boundary);
}

Multipart *
multipart_new(const char *boundary, const MultipartHandler *handler, void *user)
{
    Multipart *self = g_new0(Multipart, 1);

    self->handler = handler;
    self->user = user;
    self->delimiter = g_string_new("\r\n--");
    g_string_append(self->delimiter, boundary);
    /* The first boundary may be the body's first line: as if a line had ended before it. */
    self->buffer = g_string_new("\r\n");
    return self;
}

void
multipart_free(Multipart *self)
{
    if (!self)
        return;
    g_string_free(self->delimiter, TRUE);
    g_string_free(self->buffer, TRUE);
    g_free(self);
}

/* Skips a quoted string that starts at p; the end, or NULL without its closing quote. */
static const char *
quoted_end(const char *p)
{
    for (p++; *p && *p != '"'; p++)
        if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
    return *p ? p + 1 : NULL;
}

/* Undoes \" and \\ and what browsers and curl write for quotes and line ends in names. */
static char *
unquote(const char *p, size_t n)
{
    g_autoptr(GString) out = g_string_sized_new(n);

    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\\' && i + 1 < n && (p[i + 1] == '"' || p[i + 1] == '\\'))
            g_string_append_c(out, p[++i]);
        else if (p[i] == '%' && n - i >= 3 && memcmp(p + i, "%22", 3) == 0)
            g_string_append_c(out, '"'), i += 2;
        else if (p[i] == '%' && n - i >= 3 && memcmp(p + i, "%0D", 3) == 0)
            g_string_append_c(out, '\r'), i += 2;
        else if (p[i] == '%' && n - i >= 3 && memcmp(p + i, "%0A", 3) == 0)
            g_string_append_c(out, '\n'), i += 2;
        else
            g_string_append_c(out, p[i]);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

char *
multipart_parameter(const char *value, const char *name)
{
    const char *p = value + strcspn(value, ";");

    while (*p == ';') {
        p += 1 + strspn(p + 1, " \t");
        size_t key = strcspn(p, "=;\"");
        if (p[key] != '=') {
            p += strcspn(p, ";");
            continue;
        }
        bool wanted = strlen(name) == key && g_ascii_strncasecmp(p, name, key) == 0;
        p += key + 1;
        if (*p == '"') {
            const char *end = quoted_end(p);
            if (!end)
                return NULL;
            if (wanted)
                return unquote(p + 1, (size_t) (end - p) - 2);
            p = end + strspn(end, " \t");
        } else {
            size_t n = strcspn(p, ";");
            if (wanted)
                return g_strstrip(g_strndup(p, n));
            p += n;
        }
    }
    return NULL;
}

/* Reads a part's header, n bytes without the empty line. False if it's not a form's part. */
static bool
read_head(const char *bytes, size_t n, PartHead *head)
{
    if (memchr(bytes, 0, n))
        return false;
    g_autofree char *text = g_strndup(bytes, n);
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    const char *disposition = NULL;

    for (char **line = lines; *line; line++) {
        if (g_ascii_strncasecmp(*line, "Content-Disposition:", 20) == 0)
            disposition = *line + 20 + strspn(*line + 20, " \t");
        else if (g_ascii_strncasecmp(*line, "Content-Type:", 13) == 0 && !head->type)
            head->type = g_strstrip(g_strdup(*line + 13));
    }
    if (!disposition || g_ascii_strncasecmp(disposition, "form-data", 9) != 0)
        return false;
    head->name = multipart_parameter(disposition, "name");
    head->filename = multipart_parameter(disposition, "filename");
    return head->name != NULL;
}

static void
part_head_clear(PartHead *head)
{
    g_free(head->name);
    g_free(head->filename);
    g_free(head->type);
}

/* Each step takes what it can from the buffer; false when it needs more bytes. */
static bool
step_head(Multipart *self)
{
    char *bytes = self->buffer->str;
    size_t skip = 2;
    char *end = self->buffer->len >= 2 && memcmp(bytes, "\r\n", 2) == 0 ? bytes : NULL;

    if (!end) {
        end = memmem(bytes, self->buffer->len, "\r\n\r\n", 4);
        skip = 4;
    }
    if (!end) {
        if (self->buffer->len > MULTIPART_HEAD_BYTES)
            self->state = AT_FAULT;
        return self->state == AT_FAULT;
    }
    PartHead head = { 0 };
    self->state = read_head(bytes, (size_t) (end - bytes), &head) ? AT_DATA : AT_FAULT;
    if (self->state == AT_DATA)
        self->handler->begin(self->user, &head);
    part_head_clear(&head);
    g_string_erase(self->buffer, 0, end - bytes + (gssize) skip);
    return true;
}

static bool
step_data(Multipart *self)
{
    GString *buffer = self->buffer;
    char *found = memmem(buffer->str, buffer->len, self->delimiter->str, self->delimiter->len);
    size_t keep = self->delimiter->len - 1;
    size_t n = found ? (size_t) (found - buffer->str) : buffer->len > keep ? buffer->len - keep : 0;

    if (self->state == AT_DATA && n > 0)
        self->handler->data(self->user, buffer->str, n);
    if (!found) {
        g_string_erase(buffer, 0, (gssize) n);
        return false;
    }
    if (self->state == AT_DATA)
        self->handler->end(self->user);
    g_string_erase(buffer, 0, (gssize) (n + self->delimiter->len));
    self->state = AT_BOUNDARY;
    return true;
}

static bool
step_boundary(Multipart *self)
{
    GString *buffer = self->buffer;
    size_t blanks = strspn(buffer->str, " \t");

    if (buffer->len < 2)
        return false;
    if (memcmp(buffer->str, "--", 2) == 0) {
        self->state = AT_END;
        return true;
    }
    if (buffer->len < blanks + 2 && blanks < MULTIPART_HEAD_BYTES)
        return false;
    if (memcmp(buffer->str + blanks, "\r\n", 2) != 0) {
        self->state = AT_FAULT;
        return true;
    }
    g_string_erase(buffer, 0, (gssize) blanks + 2);
    self->state = AT_HEAD;
    return true;
}

void
multipart_feed(Multipart *self, const char *bytes, size_t n)
{
    bool more = true;

    if (self->state != AT_END && self->state != AT_FAULT)
        g_string_append_len(self->buffer, bytes, (gssize) n);
    while (more) {
        switch (self->state) {
        case AT_HEAD:
            more = step_head(self);
            break;
        case AT_PREAMBLE:
        case AT_DATA:
            more = step_data(self);
            break;
        case AT_BOUNDARY:
            more = step_boundary(self);
            break;
        case AT_END:
        case AT_FAULT:
            g_string_truncate(self->buffer, 0);
            more = false;
            break;
        }
    }
}

bool
multipart_is_complete(const Multipart *self)
{
    return self->state == AT_END;
}
