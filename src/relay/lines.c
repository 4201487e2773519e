#include "relay/lines.h"

#include <string.h>

#define COMMENT_OPEN "<!--"
#define COMMENT_CLOSE "-->"

enum { MAX_SOLID_BYTES = 256 }; /* the longest marker or entity that is kept whole */

/* How good a place is for a break; equals go to the later. */
enum { NOWHERE, POOR, FAIR, GOOD };

typedef enum { IN_TEXT, IN_TAG, IN_COMMENT, IN_DECLARATION, IN_RAW } Place;

/* What is known before a character. Copied to come back to a place. */
typedef struct {
    const char *at;
    const char *solid_end; /* no break before it, or NULL */
    /* HTML only */
    Place place;
    const char *opened;    /* the tag's or comment's < */
    char quote;            /* of the value that is open in a tag, or 0 */
    bool data;             /* it is a data: URL, which ignores line ends */
    const char *raw;       /* the element whose content is no HTML */
    guint pre;             /* elements open in which line ends show */
} Scan;

typedef struct {
    guint (*rank)(const Scan *scan); /* of a break before the character; there is one before it in its line */
    void (*pass)(Scan *scan);        /* goes past the character */
    bool comments;                   /* a POOR place needs one */
} Kind;

/* The end of a marker ##key## at text, of which keys hold no blanks. NULL: there is none. */
static const char *
marker_end(const char *text)
{
    if (text[0] != '#' || text[1] != '#')
        return NULL;
    for (const char *p = text + 2; p - text < MAX_SOLID_BYTES && *p && !g_ascii_isspace(*p); p++) {
        if (p[0] == '#' && p[1] == '#')
            return p[2] == '#' && p[3] != '#' ? p + 3 : p + 2;
    }
    return NULL;
}

static bool
is_solid(const Scan *scan)
{
    return scan->solid_end && scan->at < scan->solid_end;
}

static gunichar
char_before(const char *at)
{
    return g_utf8_get_char(g_utf8_prev_char(at));
}

static bool
is_blank(gunichar c)
{
    return c == ' ' || c == '\t' || c == 0x3000;
}

/* Both make one character for the reader. */
static bool
are_joined(gunichar before, gunichar after)
{
    GUnicodeBreakType type = g_unichar_break_type(after);

    return type == G_UNICODE_BREAK_COMBINING_MARK || type == G_UNICODE_BREAK_ZERO_WIDTH_JOINER ||
           type == G_UNICODE_BREAK_EMOJI_MODIFIER ||
           g_unichar_break_type(before) == G_UNICODE_BREAK_ZERO_WIDTH_JOINER;
}

/* Japanese has no blanks, not even around foreign words, but signs that begin or end no line. */
static bool
is_between_japanese(gunichar before, gunichar after)
{
    GUnicodeBreakType type = g_unichar_break_type(after);

    return (g_unichar_iswide(before) || g_unichar_iswide(after)) &&
           g_unichar_break_type(before) != G_UNICODE_BREAK_OPEN_PUNCTUATION &&
           type != G_UNICODE_BREAK_CLOSE_PUNCTUATION && type != G_UNICODE_BREAK_NON_STARTER &&
           type != G_UNICODE_BREAK_EXCLAMATION && type != G_UNICODE_BREAK_CONDITIONAL_JAPANESE_STARTER;
}

static guint
rank_in_text(const Scan *scan)
{
    gunichar before = char_before(scan->at), after = g_utf8_get_char(scan->at);

    if (is_solid(scan))
        return NOWHERE;
    if (are_joined(before, after))
        return POOR;
    if (is_blank(before) || is_blank(after))
        return is_blank(after) ? FAIR : GOOD;
    return is_between_japanese(before, after) ? GOOD : FAIR;
}

static void
pass_text(Scan *scan)
{
    if (!is_solid(scan))
        scan->solid_end = marker_end(scan->at);
    scan->at = g_utf8_next_char(scan->at);
}

/* --- HTML ------------------------------------------------------------------------------------------ */

/* Elements whose content is text or a program; of a style sheet's rules the ends are known. */
static const char *const raw_elements[] = { "script", "style", "textarea", "title", "xmp", "iframe", NULL };

/* True if name begins at text and ends there. */
static bool
has_name(const char *text, const char *name)
{
    gsize length = strlen(name);

    return g_ascii_strncasecmp(text, name, length) == 0 && (!text[length] || strchr(" \t\n\f/>", text[length]));
}

static guint
rank_in_tag(const Scan *scan)
{
    char before = scan->at[-1];

    if (scan->quote)
        return scan->data && before != scan->quote ? POOR : NOWHERE;
    if (*scan->at == '>')
        return before != '/' && before != '<' ? GOOD : NOWHERE;
    return before == ' ' || before == '\t' ? GOOD : NOWHERE;
}

static guint
rank_in_html(const Scan *scan)
{
    char before = scan->at[-1];
    bool blank = before == ' ' || before == '\t';

    if (is_solid(scan))
        return NOWHERE;
    switch (scan->place) {
    case IN_TAG:
        return rank_in_tag(scan);
    case IN_COMMENT:
        return blank ? FAIR : NOWHERE;
    case IN_RAW:
        return has_name(scan->raw, "style") && (before == '}' || before == '{') ? FAIR : NOWHERE;
    case IN_DECLARATION:
        return NOWHERE;
    case IN_TEXT:
    default:
        if (blank && scan->pre == 0)
            return FAIR;
        return before == '<' || are_joined(char_before(scan->at), g_utf8_get_char(scan->at)) ? NOWHERE : POOR;
    }
}

