#include "mail/parameter.h"

#include <limits.h>
#include <string.h>

#define MAX_PARAMETERS 100
#define MAX_BYTES (32 * 1024)

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *
skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

/* Whether the quote at p ends the value: nothing but blanks up to the next ';' or the end. */
static bool
ends_value(const char *p, const char *end)
{
    p = skip_space(p + 1, end);
    return p == end || *p == ';';
}

/* Reads a quoted string at *p, leaves *p behind it. Only quotes and backslashes are taken for escaped:
 * names hold raw Windows paths, and raw Shift_JIS and ISO-2022-JP whose characters may contain either byte.
  */
static char *
read_quoted(const char **p, const char *end)
{
    GString *value = g_string_new(NULL);
    const char *q = *p + 1;
    bool wide = false;

    for (; q < end; q++) {
        if (*q == '\x1b' && q + 1 < end && (q[1] == '$' || q[1] == '('))
            wide = q[1] == '$';
        if (!wide && *q == '"')
            break;
        if (!wide && *q == '\\' && q + 1 < end && (q[1] == '"' || q[1] == '\\')) {
            bool after_8bit = value->len && (value->str[value->len - 1] & 0x80);
            bool is_trail_byte = after_8bit && q[1] == '"' && ends_value(q + 1, end);
            if (!is_trail_byte)
                q++;
        }
        g_string_append_c(value, *q);
    }
    *p = q < end ? q + 1 : end;
    return g_string_free(value, FALSE);
}

/* Up to the ';': many programs write names with blanks without quoting them. */
static char *
read_token(const char **p, const char *end)
{
    const char *start = *p, *stop = memchr(start, ';', end - start);

    stop = *p = stop ? stop : end;
    while (stop > start && is_space(stop[-1]))
        stop--;
    return g_strndup(start, stop - start);
}

/* Takes "*", "*0" or "*0*" off the name. */
static void
split_name(Parameter *self)
{
    const char *star = memchr(self->name, '*', self->name_length);

    self->section = -1;
    if (!star)
        return;
    gsize rest = self->name + self->name_length - star - 1;
    self->name_length = star - self->name;
    if (rest && star[rest] == '*') {
        self->extended = true;
        rest--;
    }
    if (rest == 0) {
        self->extended = true;
        return;
    }
    self->section = 0;
    for (gsize i = 1; i <= rest; i++) {
        bool in_range = g_ascii_isdigit(star[i]) && self->section < MAX_PARAMETERS;
        self->section = in_range ? self->section * 10 + star[i] - '0' : INT_MAX;
    }
}

static void
parameter_clear(gpointer data)
{
    g_free(((Parameter *) data)->value);
}

/* Where the first ';' outside quotes is, or the end. */
static const char *
skip_to_semicolon(const char *p, const char *end)
{
    bool quoted = false;

    for (; p < end && (quoted || *p != ';'); p++) {
        if (*p == '\\' && quoted && p + 1 < end)
            p++;
        else if (*p == '"')
            quoted = !quoted;
    }
    return p;
}

GArray *
parameters_parse(const char *raw)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(Parameter));
    const char *end = raw + strnlen(raw, MAX_BYTES);
    const char *p = skip_to_semicolon(raw, end);

    g_array_set_clear_func(list, parameter_clear);
    while (p < end && list->len < MAX_PARAMETERS) {
        p = skip_space(p + 1, end);
        Parameter parameter = { .name = p };
        while (p < end && *p != '=' && *p != ';' && !is_space(*p))
            p++;
        parameter.name_length = p - parameter.name;
        p = skip_space(p, end);
        if (p < end && *p == '=') {
            p = skip_space(p + 1, end);
            parameter.value = p < end && *p == '"' ? read_quoted(&p, end) : read_token(&p, end);
            split_name(&parameter);
            g_array_append_val(list, parameter);
        }
        p = skip_to_semicolon(p, end);
    }
    return list;
}

static const Parameter *
find(const GArray *list, const char *name, int section, bool extended_only)
{
    for (guint i = 0; i < list->len; i++) {
        const Parameter *p = &g_array_index(list, Parameter, i);
        if (p->section == section && (p->extended || !extended_only) && p->name_length == strlen(name) &&
            g_ascii_strncasecmp(p->name, name, p->name_length) == 0)
            return p;
    }
    return NULL;
}

static void
append_percent_decoded(GString *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '%' && g_ascii_isxdigit(text[1]) && g_ascii_isxdigit(text[2])) {
            int high = g_ascii_xdigit_value(text[1]), low = g_ascii_xdigit_value(text[2]);
            g_string_append_c(out, (char) (high << 4 | low));
            text += 2;
        } else {
            g_string_append_c(out, *text);
        }
    }
}

/* Takes charset'language' off an extended value; returns what follows. */
static const char *
take_charset(const char *value, char **charset)
{
    const char *first = strchr(value, '\'');
    const char *second = first ? strchr(first + 1, '\'') : NULL;

    if (!second)
        return value;
    if (first > value) {
        g_free(*charset);
        *charset = g_strndup(value, first - value);
    }
    return second + 1;
}

char *
parameters_get(const GArray *parameters, const char *name, char **charset, bool *extended)
{
    const Parameter *p = find(parameters, name, -1, true);
    int section = p ? -1 : 0;

    *charset = NULL;
    *extended = true;
    if (!p)
        p = find(parameters, name, 0, false);
    if (!p) {
        *extended = false;
        p = find(parameters, name, -1, false);
        return p ? g_strdup(p->value) : NULL;
    }

    GString *bytes = g_string_new(NULL);
    bool any_extended = false;
    do {
        if (p->extended) {
            append_percent_decoded(bytes, section <= 0 ? take_charset(p->value, charset) : p->value);
            any_extended = true;
        } else {
            g_string_append(bytes, p->value);
        }
        p = section < 0 ? NULL : find(parameters, name, ++section, false);
    } while (p);
    *extended = any_extended; /* some put encoded words into plain continuations */
    return g_string_free(bytes, FALSE);
}
