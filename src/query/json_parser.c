#include "query/parser.h"

#include <string.h>

enum { JSON_MAX_DEPTH = 64, JSON_MAX_TOKEN = 2 * 1024 * 1024 };

typedef enum {
    AT_VALUE,         /* one must come */
    AT_FIRST_ELEMENT, /* or the end of the list */
    AT_FIRST_NAME,    /* or the end of the object */
    AT_NAME,
    AT_COLON,
    BEHIND_VALUE,
    IN_STRING,
    IN_ESCAPE,
    IN_HEX,
    IN_WORD, /* number, true, false, null */
    AT_END,
} JsonState;

typedef struct {
    bool list;
    char *name; /* that its elements have, or the member at hand */
} JsonLevel;

typedef struct {
    Gather *gather;
    JsonState state;
    JsonLevel levels[JSON_MAX_DEPTH];
    guint depth;
    GString *token;
    bool is_name; /* the string at hand */
    guint hex, hex_digits;
    guint high; /* surrogate before this one, or 0 */
} Json;

static void *
json_new(Gather *gather)
{
    Json *self = g_new0(Json, 1);

    self->gather = gather;
    self->token = g_string_new(NULL);
    return self;
}

static void
json_free(void *data)
{
    Json *self = data;

    if (!self)
        return;
    for (guint i = 0; i < self->depth; i++)
        g_free(self->levels[i].name);
    g_string_free(self->token, TRUE);
    g_free(self);
}

/* The name of the value at hand: a list's elements have the list's. */
static const char *
value_name(const Json *self)
{
    const char *name = self->depth > 0 ? self->levels[self->depth - 1].name : NULL;

    return name ? name : "";
}

static bool
open_level(Json *self, bool list)
{
    const char *name = value_name(self);

    if (self->depth == JSON_MAX_DEPTH)
        return gather_fail(self->gather, "it is nested too deeply");
    /* A list that is the whole answer gets a root to stand in. */
    if (!list && !gather_begin(self->gather, name))
        return false;
    if (list && self->depth == 0 && !gather_begin(self->gather, ""))
        return false;
    if (list && !gather_list(self->gather, name))
        return false;
    self->levels[self->depth] = (JsonLevel) { list, list ? g_strdup(name) : NULL };
    self->depth++;
    self->state = list ? AT_FIRST_ELEMENT : AT_FIRST_NAME;
    return true;
}

static bool
close_level(Json *self, bool list)
{
    if (self->depth == 0 || self->levels[self->depth - 1].list != list)
        return false;
    g_clear_pointer(&self->levels[--self->depth].name, g_free);
    self->state = self->depth > 0 ? BEHIND_VALUE : AT_END;
    return (list && self->depth > 0) || gather_end(self->gather);
}

static bool
put_scalar(Json *self, const char *text, size_t n)
{
    self->state = self->depth > 0 ? BEHIND_VALUE : AT_END;
    if (self->depth > 0)
        return gather_leaf(self->gather, value_name(self), text, n);
    return gather_begin(self->gather, "") && gather_text(self->gather, text, n) && gather_end(self->gather);
}

static bool
add(Json *self, const char *bytes, size_t n)
{
    if (n > JSON_MAX_TOKEN - self->token->len)
        return gather_fail(self->gather, "a value in it is too long");
    g_string_append_len(self->token, bytes, (gssize) n);
    return true;
}

static bool
add_char(Json *self, gunichar c)
{
    char bytes[6];

    return add(self, bytes, (size_t) g_unichar_to_utf8(c, bytes));
}

/* Half of a pair that never came whole. */
static bool
drop_half(Json *self)
{
    bool half = self->high != 0;

    self->high = 0;
    return !half || add_char(self, 0xfffd);
}

static bool
end_string(Json *self)
{
    if (!drop_half(self))
        return false;
    if (!self->is_name)
        return put_scalar(self, self->token->str, self->token->len);
    JsonLevel *level = &self->levels[self->depth - 1];
    g_free(level->name);
    level->name = g_strdup(self->token->str);
    self->state = AT_COLON;
    return true;
}

static bool
end_hex(Json *self)
{
    guint c = self->hex;
    bool low = c >= 0xdc00 && c <= 0xdfff;

    self->state = IN_STRING;
    if (low && self->high) {
        c = 0x10000 + ((self->high - 0xd800) << 10) + (c - 0xdc00);
        self->high = 0;
        return add_char(self, c);
    }
    if (!drop_half(self))
        return false;
    if (c >= 0xd800 && c <= 0xdbff) {
        self->high = c;
        return true;
    }
    return add_char(self, low || c == 0 ? 0xfffd : c);
}

