#include "query/form.h"

#include <stdbool.h>
#include <string.h>

enum { FORM_MAX_BOUNDARY = 200 }; /* RFC 2046 has 70 */

typedef struct {
    const char *at;
    gsize n;
} Span;

/* --- application/x-www-form-urlencoded ------------------------------------------------------------ */

static GString *
decode(Span text)
{
    GString *out = g_string_sized_new(text.n);

    for (gsize i = 0; i < text.n; i++) {
        char c = text.at[i];
        bool hex = c == '%' && text.n - i > 2 && g_ascii_isxdigit(text.at[i + 1]) && g_ascii_isxdigit(text.at[i + 2]);
        if (hex) {
            c = (char) (g_ascii_xdigit_value(text.at[i + 1]) * 16 + g_ascii_xdigit_value(text.at[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        g_string_append_c(out, c);
    }
    return out;
}

static bool
is_name(Span text, const char *name)
{
    if (text.n > 3 * strlen(name))
        return false;
    GString *plain = decode(text);
    bool same = plain->len == strlen(name) && memcmp(plain->str, name, plain->len) == 0;
    g_string_free(plain, TRUE);
    return same;
}

static GString *
urlencoded_value(Span body, const char *name)
{
    while (body.n > 0) {
        const char *end = memchr(body.at, '&', body.n);
        gsize n = end ? (gsize) (end - body.at) : body.n;
        const char *equal = memchr(body.at, '=', n);
        Span key = { body.at, equal ? (gsize) (equal - body.at) : n };
        Span value = { equal ? equal + 1 : body.at + n, equal ? n - key.n - 1 : 0 };
        if (is_name(key, name))
            return decode(value);
        gsize step = MIN(n + 1, body.n);
        body = (Span) { body.at + step, body.n - step };
    }
    return NULL;
}

/* --- multipart/form-data -------------------------------------------------------------------------- */

/* "--" and the boundary of the type; NULL: it has none that is one. The caller frees. */
static char *
delimiter_of(const char *type)
{
    const char *at = strcasestr(type, "boundary=");

    if (!at)
        return NULL;
    at += strlen("boundary=");
    gsize n = *at == '"' ? strcspn(++at, "\"") : strcspn(at, "; \t");
    return n > 0 && n <= FORM_MAX_BOUNDARY ? g_strdup_printf("--%.*s", (int) n, at) : NULL;
}

/* What lies before the next delimiter, without the line end that belongs to that; *body goes behind it. False: there is
 * none. */
static bool
next_part(Span *body, const char *delimiter, Span *part)
{
    gsize length = strlen(delimiter);
    const char *end = memmem(body->at, body->n, delimiter, length);

    if (!end)
        return false;
    gsize n = (gsize) (end - body->at);
    *part = (Span) { body->at, n };
    if (part->n > 0 && part->at[part->n - 1] == '\n')
        part->n--;
    if (part->n > 0 && part->at[part->n - 1] == '\r')
        part->n--;
    *body = (Span) { end + length, body->n - n - length };
    return true;
}

/* Whether a line says name="…". */
static bool
line_names(Span line, const char *name)
{
    g_autofree char *text = g_strndup(line.at, line.n);
    g_autofree char *quoted = g_strdup_printf("name=\"%s\"", name);
    const char *at = strstr(text, quoted);

    return g_ascii_strncasecmp(text, "content-disposition:", 20) == 0 && at && at > text && strchr(" \t;", at[-1]);
}

/* A part's head up to the empty line; part becomes what is behind it. */
static bool
part_names(Span *part, const char *name)
{
    bool found = false;

    for (bool first = true; part->n > 0; first = false) {
        const char *end = memchr(part->at, '\n', part->n);
        if (!end)
            return false;
        Span line = { part->at, (gsize) (end - part->at) };
        *part = (Span) { end + 1, part->n - line.n - 1 };
        if (line.n > 0 && line.at[line.n - 1] == '\r')
            line.n--;
        if (line.n == 0 && !first) /* the first line is the rest of the delimiter's */
            return found;
        found = found || line_names(line, name);
    }
    return false;
}

static GString *
multipart_value(const char *type, Span body, const char *name)
{
    g_autofree char *delimiter = delimiter_of(type);
    Span part;

    if (!delimiter)
        return NULL;
    next_part(&body, delimiter, &part); /* what stands before the first one */
    while (next_part(&body, delimiter, &part)) {
        if (part_names(&part, name))
            return g_string_new_len(part.at, (gssize) part.n);
    }
    return NULL;
}

GString *
form_value(const char *type, const char *bytes, gsize n, const char *name)
{
    Span body = { bytes, n };

    if (type && g_ascii_strncasecmp(type, "multipart/form-data", strlen("multipart/form-data")) == 0)
        return multipart_value(type, body, name);
    return urlencoded_value(body, name);
}
