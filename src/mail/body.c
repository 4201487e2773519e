#include "mail/body.h"

#include <string.h>

#include "mail/html_text.h"

BodyPiece *
body_piece_new(char *text, char *html)
{
    BodyPiece *self = g_new(BodyPiece, 1);

    *self = (BodyPiece){ text, html };
    return self;
}

void
body_piece_free(BodyPiece *self)
{
    if (!self)
        return;
    g_free(self->text);
    g_free(self->html);
    g_free(self);
}

static bool
is_blank(const char *text)
{
    return text[strspn(text, " \t\n")] == '\0';
}

static void
append_line_end(GString *out)
{
    if (out->len && out->str[out->len - 1] != '\n')
        g_string_append_c(out, '\n');
}

char *
body_join_text(GPtrArray *pieces, gsize max_bytes, bool *made)
{
    const BodyPiece *first = pieces->len == 1 ? pieces->pdata[0] : NULL;

    *made = false;
    if (first && first->text && !is_blank(first->text))
        return g_strdup(first->text);

    GString *out = g_string_new(NULL);
    for (guint i = 0; i < pieces->len; i++) {
        const BodyPiece *piece = pieces->pdata[i];

        append_line_end(out);
        if (piece->html && (!piece->text || is_blank(piece->text))) {
            g_autofree char *text = html_text(piece->html, max_bytes);
            g_string_append(out, text);
            *made = true;
        } else {
            g_string_append(out, piece->text);
        }
    }
    return g_string_free(out, FALSE);
}

/* The last occurrence of a tag's beginning ("</body"), or the first; NULL if there is none. */
static const char *
find_tag(const char *html, const char *tag, bool last)
{
    const char *found = NULL;

    for (const char *p = strchr(html, '<'); p; p = strchr(p + 1, '<'))
        if (g_ascii_strncasecmp(p, tag, strlen(tag)) == 0) {
            found = p;
            if (!last)
                break;
        }
    return found;
}

/* Behind <body …>, else behind </head>, else at the start. */
static gsize
body_start(const char *html)
{
    const char *tag = find_tag(html, "<body", false);

    if (!tag)
        tag = find_tag(html, "</head", false);
    const char *end = tag ? strchr(tag, '>') : NULL;
    return end ? (gsize)(end + 1 - html) : 0;
}

static gsize
body_end(const char *html)
{
    const char *tag = find_tag(html, "</body", true);

    if (!tag)
        tag = find_tag(html, "</html", true);
    return tag ? (gsize)(tag - html) : strlen(html);
}

static void
append_as_html(GString *out, const char *text)
{
    g_string_append(out, "<div style=\"white-space: pre-wrap\">");
    for (const char *p = text; *p; p++)
        switch (*p) {
        case '&':
            g_string_append(out, "&amp;");
            break;
        case '<':
            g_string_append(out, "&lt;");
            break;
        case '>':
            g_string_append(out, "&gt;");
            break;
        default:
            g_string_append_c(out, *p);
        }
    g_string_append(out, "</div>\n");
}

/* What a document shows, without the tags that another document around it must not meet, and with its style
 * sheets. */
static void
append_content(GString *out, const char *html)
{
    gsize start = body_start(html), end = body_end(html);

    if (end < start) {
        g_string_append(out, html);
        return;
    }
    g_autofree char *head = g_strndup(html, start);
    for (const char *style = find_tag(head, "<style", false); style; style = find_tag(style, "<style", false)) {
        const char *stop = find_tag(style, "</style", false);
        if (!stop)
            break;
        g_string_append_len(out, style, stop - style);
        g_string_append(out, "</style>\n");
        style = stop;
    }
    g_string_append_len(out, html + start, (gssize)(end - start));
    g_string_append_c(out, '\n');
}

/* The piece that the others are put around: the first that has HTML. */
static const BodyPiece *
frame_of(GPtrArray *pieces, guint *at)
{
    for (guint i = 0; i < pieces->len; i++) {
        const BodyPiece *piece = pieces->pdata[i];

        if (piece->html) {
            *at = i;
            return piece;
        }
    }
    return NULL;
}

char *
body_join_html(GPtrArray *pieces)
{
    guint at;
    const BodyPiece *frame = frame_of(pieces, &at);

    if (!frame)
        return NULL;
    if (pieces->len == 1)
        return g_strdup(frame->html);

    g_autoptr(GString) before = g_string_new(NULL);
    g_autoptr(GString) after = g_string_new(NULL);
    for (guint i = 0; i < pieces->len; i++) {
        const BodyPiece *piece = pieces->pdata[i];
        GString *side = i < at ? before : after;

        if (i == at)
            continue;
        if (piece->html)
            append_content(side, piece->html);
        else if (!is_blank(piece->text))
            append_as_html(side, piece->text);
    }

    GString *out = g_string_new(frame->html);
    if (after->len)
        g_string_insert(out, (gssize)body_end(out->str), after->str);
    if (before->len)
        g_string_insert(out, (gssize)body_start(out->str), before->str);
    return g_string_free(out, FALSE);
}

void
body_unify_lines(char *text)
{
    char *from = strchr(text, '\r');
    char *to = from;

    while (from) {
        if (*++from != '\n')
            *to++ = '\n';
        char *next = strchr(from, '\r');
        size_t n = next ? (size_t)(next - from) : strlen(from) + 1;
        memmove(to, from, n);
        to += n;
        from = next;
    }
}

/* A soft break ends in a blank and is no signature mark; quoted lines keep theirs. */
static bool
is_soft(const char *line, gsize n)
{
    return n > 0 && line[n - 1] == ' ' && line[0] != '>' && !(n == 3 && memcmp(line, "-- ", 3) == 0);
}

void
body_unflow(char *text, bool delsp)
{
    char *to = text;

    for (const char *line = text; *line;) {
        const char *lf = strchr(line, '\n');
        gsize n = lf ? (gsize)(lf - line) : strlen(line);
        const char *next = line + n + (lf != NULL);

        if (n > 0 && line[0] == ' ') {
            line++;
            n--;
        }
        bool joins = delsp && lf && is_soft(line, n) && *next && *next != '>';
        memmove(to, line, n - joins);
        to += n - joins;
        if (lf && !joins)
            *to++ = '\n';
        line = next;
    }
    *to = '\0';
}

/* Characters of valid UTF-8. Each step of g_utf8_strlen() waits for the one before: that took longer than
 * decoding the text. */
static gint64
count_chars(const char *text)
{
    gint64 chars = 0;

    for (const char *p = text; *p; p++)
        chars += (*p & 0xC0) != 0x80;
    return chars;
}

gint64
body_cut(char *text, gint64 max)
{
    gint64 chars = count_chars(text);

    if (max <= 0 || chars <= max)
        return chars;
    *g_utf8_offset_to_pointer(text, (glong)max) = '\0';
    return max;
}
