#include "mail/html_token.h"

#include <libxml/HTMLparser.h>
#include <string.h>

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* The '>' that ends the tag whose name ends at p, or NULL. A quote counts behind a '=' only, as in
 * browsers. */
static const char *
find_tag_end(HtmlTokens *self, const char *p)
{
    const char *from = p;

    while (!self->no_quotes && p < self->end && *p != '>') {
        bool is_value = *p++ == '=';
        while (is_value && p < self->end && is_space(*p))
            p++;
        if (is_value && p < self->end && (*p == '"' || *p == '\'')) {
            const char *close = memchr(p + 1, *p, self->end - p - 1);
            if (close)
                p = close + 1;
            else
                self->no_quotes = true; /* from here on the first '>' it is */
        }
    }
    if (!self->no_quotes && p < self->end)
        return p;
    return memchr(from, '>', self->end - from);
}

/* Where the search for needle (lower case) ends: behind it, or NULL. */
static const char *
find_behind(const char *p, const char *end, const char *needle)
{
    gsize n = strlen(needle);

    while ((p = memchr(p, *needle, end - p)) && (gsize) (end - p) >= n) {
        if (g_ascii_strncasecmp(p, needle, n) == 0)
            return p + n;
        p++;
    }
    return NULL;
}

/* Passes over "<!…" and "<?…" at p. */
static const char *
skip_declaration(HtmlTokens *self, const char *p)
{
    bool comment = self->end - p >= 4 && memcmp(p, "<!--", 4) == 0;
    const char *behind = comment ? find_behind(p + 2, self->end, "-->") : NULL;

    if (!behind)
        behind = find_behind(p, self->end, ">");
    return behind ? behind : self->end;
}

/* Passes over what is inside of an element that holds no text for readers. */
static void
skip_raw(HtmlTokens *self, const char *name)
{
    static const char *const raw[][2] = {
        { "script", "</script" },
        { "style", "</style" },
        { "title", "</title" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(raw); i++) {
        if (strcmp(name, raw[i][0]) != 0)
            continue;
        const char *behind = find_behind(self->next, self->end, raw[i][1]);
        self->next = behind ? behind - strlen(raw[i][1]) : self->end;
    }
}

/* Reads the tag at p into token; false if '<' is only a character. */
static bool
read_tag(HtmlTokens *self, const char *p, HtmlToken *token)
{
    bool close = p + 1 < self->end && p[1] == '/';
    const char *name = p + 1 + close, *q = name;

    if (q >= self->end || !g_ascii_isalpha(*q) || self->no_tags)
        return false;
    while (q < self->end && !is_space(*q) && *q != '>' && *q != '/')
        q++;
    const char *end = find_tag_end(self, q);
    if (!end) {
        self->no_tags = true;
        return false;
    }
    token->kind = close ? HTML_CLOSE : HTML_OPEN;
    token->start = q;
    token->end = end;
    gsize length = MIN((gsize) (q - name), sizeof token->name - 1);
    for (gsize i = 0; i < length; i++)
        token->name[i] = g_ascii_tolower(name[i]);
    token->name[length] = '\0';
    self->next = end + 1;
    if (!close)
        skip_raw(self, token->name);
    return true;
}

bool
html_token_next(HtmlTokens *self, HtmlToken *token)
{
    const char *p = self->next;

    while (p < self->end && *p == '<' && p + 1 < self->end && (p[1] == '!' || p[1] == '?'))
        p = skip_declaration(self, p);
    self->next = p;
    if (p == self->end)
        return false;
    if (*p == '<' && read_tag(self, p, token))
        return true;

    const char *stop = memchr(p + 1, '<', self->end - p - 1);
    token->kind = HTML_TEXT;
    token->start = p;
    token->end = self->next = stop ? stop : self->end;
    return true;
}

static gunichar
numeric_reference(const char **p, const char *end)
{
    const char *q = *p + 2;
    bool hex = q < end && (*q == 'x' || *q == 'X');
    guint32 value = 0;

    q += hex;
    const char *digits = q;
    for (; q < end && (hex ? g_ascii_isxdigit(*q) : g_ascii_isdigit(*q)); q++)
        if (value < 0x110000)
            value = value * (hex ? 16 : 10) + (guint32) g_ascii_xdigit_value(*q);
    if (q == digits)
        return 0;
    *p = q < end && *q == ';' ? q + 1 : q;
    if (value >= 0x80 && value < 0xa0) { /* what is meant is Windows-1252 */
        static const guint16 windows[32] = {
            0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
            0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
            0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
        };
        value = windows[value - 0x80];
    }
    return value && g_unichar_validate(value) ? value : 0xfffd;
}

gunichar
html_reference(const char **p, const char *end)
{
    /* Known without a semicolon. */
    static const char *const bare[] = { "lt", "gt", "amp", "quot", "nbsp", "copy", "reg" };
    const char *start = *p + 1;
    char name[12];
    gsize n = 0;

    if (start < end && *start == '#')
        return numeric_reference(p, end);
    while (n < sizeof name - 1 && start + n < end && g_ascii_isalnum(start[n])) {
        name[n] = start[n];
        n++;
    }
    name[n] = '\0';
    bool closed = start + n < end && start[n] == ';';
    for (guint i = 0; !closed && i < G_N_ELEMENTS(bare); i++)
        closed = strcmp(name, bare[i]) == 0;
    const htmlEntityDesc *entity = closed ? htmlEntityLookup((const xmlChar *) name) : NULL;
    if (!entity)
        return 0;
    *p = start + n + (start + n < end && start[n] == ';');
    return entity->value;
}

static char *
decode(const char *p, const char *end)
{
    GString *out = g_string_new(NULL);

    while (p < end) {
        gunichar c = *p == '&' ? html_reference(&p, end) : 0;
        if (c)
            g_string_append_unichar(out, c);
        else
            g_string_append_c(out, *p++);
    }
    return g_string_free(out, FALSE);
}

char *
html_token_attribute(const HtmlToken *token, const char *name)
{
    const char *p = token->start, *end = token->end;

    while (p < end) {
        while (p < end && (is_space(*p) || *p == '/'))
            p++;
        const char *key = p;
        while (p < end && !is_space(*p) && *p != '=')
            p++;
        gsize length = p - key;
        while (p < end && is_space(*p))
            p++;
        const char *value = p, *stop = p;
        if (p < end && *p == '=') {
            p++;
            while (p < end && is_space(*p))
                p++;
            value = p;
            if (p < end && (*p == '"' || *p == '\'')) {
                stop = memchr(p + 1, *p, end - p - 1);
                stop = stop ? stop : end;
                value++;
                p = stop < end ? stop + 1 : end;
            } else {
                while (p < end && !is_space(*p))
                    p++;
                stop = p;
            }
        }
        if (length == strlen(name) && g_ascii_strncasecmp(key, name, length) == 0)
            return decode(value, stop);
    }
    return NULL;
}
