#include "smtp/syntax.h"

#include <string.h>

#define ENVID_CHARS 100 /* RFC 3461 section 4.4 */
#define ORCPT_CHARS 500 /* RFC 3461 section 4.2 */
#define NAME_CHARS 255

/* Where the address that text begins with ends: at an unquoted end character, or at the line's end. */
static char *
end_of_address(char *text, char end)
{
    bool quoted = false;

    for (; *text && (quoted || *text != end); text++) {
        if (quoted && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            quoted = !quoted;
    }
    return text;
}

/* Source routes (RFC 5321 appendix C) are allowed and mean nothing. */
static char *
skip_route(char *address)
{
    size_t n = strspn(address, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@,");

    return address[0] == '@' && address[n] == ':' ? address + n + 1 : address;
}

char *
syntax_path(char **text)
{
    char *start = *text + strspn(*text, " ");
    bool brackets = *start == '<';
    char *end = end_of_address(start + brackets, brackets ? '>' : ' ');

    if (brackets) {
        if (!*end || (end[1] && end[1] != ' '))
            return NULL;
        *end++ = '\0';
    }
    else if (end == start) {
        return NULL;
    }
    *text = end + (*end == ' ');
    if (!brackets)
        *end = '\0';
    return brackets ? skip_route(start + 1) : start;
}

SyntaxNext
syntax_param(char **text, SyntaxParam *param)
{
    char *key = *text + strspn(*text, " ");
    if (!*key)
        return SYNTAX_PARAM_END;

    char *end = key + strcspn(key, " ");
    *text = end + (*end == ' ');
    *end = '\0';

    char *value = strchr(key, '=');
    if (value)
        *value++ = '\0';
    if (!g_ascii_isalnum(*key) || (value && !*value))
        return SYNTAX_PARAM_BAD;
    for (const char *p = key; *p; p++)
        if (!g_ascii_isalnum(*p) && *p != '-')
            return SYNTAX_PARAM_BAD;
    for (const char *p = value; p && *p; p++)
        if (*p < '!' || *p > '~')
            return SYNTAX_PARAM_BAD;
    *param = (SyntaxParam){ key, value };
    return SYNTAX_PARAM;
}

/* Only upper case counts as a digit. */
static int
hex_digit(char c)
{
    return g_ascii_islower(c) ? -1 : g_ascii_xdigit_value(c);
}

bool
syntax_xtext(char *text)
{
    char *out = text;

    for (const char *p = text; *p; p++) {
        if (*p < '!' || *p > '~' || *p == '=')
            return false;
        if (*p != '+') {
            *out++ = *p;
            continue;
        }
        int high = hex_digit(p[1]);
        int low = high < 0 ? -1 : hex_digit(p[2]);
        if (low < 0)
            return false;
        guchar byte = (guchar)(high << 4 | low);
        if (byte < ' ' || byte == 0x7F)
            return false;
        *out++ = (char)byte;
        p += 2;
    }
    *out = '\0';
    return g_utf8_validate(text, -1, NULL);
}

bool
syntax_size(const char *text, gint64 *size)
{
    size_t n = strspn(text, "0123456789");
    guint64 value;

    if (n == 0 || n > 20 || text[n])
        return false;
    bool fits = g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &value, NULL);
    *size = fits ? (gint64)value : G_MAXINT64;
    return true;
}

bool
syntax_chunk(char *text, gint64 *size, bool *last)
{
    char *word = text + strcspn(text, " ");

    if (*word)
        *word++ = '\0';
    word += strspn(word, " ");
    *last = g_ascii_strcasecmp(word, "LAST") == 0;
    return syntax_size(text, size) && (*last || !*word);
}

bool
syntax_notify(char *value)
{
    static const char *const words[] = { "SUCCESS", "FAILURE", "DELAY" };
    guint seen = 0;

    for (char *p = value; *p; p++)
        *p = g_ascii_toupper(*p);
    if (strcmp(value, "NEVER") == 0)
        return true;

    for (const char *p = value;; p++) {
        size_t n = strcspn(p, ",");
        guint i = 0;

        while (i < G_N_ELEMENTS(words) && (strlen(words[i]) != n || strncmp(p, words[i], n) != 0))
            i++;
        if (i == G_N_ELEMENTS(words) || seen & 1u << i)
            return false;
        seen |= 1u << i;
        p += n;
        if (!*p)
            return true;
    }
}

bool
syntax_orcpt(char *value)
{
    char *semicolon = strchr(value, ';');

    if (!semicolon || semicolon == value || !semicolon[1] || strlen(value) > ORCPT_CHARS)
        return false;
    for (const char *p = value; p < semicolon; p++)
        if (!g_ascii_isalnum(*p) && *p != '-')
            return false;
    return syntax_xtext(semicolon + 1);
}

bool
syntax_envid(char *value)
{
    return strlen(value) <= ENVID_CHARS && syntax_xtext(value);
}

static bool
is_name_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("-._:[]", c));
}

bool
syntax_name(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > NAME_CHARS)
        return false;
    for (const char *p = name; *p; p++)
        if (!is_name_char(*p))
            return false;
    return true;
}

const char *
syntax_clean_name(char *name)
{
    bool says_something = false;

    if (strlen(name) > NAME_CHARS)
        name[NAME_CHARS] = '\0';
    for (char *p = name; *p; p++) {
        says_something |= g_ascii_isalnum(*p);
        if (!is_name_char(*p))
            *p = '_';
    }
    return says_something ? name : "unknown";
}

char *
syntax_join_colon(char *args, const char *word)
{
    size_t n = strlen(word);
    char *colon = args + n;

    if (g_ascii_strncasecmp(args, word, n) != 0)
        return args;
    colon += strspn(colon, " ");
    return *colon == ':' ? memmove(colon - n, args, n) : args;
}
