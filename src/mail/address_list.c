#include "mail/address_list.h"

#include <string.h>

#include "mail/charset.h"
#include "mail/encoded_word.h"

#define WIDE_AT "\xef\xbc\xa0" /* U+FF20: what an input method makes of an @ */

/* One entry of the list as far as it was read. */
typedef struct {
    GString *phrase;  /* words as written, quotes undone: display name, or the bare address */
    GString *bare;    /* the same without blanks and comments, quotes kept */
    GString *comment; /* the last comment */
    GString *angle;   /* between < and > */
    bool has_angle;
    bool open_quote; /* a quoted string doesn't end: from there on, quotes are no syntax */
    bool open_comment; /* likewise */
    bool blank;  /* what was read last is a blank */
    bool broken; /* blanks stand between words of bare: "Ann ann@x" is not the address Annann@x */
    GPtrArray *list;
    guint bad;
    char *first_bad;
} Entry;

/* Behind the comment that begins at p, or NULL if it doesn't end. */
static const char *
comment_end(const char *p)
{
    guint depth = 0;

    for (; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (*p == '(')
            depth++;
        else if (*p == ')' && --depth == 0)
            return p + 1;
    }
    return NULL;
}

/* A comment to out; nested ones are part of it. A bracket that is never closed belongs to bare: taken for a comment it
 * would hide every address behind it. */
static const char *
read_comment(const char *p, Entry *entry, GString *out, GString *bare)
{
    const char *end = entry->open_comment ? NULL : comment_end(p);

    if (!end) {
        entry->open_comment = true;
        g_string_append_c(bare, *p);
        return p + 1;
    }
    g_string_truncate(out, 0);
    for (p++; p < end - 1; p++) {
        if (*p == '\\')
            p++;
        g_string_append_c(out, *p);
    }
    return end;
}

/* Behind the quoted string that begins at p, or NULL if it doesn't end. */
static const char *
quoted_end(const char *p)
{
    for (p++; *p && *p != '"'; p++)
        if (*p == '\\' && p[1])
            p++;
    return *p ? p + 1 : NULL;
}

/* A quoted string: its content to phrase, all of it to bare. */
static const char *
read_quoted(const char *p, Entry *entry, GString *phrase, GString *bare)
{
    const char *end = entry->open_quote ? NULL : quoted_end(p);

    if (!end) {
        entry->open_quote = true;
        return p + 1;
    }
    g_string_append_len(bare, p, end - p);
    for (p++; p < end - 1; p++) {
        if (*p == '\\')
            p++;
        g_string_append_c(phrase, *p);
    }
    return end;
}

/* Length of the encoded word here: its text may hold commas and colons, though it should not. */
static gsize
encoded_word_length(const char *p)
{
    if (p[0] != '=' || p[1] != '?')
        return 0;

    const char *at = p + 2;
    for (guint marks = 0; marks < 2; at++) {
        if (!*at || strchr(" \t<>,", *at))
            return 0;
        if (*at == '?')
            marks++;
    }
    const char *end = strstr(at, "?=");
    const char *blank = strpbrk(at, " \t");
    return end && (!blank || end < blank) ? (gsize)(end + 2 - p) : 0;
}

/* What stands between angle brackets, without blanks, comments and a source route. */
static const char *
read_angle(const char *p, Entry *entry)
{
    g_autoptr(GString) ignored = g_string_new(NULL);

    g_string_truncate(entry->angle, 0);
    entry->has_angle = true;
    for (p++; *p && *p != '>';) {
        if (*p == '"') {
            p = read_quoted(p, entry, ignored, entry->angle);
        } else if (*p == '(') {
            p = read_comment(p, entry, ignored, entry->angle);
        } else if (*p == ':' && entry->angle->str[0] == '@') {
            g_string_truncate(entry->angle, 0);
            p++;
        } else {
            if (*p != ' ' && *p != '\t')
                g_string_append_c(entry->angle, *p);
            p++;
        }
    }
    return *p ? p + 1 : p;
}

static void
reset(Entry *entry)
{
    g_string_truncate(entry->phrase, 0);
    g_string_truncate(entry->bare, 0);
    g_string_truncate(entry->comment, 0);
    g_string_truncate(entry->angle, 0);
    entry->has_angle = entry->blank = entry->broken = false;
}

/* Programs write these without the colon that would make them an empty group. */
static bool
is_nobody(const char *address)
{
    return g_ascii_strcasecmp(address, "undisclosed-recipients") == 0 ||
           g_ascii_strcasecmp(address, "recipientlistnotshown") == 0 ||
           g_ascii_strcasecmp(address, "undisclosedrecipients") == 0;
}

