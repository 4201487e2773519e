#include "query/json_line.h"

#include "mail/charset.h"
#include "query/blot.h"
#include "query/parser.h"

#include <string.h>

/* What a string says, as a row would have it. Caller frees; NULL: nothing. */
static char *
decode(const char *text, size_t n)
{
    static const QueryCall call = { .row = "" };
    static const Query query = { 0 };
    g_autoptr(Gather) gather = gather_new(&call, &query, false, NULL, NULL);
    void *json = query_json.new(gather);
    bool ok = query_json.push(json, text, n) && query_json.finish(json);
    const char *value = ok ? query_row_get(gather_rest(gather), "value") : NULL;

    query_json.free(json);
    return g_strdup(value);
}

static void
add_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (; *text; text++) {
        if ((guchar) *text < ' ') {
            g_string_append_printf(out, "\\u%04x", (guint) *text);
            continue;
        }
        if (*text == '"' || *text == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

/* A string, number or word, as it is written, unless a secret is in it. */
static void
add_token(GString *out, const QueryAsk *ask, const char *text, size_t n)
{
    bool plain = *text != '"' || !memchr(text, '\\', n);
    g_autofree char *value = plain && *text == '"' ? charset_valid_utf8(text + 1, (gssize) n - 2)
        : plain                                    ? charset_valid_utf8(text, (gssize) n)
                                                   : decode(text, n);
    g_autofree char *clean = value ? blot_row_text(ask, value) : NULL;
    g_autofree char *valid = charset_valid_utf8(text, (gssize) n);

    if (g_strcmp0(clean, value) != 0)
        add_string(out, clean);
    else
        g_string_append(out, valid);
}

/* From one end of it to the other. */
static size_t
token_length(const char *text, const char *end)
{
    const char *at = text + 1;

    if (*text != '"') {
        while (at < end && !strchr("{}[],:\" \t\r\n", *at))
            at++;
        return (size_t) (at - text);
    }
    while (at < end && *at != '"')
        at += *at == '\\' ? 2 : 1;
    return (size_t) (MIN(at + 1, end) - text);
}

/* Behind a byte order mark. */
static const char *
begin_of(const GString *json)
{
    return json->str + (g_str_has_prefix(json->str, "\xef\xbb\xbf") ? 3 : 0);
}

bool
json_line_fits(const GString *answer)
{
    const char *at = begin_of(answer);

    while (g_ascii_isspace(*at))
        at++;
    return *at == '{' || *at == '[';
}

char *
json_line(const QueryAsk *ask, const GString *json)
{
    const char *at = begin_of(json), *end = json->str + json->len;
    GString *out = g_string_sized_new(json->len);

    while (at < end) {
        size_t n = 1;
        if (strchr("{}[],:", *at))
            g_string_append_c(out, *at);
        else if (!g_ascii_isspace(*at))
            add_token(out, ask, at, n = token_length(at, end));
        at += n;
    }
    return g_string_free(out, FALSE);
}
