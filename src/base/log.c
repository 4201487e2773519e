#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* What a value leaves free for each pair behind it, so that one long value from a
 * stranger doesn't push the others off the line. */
enum { LOG_PAIR_BYTES = 64 };

static const char log_ellipsis[] = "\xe2\x80\xa6";

static int log_level = LOG_INFO;
static bool log_journal;

typedef struct {
    char bytes[LOG_LINE_BYTES];
    size_t used;
} LogLine;

void
log_open(int level)
{
    log_level = level;
    log_journal = g_getenv("JOURNAL_STREAM") != NULL;
}

gboolean
log_wants(int level)
{
    return level <= log_level;
}

const char *
log_num(char buf[24], gint64 n)
{
    g_snprintf(buf, 24, "%" G_GINT64_FORMAT, n);
    return buf;
}

/* Length of the character at text if it may be shown as it is, else 0. Line and paragraph
 * separators print but break lines for some readers; so do bidirectional controls, which are
 * of type "format". */
static size_t
log_printable(const char *text, size_t left)
{
    if ((unsigned char) *text < 0x80)
        return *text >= ' ' && *text != 0x7f ? 1 : 0;

    gunichar c = g_utf8_get_char_validated(text, left);
    if (c >= (gunichar) -2)
        return 0;
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return 0;
    default:
        return g_utf8_next_char(text) - text;
    }
}

static bool
log_needs_quotes(const char *value)
{
    if (!*value)
        return true;
    for (const char *p = value; *p; p++)
        if (*p <= ' ' || *p == '"' || *p == '\\' || *p == 0x7f || (unsigned char) *p >= 0x80)
            return true;
    return false;
}

/* Writes the next character of text, shown or escaped, to out (room for 4 bytes or the
 * character). Returns how many bytes of text it took. */
static size_t
log_escape(const char *text, size_t left, char out[8], size_t *out_length)
{
    size_t whole = log_printable(text, left);

    if (*text == '"' || *text == '\\' || *text == '\n' || *text == '\r' || *text == '\t') {
        out[0] = '\\';
        out[1] = *text == '\n' ? 'n' : *text == '\r' ? 'r' : *text == '\t' ? 't' : *text;
        *out_length = 2;
        return 1;
    }
    if (whole) {
        memcpy(out, text, whole);
        *out_length = whole;
        return whole;
    }
    *out_length = g_snprintf(out, 8, "\\x%02x", (unsigned char) *text);
    return 1;
}

/* Appends the value in quotes, using up to room bytes. */
static void
log_put_quoted(LogLine *line, const char *value, size_t room)
{
    size_t left = strlen(value);
    size_t end = line->used + room - strlen("\"") - strlen(log_ellipsis);

    line->bytes[line->used++] = '"';
    while (left > 0) {
        char shown[8];
        size_t length;
        size_t taken = log_escape(value, left, shown, &length);

        if (line->used + length > end) {
            memcpy(line->bytes + line->used, log_ellipsis, strlen(log_ellipsis));
            line->used += strlen(log_ellipsis);
            break;
        }
        memcpy(line->bytes + line->used, shown, length);
        line->used += length;
        value += taken;
        left -= taken;
    }
    line->bytes[line->used++] = '"';
}

static void
log_put_pair(LogLine *line, const char *key, const char *value, guint pairs_behind)
{
    size_t key_length = strlen(key);
    size_t room = sizeof line->bytes - 1 - line->used;
    size_t reserved = pairs_behind * LOG_PAIR_BYTES;
    size_t fixed = key_length + strlen(" =\"\"") + strlen(log_ellipsis);

    if (room < fixed)
        return;
    if (room > reserved + fixed)
        room -= reserved;
    line->bytes[line->used++] = ' ';
    memcpy(line->bytes + line->used, key, key_length);
    line->used += key_length;
    line->bytes[line->used++] = '=';
    room -= key_length + 2;

    size_t length = strlen(value);
    if (length <= room && !log_needs_quotes(value)) {
        memcpy(line->bytes + line->used, value, length);
        line->used += length;
    } else {
        log_put_quoted(line, value, room);
    }
}

void
log_event(int level, const char *event, ...)
{
    if (!log_wants(level))
        return;

    va_list args;
    guint pairs = 0;
    va_start(args, event);
    while (va_arg(args, const char *))
        if (va_arg(args, const char *))
            pairs++;
    va_end(args);

    LogLine line;
    line.used = log_journal ? g_snprintf(line.bytes, sizeof line.bytes, "<%d>", level) : 0;
    line.used += g_strlcpy(line.bytes + line.used, event, sizeof line.bytes - line.used);
    line.used = MIN(line.used, sizeof line.bytes - 1);
    va_start(args, event);
    for (const char *key; (key = va_arg(args, const char *));) {
        const char *value = va_arg(args, const char *);
        if (value)
            log_put_pair(&line, key, value, --pairs);
    }
    va_end(args);
    line.bytes[line.used++] = '\n';

    while (write(STDERR_FILENO, line.bytes, line.used) < 0 && errno == EINTR)
        ;
}
