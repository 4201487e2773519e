#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* What a value leaves free for each pair behind it, so that one long value from a
 * stranger doesn't push the others off the line. */
enum { LOG_PAIR_BYTES = 64, LOG_SHOWN_BYTES = 16 };

static const char log_ellipsis[] = "\xe2\x80\xa6";

static int log_level = LOG_INFO;
static bool log_journal, log_json;

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

void
log_use_json(gboolean json)
{
    log_json = json;
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

/* What is not to be shown: a character by its number, a byte of none as U+FFFD. */
static size_t
log_escape_json(const char *text, size_t left, char out[LOG_SHOWN_BYTES], size_t *out_length)
{
    gunichar c = g_utf8_get_char_validated(text, left);

    if (c >= (gunichar) -2) {
        *out_length = g_snprintf(out, LOG_SHOWN_BYTES, "\\ufffd");
        return 1;
    }
    if (c < 0x10000)
        *out_length = g_snprintf(out, LOG_SHOWN_BYTES, "\\u%04x", c);
    else
        *out_length = g_snprintf(out, LOG_SHOWN_BYTES, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
    return g_utf8_next_char(text) - text;
}

/* Writes the next character of text, shown or escaped, to out. Returns how many bytes of text it took. */
static size_t
log_escape(const char *text, size_t left, char out[LOG_SHOWN_BYTES], size_t *out_length)
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
    if (log_json)
        return log_escape_json(text, left, out, out_length);
    *out_length = g_snprintf(out, LOG_SHOWN_BYTES, "\\x%02x", (unsigned char) *text);
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
        char shown[LOG_SHOWN_BYTES];
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
log_put(LogLine *line, const char *bytes)
{
    size_t n = strlen(bytes);

    memcpy(line->bytes + line->used, bytes, n);
    line->used += n;
}

static void
log_put_pair(LogLine *line, const char *key, const char *value, guint pairs_behind)
{
    size_t room = sizeof line->bytes - strlen(log_json ? "}\n" : "\n") - line->used;
    size_t reserved = pairs_behind * LOG_PAIR_BYTES;
    size_t fixed = strlen(key) + strlen(log_json ? ",\"\":\"\"" : " =\"\"") + strlen(log_ellipsis);

    if (room < fixed)
        return;
    if (room > reserved + fixed)
        room -= reserved;
    size_t before = line->used;
    log_put(line, log_json ? ",\"" : " ");
    log_put(line, key);
    log_put(line, log_json ? "\":" : "=");
    room -= line->used - before;
    if (!log_json && strlen(value) <= room && !log_needs_quotes(value))
        log_put(line, value);
    else
        log_put_quoted(line, value, room);
}

/* Seconds alone would not tell the order of lines. */
static void
log_begin_json(LogLine *line, int level, const char *event)
{
    static const char *const names[] = { "emergency", "alert", "critical", "error", "warning", "notice", "info", "debug" };
    gint64 now_us = g_get_real_time();
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(now_us / G_USEC_PER_SEC);
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

    line->used += g_snprintf(line->bytes + line->used, sizeof line->bytes - line->used,
                             "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"event\":\"%s\"", time,
                             (int) (now_us / 1000 % 1000), names[level & 7], event);
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
    if (log_json)
        log_begin_json(&line, level, event);
    else
        line.used += g_strlcpy(line.bytes + line.used, event, sizeof line.bytes - line.used);
    line.used = MIN(line.used, sizeof line.bytes - 2);
    va_start(args, event);
    for (const char *key; (key = va_arg(args, const char *));) {
        const char *value = va_arg(args, const char *);
        if (value)
            log_put_pair(&line, key, value, --pairs);
    }
    va_end(args);
    log_put(&line, log_json ? "}\n" : "\n");

    while (write(STDERR_FILENO, line.bytes, line.used) < 0 && errno == EINTR)
        ;
}