static bool
take_escape(Json *self, char c)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *place = c ? strchr(from, c) : NULL;

    if (c == 'u') {
        self->state = IN_HEX;
        self->hex = self->hex_digits = 0;
        return true;
    }
    self->state = IN_STRING;
    return place && drop_half(self) && add(self, &to[place - from], 1);
}

static bool
take_hex(Json *self, char c)
{
    if (!g_ascii_isxdigit(c))
        return false;
    self->hex = self->hex * 16 + (guint) g_ascii_xdigit_value(c);
    return ++self->hex_digits < 4 || end_hex(self);
}

/* Takes what is plain at once: the bytes used, 0 for an error. Raw line ends and tabs are what real programs send. */
static size_t
take_string(Json *self, const char *bytes, size_t n)
{
    size_t plain = 0;

    while (plain < n && bytes[plain] != '"' && bytes[plain] != '\\' && bytes[plain] != '\0')
        plain++;
    if (plain > 0)
        return drop_half(self) && add(self, bytes, plain) ? plain : 0;
    if (*bytes == '\\') {
        self->state = IN_ESCAPE;
        return 1;
    }
    return *bytes == '"' && end_string(self);
}

static bool
begin_string(Json *self, bool is_name)
{
    g_string_set_size(self->token, 0);
    self->is_name = is_name;
    self->state = IN_STRING;
    return true;
}

/* -1.5e+3: digits, then perhaps a fraction, then perhaps an exponent. */
static bool
is_number(const char *at)
{
    at += *at == '-';
    size_t whole = strspn(at, "0123456789");
    at += whole;
    if (*at == '.') {
        size_t fraction = strspn(++at, "0123456789");
        at += fraction;
        whole = fraction ? whole : 0;
    }
    if (whole && (*at == 'e' || *at == 'E')) {
        at++;
        at += *at == '+' || *at == '-';
        whole = strspn(at, "0123456789");
        at += whole;
    }
    return whole > 0 && !*at;
}

static bool
end_word(Json *self)
{
    const char *word = self->token->str;

    if (g_str_equal(word, "null"))
        return put_scalar(self, "", 0);
    if (!g_str_equal(word, "true") && !g_str_equal(word, "false") && !is_number(word))
        return false;
    return put_scalar(self, word, self->token->len);
}

static bool
begin_value(Json *self, char c)
{
    if (c == '{' || c == '[')
        return open_level(self, c == '[');
    if (c == '"')
        return begin_string(self, false);
    if (!g_ascii_isalnum(c) && c != '-')
        return false;
    g_string_set_size(self->token, 0);
    self->state = IN_WORD;
    return add(self, &c, 1);
}

static bool
behind_value(Json *self, char c)
{
    if (c == '}' || c == ']')
        return close_level(self, c == ']');
    if (c != ',')
        return false;
    self->state = self->levels[self->depth - 1].list ? AT_VALUE : AT_NAME;
    return true;
}

/* A byte between tokens. */
static bool
take_structure(Json *self, char c)
{
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return true;
    switch (self->state) {
    case AT_FIRST_ELEMENT:
        return c == ']' ? close_level(self, true) : begin_value(self, c);
    case AT_VALUE:
        return begin_value(self, c);
    case AT_FIRST_NAME:
    case AT_NAME:
        if (c == '}' && self->state == AT_FIRST_NAME)
            return close_level(self, false);
        return c == '"' && begin_string(self, true);
    case AT_COLON:
        self->state = AT_VALUE;
        return c == ':';
    case BEHIND_VALUE:
        return behind_value(self, c);
    default:
        return false;
    }
}

/* Bytes used, 0 for an error. */
static size_t
take(Json *self, const char *bytes, size_t n)
{
    char c = *bytes;

    switch (self->state) {
    case IN_STRING:
        return take_string(self, bytes, n);
    case IN_ESCAPE:
        return take_escape(self, c);
    case IN_HEX:
        return take_hex(self, c);
    case IN_WORD:
        if (g_ascii_isalnum(c) || (c && strchr("+-.", c)))
            return add(self, &c, 1);
        return end_word(self) && take_structure(self, c);
    default:
        return take_structure(self, c);
    }
}

static bool
json_push(void *data, const char *bytes, size_t n)
{
    Json *self = data;

    for (size_t at = 0, used; at < n; at += used) {
        used = take(self, bytes + at, n - at);
        if (used == 0)
            return false;
    }
    return true;
}

static bool
json_finish(void *data)
{
    Json *self = data;

    if (self->state == IN_WORD && self->depth == 0 && !end_word(self))
        return false;
    return self->state == AT_END;
}

const QueryParser query_json = { json_new, json_push, json_finish, json_free };
