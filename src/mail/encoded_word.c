#include "mail/encoded_word.h"

#include "mail/charset.h"

#include <stdbool.h>
#include <string.h>

#define MAX_CHARSET 60

typedef struct {
    const char *start, *end; /* "=?" to behind "?=" */
    char charset[MAX_CHARSET + 1];
    char encoding; /* 'B' or 'Q' */
    const char *text;
    gsize length;
} Word;

/* Whether an encoded word begins at p ("=?"). no_end: set once no "?=" is left, so that a value full of
 * beginnings takes linear time. */
static bool
word_read(const char *p, Word *word, bool *no_end)
{
    const char *charset = p + 2;
    gsize n = 0;

    while (n <= MAX_CHARSET && charset[n] != '?' && charset[n] > ' ' && charset[n] < 0x7f)
        n++;
    if (n == 0 || n > MAX_CHARSET || charset[n] != '?')
        return false;
    char encoding = g_ascii_toupper(charset[n + 1]);
    if ((encoding != 'B' && encoding != 'Q') || charset[n + 2] != '?')
        return false;
    const char *text = charset + n + 3;
    const char *end = *no_end ? NULL : strstr(text, "?=");
    if (!end) {
        *no_end = true;
        return false;
    }
    const char *language = memchr(charset, '*', n); /* RFC 2231 section 5 */
    gsize length = language ? (gsize) (language - charset) : n;
    *word = (Word){ .start = p, .end = end + 2, .encoding = encoding, .text = text, .length = end - text };
    memcpy(word->charset, charset, length);
    return true;
}

/* The next encoded word from p on. Double-byte ISO-2022-JP may contain "=?" by chance: what stands between
 * its escapes is not looked at. */
static bool
word_find(const char *p, Word *word, bool *no_end)
{
    bool wide = false;

    for (; *p; p++) {
        if (*p == '\x1b' && (p[1] == '$' || p[1] == '('))
            wide = p[1] == '$';
        else if (!wide && p[0] == '=' && p[1] == '?' && word_read(p, word, no_end))
            return true;
    }
    return false;
}

static int
base64_value(char c)
{
    if (g_ascii_isupper(c))
        return c - 'A';
    if (g_ascii_islower(c))
        return c - 'a' + 26;
    if (g_ascii_isdigit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 that goes on after padding and passes over what is none. */
static void
append_base64(GString *out, const char *text, gsize n)
{
    guint bits = 0, have = 0;

    for (gsize i = 0; i < n; i++) {
        char c = text[i];
        int value = base64_value(c);

        if (c == '=')
            have = 0; /* the rest of this group are padding bits */
        if (value < 0)
            continue;
        bits = bits << 6 | (guint) value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            g_string_append_c(out, (char) (bits >> have & 0xff));
        }
    }
}

static void
append_q(GString *out, const char *text, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        if (text[i] == '=' && i + 2 < n && g_ascii_isxdigit(text[i + 1]) && g_ascii_isxdigit(text[i + 2])) {
            int high = g_ascii_xdigit_value(text[i + 1]), low = g_ascii_xdigit_value(text[i + 2]);
            g_string_append_c(out, (char) (high << 4 | low));
            i += 2;
        } else {
            g_string_append_c(out, text[i] == '_' ? ' ' : text[i]);
        }
    }
}

/* Decodes word and those that follow it without text between, all in one charset, as one run of bytes.
 * Returns where it ends: blanks before a word of another charset are no text either. */
static const char *
append_run(GString *out, Word word, const char *hint, bool *no_end)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    const char *end;
    bool more, same;

    do {
        Word next;
        (word.encoding == 'B' ? append_base64 : append_q)(bytes, word.text, word.length);
        end = word.end + strspn(word.end, " \t\r\n");
        more = end[0] == '=' && end[1] == '?' && word_read(end, &next, no_end);
        same = more && g_ascii_strcasecmp(next.charset, word.charset) == 0;
        if (same)
            word = next;
    } while (same);

    g_autofree char *text = charset_to_utf8(bytes->str, bytes->len, word.charset, hint, NULL);
    g_string_append(out, text);
    return more ? end : word.end;
}

/* The value with encoded words replaced. */
static GString *
decode_words(const char *raw, const char *hint)
{
    GString *out = g_string_new(NULL);
    bool no_end = false;
    Word word;

    while (word_find(raw, &word, &no_end)) {
        g_autofree char *before = charset_to_utf8(raw, word.start - raw, NULL, hint, NULL);
        g_string_append(out, before);
        raw = append_run(out, word, hint, &no_end);
    }
    g_autofree char *rest = charset_to_utf8(raw, strlen(raw), NULL, hint, NULL);
    g_string_append(out, rest);
    return out;
}

/* Takes out the line ends of folds (those before a blank); other ends become one blank. */
static char *
unfold(const char *raw)
{
    GString *out = g_string_sized_new(strlen(raw) + 1);

    for (const char *p = raw; *p; p++) {
        const char *end = p[0] == '\r' && p[1] == '\n' ? p + 1 : p;
        if (*end != '\n')
            g_string_append_c(out, *p);
        else if (end[1] != ' ' && end[1] != '\t' && end[1] != '\0')
            g_string_append_c(out, ' ');
        p = end;
    }
    return g_string_free(out, FALSE);
}

static bool
is_control(gunichar c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

/* Control characters become blanks, a CR LF one of them. */
static char *
without_controls(const char *text)
{
    GString *out = g_string_sized_new(strlen(text) + 1);

    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        if (p[0] == '\r' && p[1] == '\n')
            p++;
        if (is_control(g_utf8_get_char(p)))
            g_string_append_c(out, ' ');
        else
            g_string_append_len(out, p, g_utf8_next_char(p) - p);
    }
    return g_strstrip(g_string_free(out, FALSE));
}

/* Most values are one line of ASCII. */
static bool
is_plain(const char *raw)
{
    const char *p = raw;

    while (*p >= ' ' && *p < 0x7f)
        p++;
    return !*p && !strstr(raw, "=?");
}

char *
encoded_word_decode(const char *raw, const char *hint)
{
    if (is_plain(raw))
        return g_strstrip(g_strdup(raw));
    g_autofree char *line = unfold(raw);
    g_autoptr(GString) text = decode_words(line, hint);

    return without_controls(text->str);
}

/* RFC 2047: a word has 75 characters at most, and whole characters. */
char *
encoded_word_encode(const char *text)
{
    enum { WORD_BYTES = 45, PLAIN_BYTES = 900 };
    GString *out = g_string_new(NULL);

    if (is_plain(text) && strlen(text) <= PLAIN_BYTES)
        return g_string_free(g_string_append(out, text), FALSE);
    while (*text) {
        gsize n = strnlen(text, WORD_BYTES + 1);
        if (n > WORD_BYTES)
            n = g_utf8_find_prev_char(text, text + WORD_BYTES + 1) - text;
        g_autofree char *word = g_base64_encode((const guchar *) text, n);
        g_string_append_printf(out, "%s=?UTF-8?B?%s?=", out->len ? "\r\n " : "", word);
        text += n;
    }
    return g_string_free(out, FALSE);
}
