#include "query/blot.h"

#include <string.h>

enum { BLOT_WORD = 8, BLOT_PART = 12 };

static size_t
match_hex(const char *text, const char *before, int digits, char c)
{
    size_t n = strlen(before);
    guint value = 0;

    if (strncmp(text, before, n) != 0)
        return 0;
    for (int i = 0; i < digits; i++) {
        if (!g_ascii_isxdigit(text[n]))
            return 0;
        value = value * 16 + (guint) g_ascii_xdigit_value(text[n++]);
    }
    return value == (guint8) c ? n : 0;
}

/* "&#38;", "&#x26;", "&amp;". */
static size_t
match_entity(const char *text, char c)
{
    static const struct {
        char c;
        const char *name;
    } names[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&apos;" } };
    bool hex = text[0] == '&' && text[1] == '#' && (text[2] == 'x' || text[2] == 'X');
    char *end;

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].c == c && g_str_has_prefix(text, names[i].name))
            return strlen(names[i].name);
    }
    if (!g_str_has_prefix(text, "&#") || !g_ascii_isxdigit(text[hex ? 3 : 2]))
        return 0;
    guint64 value = g_ascii_strtoull(text + (hex ? 3 : 2), &end, hex ? 16 : 10);
    return *end == ';' && value == (guint8) c ? (size_t) (end + 1 - text) : 0;
}

/* How long a character is there, however it is written; 0: it is another. */
static size_t
match_char(const char *text, char c)
{
    size_t n = 0;

    if (*text == '%')
        n = match_hex(text, "%", 2, c);
    else if (*text == '&')
        n = match_entity(text, c);
    else if (*text == '\\')
        n = text[1] == c && strchr("\"\\/", c) ? 2 : match_hex(text, "\\u00", 2, c);
    else if (*text == '+' && c == ' ')
        n = 1;
    return n > 0 ? n : *text == c;
}

/* The whole of it, or as much of its beginning as tells what it is: what services write into errors they may cut. */
static size_t
match(const char *text, const char *secret)
{
    const char *at = text;

    guint seen = 0;

    if (g_str_has_prefix(text, secret))
        return strlen(secret);
    for (; *secret; secret++, seen++) {
        size_t n = match_char(at, *secret);
        if (n == 0)
            break;
        at += n;
    }
    return !*secret || seen >= BLOT_PART ? (size_t) (at - text) : 0;
}

static bool
holds(const char *text, const char *secret)
{
    for (; *text; text++) {
        if (match(text, secret) > 0)
            return true;
    }
    return false;
}

static char *
without(const char *text, const char *secret)
{
    GString *out = g_string_new(NULL);

    while (*text) {
        size_t n = match(text, secret);
        if (n > 0)
            g_string_append(out, "***");
        else
            g_string_append_c(out, *text);
        text += MAX(n, 1);
    }
    return g_string_free(out, FALSE);
}

char *
blot_text(const QueryAsk *ask, const char *text, gsize shortest)
{
    const Secret *secrets[] = { ask->account->password, ask->account->key, ask->token };
    char *clean = g_strdup(text);

    for (guint i = 0; i < G_N_ELEMENTS(secrets); i++) {
        const char *secret = secrets[i] ? secret_reveal(secrets[i]) : "";
        if (!*secret || strlen(secret) < shortest || !holds(clean, secret))
            continue;
        char *rest = without(clean, secret);
        g_free(clean);
        clean = rest;
    }
    return clean;
}

char *
blot_row_text(const QueryAsk *ask, const char *text)
{
    return strlen(text) < BLOT_WORD ? g_strdup(text) : blot_text(ask, text, BLOT_WORD);
}

QueryRow *
blot_row(const QueryAsk *ask, const QueryRow *row)
{
    QueryRow *clean = query_row_new();
    bool same = true;

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        g_autofree char *name = blot_row_text(ask, field->name);
        g_autofree char *value = blot_row_text(ask, field->value);
        same = same && g_str_equal(name, field->name) && g_str_equal(value, field->value);
        query_row_add(clean, name, value);
    }
    if (same)
        g_clear_pointer(&clean, query_row_free);
    return clean;
}