/* A display name without the characters that reorder what is read. */
static char *
decode_name(const char *raw)
{
    g_autofree char *decoded = encoded_word_decode(raw, NULL);

    if (g_str_is_ascii(decoded))
        return g_strdup(g_strstrip(decoded));

    GString *out = g_string_new(NULL);

    for (const char *p = g_strstrip(decoded); *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (!(c >= 0x202A && c <= 0x202E) && !(c >= 0x2066 && c <= 0x2069))
            g_string_append_unichar(out, c);
    }
    return g_string_free(out, FALSE);
}

/* Words without an @, such as "all our customers": they name nobody. */
static bool
is_phrase(const Entry *entry, const char *address)
{
    return !entry->has_angle && !strchr(address, '@') &&
           (strpbrk(entry->phrase->str, " \t") || !g_str_is_ascii(address) || encoded_word_length(address));
}

static bool
is_address(const Entry *entry, const char *address)
{
    AddressCheck check = address_check(address);

    return (check == ADDRESS_OK || check == ADDRESS_NOT_ASCII) && !(entry->broken && !entry->has_angle);
}

/* The entry is complete. */
static void
finish(Entry *entry)
{
    const char *address = entry->has_angle ? entry->angle->str : entry->bare->str;
    const char *name = entry->has_angle ? entry->phrase->str : "";

    if (g_ascii_strncasecmp(address, "mailto:", 7) == 0)
        address += 7;
    if (!*g_strstrip(entry->phrase->str) && entry->comment->len)
        name = entry->comment->str;
    if (!entry->has_angle && entry->comment->len)
        name = entry->comment->str;

    if (*address && !is_nobody(address)) {
        bool phrase = is_phrase(entry, address);

        if (phrase || !is_address(entry, address)) {
            bool meant = !phrase || strstr(address, WIDE_AT);

            entry->bad++;
            if (meant && !entry->first_bad)
                entry->first_bad = charset_valid_utf8(entry->has_angle ? address : entry->phrase->str, -1);
        } else {
            g_autofree char *decoded = decode_name(name);
            g_ptr_array_add(entry->list, mailbox_new(decoded, address));
        }
    }
    reset(entry);
}

/* Blanks around dots and the @ of an address are fine. */
static void
mark_words(Entry *entry, char next)
{
    gsize n = entry->bare->len;

    if (entry->blank && n && !strchr(".@", entry->bare->str[n - 1]) && !strchr(".@", next))
        entry->broken = true;
    entry->blank = false;
}

/* Reads one token; separators finish the entry. */
static const char *
read_token(const char *p, Entry *entry)
{
    gsize word = encoded_word_length(p);

    if (word) {
        mark_words(entry, *p);
        g_string_append_len(entry->phrase, p, (gssize)word);
        g_string_append_len(entry->bare, p, (gssize)word);
        return p + word;
    }
    switch (*p) {
    case '"':
        mark_words(entry, *p);
        return read_quoted(p, entry, entry->phrase, entry->bare);
    case '(':
        return read_comment(p, entry, entry->comment, entry->bare);
    case '<':
        if (entry->has_angle)
            finish(entry); /* "<a@x> <b@x>" */
        return read_angle(p, entry);
    case ',':
    case ';':
        finish(entry);
        return p + 1;
    case ':':
        if (g_ascii_strcasecmp(entry->bare->str, "mailto") != 0) {
            reset(entry); /* that was a group's name */
            return p + 1;
        }
        break;
    case ' ':
    case '\t':
        entry->blank = true;
        g_string_append_c(entry->phrase, *p);
        return p + 1;
    default:
        break;
    }
    mark_words(entry, *p);
    g_string_append_c(entry->phrase, *p);
    g_string_append_c(entry->bare, *p);
    return p + 1;
}

/* One line of UTF-8, before anything else: second bytes of Shift_JIS and all of ISO-2022-JP look like
 * syntax. */
static char *
to_line(const char *raw, const char *hint)
{
    bool plain = g_str_is_ascii(raw) && !strchr(raw, '\x1b');
    char *line = plain ? g_strdup(raw) : charset_to_utf8(raw, strlen(raw), NULL, hint, NULL);
    char *to = line;

    for (const char *p = line; *p; p++)
        if (*p != '\r' && *p != '\n')
            *to++ = g_ascii_iscntrl(*p) ? ' ' : *p;
    *to = '\0';
    return line;
}

guint
address_list_parse(GPtrArray *list, const char *raw, const char *hint, char **first_bad)
{
    g_autofree char *line = to_line(raw, hint);
    g_autoptr(GString) phrase = g_string_new(NULL);
    g_autoptr(GString) bare = g_string_new(NULL);
    g_autoptr(GString) comment = g_string_new(NULL);
    g_autoptr(GString) angle = g_string_new(NULL);
    Entry entry = { phrase, bare, comment, angle, .list = list };

    for (const char *p = line; *p;)
        p = read_token(p, &entry);
    finish(&entry);
    if (first_bad && !*first_bad)
        *first_bad = g_steal_pointer(&entry.first_bad);
    g_free(entry.first_bad);
    return entry.bad;
}
