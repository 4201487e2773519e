#include "mail/reply.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

void
reply_set(Reply *self, int code, const char *dsn, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = g_strdup_vprintf(format, args);
    va_end(args);

    reply_clear(self); /* only now: an argument may have been the old text */
    *self = (Reply){ code, dsn, text };
}

void
reply_clear(Reply *self)
{
    g_free(self->text);
    *self = (Reply){ 0 };
}

/* One line without anything that could end it or steer a terminal. */
static char *
clean_line(const char *text, size_t n)
{
    g_autofree char *line = g_utf8_make_valid(text, (gssize)n);
    GString *out = g_string_sized_new(n);

    for (const char *p = line; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (c == 0xFFFD || !g_unichar_isprint(c))
            g_string_append_c(out, '?');
        else
            g_string_append_unichar(out, c);
    }
    return g_string_free(out, FALSE);
}

/* How much of text fits in max bytes: all, up to a blank, or up to a whole character. */
static size_t
fitting(const char *text, size_t max)
{
    if (strlen(text) <= max)
        return strlen(text);

    size_t n = max;
    while (n > 0 && text[n] != ' ')
        n--;
    if (n > 0)
        return n;
    for (n = max; (text[n] & 0xC0) == 0x80;)
        n--;
    return n;
}

/* The lines that text takes on the wire. */
static GPtrArray *
reply_lines(const char *text, size_t max)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    const char *end = text + strlen(text);

    while (end > text && end[-1] == '\n')
        end--;
    for (const char *at = text;;) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        g_autofree char *line = clean_line(at, (size_t)((lf ? lf : end) - at));

        for (const char *rest = line;;) {
            size_t n = fitting(rest, max);
            g_ptr_array_add(lines, g_strndup(rest, n));
            rest += n;
            while (*rest == ' ')
                rest++;
            if (!*rest)
                break;
        }
        if (!lf)
            return lines;
        at = lf + 1;
    }
}

static void
print_line(GString *out, const Reply *reply, char separator, const char *line)
{
    const char head[] = { (char)('0' + reply->code / 100 % 10), (char)('0' + reply->code / 10 % 10),
                          (char)('0' + reply->code % 10), separator };

    g_string_append_len(out, head, sizeof head);
    if (reply->dsn && *reply->dsn) {
        g_string_append(out, reply->dsn);
        g_string_append_c(out, ' ');
    }
    g_string_append(out, line);
    g_string_append(out, "\r\n");
}

/* What reply_lines() would only copy: nearly all replies. */
static bool
is_one_line(const char *text, size_t max)
{
    const char *p = text;

    while (*p >= ' ' && *p < 0x7f)
        p++;
    return !*p && (size_t)(p - text) <= max;
}

void
reply_print(const Reply *self, GString *out)
{
    const char *text = self->text ? self->text : "";
    size_t dsn = self->dsn && *self->dsn ? strlen(self->dsn) + strlen(" ") : 0;
    size_t room = REPLY_LINE_BYTES - strlen("250 ") - dsn - strlen("\r\n");

    if (is_one_line(text, room)) {
        print_line(out, self, ' ', text);
        return;
    }
    g_autoptr(GPtrArray) lines = reply_lines(text, room);
    for (guint i = 0; i < lines->len; i++)
        print_line(out, self, i + 1 < lines->len ? '-' : ' ', lines->pdata[i]);
}