static void
open_markup(Scan *scan)
{
    const char *next = scan->at + 1;

    scan->opened = scan->at;
    if (g_str_has_prefix(scan->at, COMMENT_OPEN))
        scan->place = IN_COMMENT;
    else if (*next == '!' || *next == '?')
        scan->place = IN_DECLARATION;
    else if (g_ascii_isalpha(*next) || (*next == '/' && g_ascii_isalpha(next[1])))
        scan->place = IN_TAG;
}

static void
close_tag(Scan *scan)
{
    const char *name = scan->opened + 1;

    scan->place = IN_TEXT;
    if (has_name(name, "pre"))
        scan->pre++;
    else if (has_name(name, "/pre") && scan->pre > 0)
        scan->pre--;
    for (guint i = 0; raw_elements[i]; i++) {
        if (!has_name(name, raw_elements[i]))
            continue;
        scan->place = IN_RAW;
        scan->raw = raw_elements[i];
    }
}

static void
pass_in_tag(Scan *scan)
{
    char c = *scan->at;

    if (scan->quote) {
        scan->quote = c == scan->quote ? '\0' : scan->quote;
    } else if (c == '"' || c == '\'') {
        scan->quote = c;
        scan->data = g_ascii_strncasecmp(scan->at + 1, "data:", strlen("data:")) == 0;
    } else if (c == '>') {
        close_tag(scan);
    }
}

/* The end of an entity at text, or NULL. */
static const char *
entity_end(const char *text)
{
    const char *p = text + 1;

    if (*text != '&')
        return NULL;
    while (p - text < MAX_SOLID_BYTES && (g_ascii_isalnum(*p) || *p == '#'))
        p++;
    return *p == ';' ? p + 1 : p;
}

static void
pass_html(Scan *scan)
{
    const char *at = scan->at;

    if (!is_solid(scan)) {
        scan->solid_end = marker_end(at);
        if (!scan->solid_end && scan->place == IN_TEXT)
            scan->solid_end = entity_end(at);
    }
    if (scan->place == IN_TAG)
        pass_in_tag(scan);
    else if (scan->place == IN_COMMENT && at - scan->opened >= 4 && *at == '>' && at[-1] == '-' && at[-2] == '-')
        scan->place = IN_TEXT;
    else if (scan->place == IN_DECLARATION && *at == '>')
        scan->place = IN_TEXT;
    else if (scan->place == IN_TEXT && *at == '<')
        open_markup(scan);
    else if (scan->place == IN_RAW && at[0] == '<' && at[1] == '/' && has_name(at + 2, scan->raw))
        open_markup(scan);
    scan->at = g_utf8_next_char(at);
}

/* --- both ------------------------------------------------------------------------------------------ */

static const Kind text_kind = { rank_in_text, pass_text, false };
static const Kind html_kind = { rank_in_html, pass_html, true };

/* A break that needs a comment: not inside of a tag's value. */
static bool
takes_comment(const Kind *kind, const Scan *scan, guint rank)
{
    return kind->comments && rank == POOR && scan->place == IN_TEXT;
}

static char *
wrap(const char *text, gsize limit, const Kind *kind)
{
    GString *out = g_string_sized_new(strlen(text) + strlen(text) / 64 + 1);
    Scan scan = { .at = text }, best = scan;
    const char *line = text;
    guint best_rank = NOWHERE;
    gsize lead = 0; /* bytes that the line has before those of text */

    while (*scan.at) {
        gsize done = lead + (gsize) (scan.at - line);
        guint rank = scan.at > line && *scan.at != '\n' ? kind->rank(&scan) : NOWHERE;
        gsize tail = takes_comment(kind, &scan, rank) ? strlen(COMMENT_OPEN) : 0;
        if (rank != NOWHERE && rank >= best_rank && (best_rank == NOWHERE || done + tail <= limit)) {
            best = scan;
            best_rank = rank;
        }
        bool is_over = *scan.at != '\n' && done + (gsize) (g_utf8_next_char(scan.at) - scan.at) > limit;
        if (is_over && best_rank != NOWHERE) {
            bool comment = takes_comment(kind, &best, best_rank);
            g_string_append_len(out, line, best.at - line);
            g_string_append(out, comment ? COMMENT_OPEN "\n" COMMENT_CLOSE : "\n");
            lead = comment ? strlen(COMMENT_CLOSE) : 0;
            line = best.at;
            scan = best;
            best_rank = NOWHERE;
        } else if (*scan.at == '\n') {
            kind->pass(&scan);
            g_string_append_len(out, line, scan.at - line);
            line = scan.at;
            lead = 0;
            best_rank = NOWHERE;
            continue;
        }
        kind->pass(&scan);
    }
    g_string_append_len(out, line, scan.at - line);
    return g_string_free(out, FALSE);
}

bool
lines_are_long(const char *text, gsize limit)
{
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = strchrnul(text, '\n');
        if ((gsize) (end - text) > limit)
            return true;
    }
    return false;
}

char *
lines_wrap_text(const char *text, gsize limit)
{
    return wrap(text, limit, &text_kind);
}

char *
lines_wrap_html(const char *html, gsize limit)
{
    return wrap(html, limit, &html_kind);
}
