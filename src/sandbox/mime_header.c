#include "sandbox/mime_header.h"

#include <string.h>

/* RFC 2047 allows 75 characters per word: 60 of base64 beside "=?UTF-8?B?", 56 beside the
 * longer name. */
enum { UTF8_WORD_BYTES = 45, ISO_WORD_BYTES = 42, ISO_WORD_CHARS = 16 };
enum { LINE = 76, SECTION = 54, TOKEN_MAX = 900 };

static const char geta[] = "\u3013";

char *
mime_iso_2022_jp(const char *text, size_t n, gsize *length)
{
    g_autoptr(GError) error = NULL;
    char *out = g_convert_with_fallback(text, (gssize) n, "ISO-2022-JP", "UTF-8", geta, NULL, length, &error);

    if (!out) {
        g_warning("no ISO-2022-JP: %s", error->message);
        *length = 0;
        out = g_strdup("");
    }
    return out;
}

/* True if the text may stand in a header as it is, only folded. */
static bool
is_plain(const char *value)
{
    size_t token = 0;

    if (*value == ' ' || strstr(value, "=?") || g_str_has_suffix(value, " "))
        return false;
    for (const char *p = value; *p; p++) {
        if (*p < ' ' || *p > '~')
            return false;
        token = *p == ' ' ? 0 : token + 1;
        if (token > TOKEN_MAX)
            return false;
    }
    return true;
}

static void
append_word(GString *out, const char *charset, const char *bytes, size_t n)
{
    g_autofree char *base64 = g_base64_encode((const guchar *) bytes, n);

    g_string_append_printf(out, "=?%s?B?%s?=", charset, base64);
}

/* As many whole characters as fit one word. */
static const char *
word_end(const char *p, bool iso_2022_jp)
{
    const char *end = p;
    unsigned chars = 0;

    while (*end && chars++ < (iso_2022_jp ? ISO_WORD_CHARS : UTF8_WORD_BYTES)) {
        const char *next = g_utf8_next_char(end);
        if (!iso_2022_jp && next - p > UTF8_WORD_BYTES)
            break;
        end = next;
    }
    return end;
}

static void
append_words(GString *out, const char *value, bool iso_2022_jp)
{
    for (const char *p = value; *p;) {
        const char *end = word_end(p, iso_2022_jp);
        if (p > value)
            g_string_append(out, "\r\n ");
        if (iso_2022_jp) {
            gsize length;
            g_autofree char *bytes = mime_iso_2022_jp(p, (size_t) (end - p), &length);
            while (length > ISO_WORD_BYTES) {
                end = g_utf8_prev_char(end);
                g_free(bytes);
                bytes = mime_iso_2022_jp(p, (size_t) (end - p), &length);
            }
            append_word(out, "ISO-2022-JP", bytes, length);
        } else {
            append_word(out, "UTF-8", p, (size_t) (end - p));
        }
        p = end;
    }
}

/* Breaks lines at single blanks only, so that unfolding gives the same text. */
static void
append_folded(GString *out, const char *value, size_t column)
{
    for (const char *p = value; *p;) {
        const char *blank = p + 1 + strcspn(p + 1, " ");
        size_t n = (size_t) (blank - p);
        bool single = *p == ' ' && n > 1 && p > value && p[-1] != ' ';
        if (single && column + n > LINE) {
            g_string_append(out, "\r\n");
            column = 0;
        }
        g_string_append_len(out, p, (gssize) n);
        column += n;
        p = blank;
    }
}

void
mime_header_text(GString *out, const char *name, const char *value, bool iso_2022_jp)
{
    g_string_append_printf(out, "%s: ", name);
    if (is_plain(value))
        append_folded(out, value, strlen(name) + 2);
    else
        append_words(out, value, iso_2022_jp);
    g_string_append(out, "\r\n");
}

static void
append_quoted(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}

static void
append_mailbox(GString *out, const Mailbox *mailbox, bool iso_2022_jp)
{
    if (!*mailbox->name) {
        g_string_append(out, mailbox->address);
        return;
    }
    if (is_plain(mailbox->name) && strlen(mailbox->name) < LINE)
        append_quoted(out, mailbox->name);
    else
        append_words(out, mailbox->name, iso_2022_jp);
    g_string_append_printf(out, " <%s>", mailbox->address);
}

void
mime_header_mailboxes(GString *out, const char *name, const GPtrArray *mailboxes, bool iso_2022_jp)
{
    if (mailboxes->len == 0)
        return;
    g_string_append_printf(out, "%s: ", name);
    for (guint i = 0; i < mailboxes->len; i++) {
        if (i > 0)
            g_string_append(out, ",\r\n ");
        append_mailbox(out, mailboxes->pdata[i], iso_2022_jp);
    }
    g_string_append(out, "\r\n");
}

void
mime_header_mailbox(GString *out, const char *name, const Mailbox *mailbox, bool iso_2022_jp)
{
    g_string_append_printf(out, "%s: ", name);
    append_mailbox(out, mailbox, iso_2022_jp);
    g_string_append(out, "\r\n");
}

/* A reader may decode each section by itself: none ends inside a character. */
static void
append_section(GString *out, const char *name, unsigned number, const char *coded)
{
    g_string_append_printf(out, ";\r\n %s*%u*=%s%s", name, number, number ? "" : "UTF-8''", coded);
}

void
mime_header_parameter(GString *out, const char *name, const char *value)
{
    if (is_plain(value) && strlen(value) < 60) {
        g_string_append_printf(out, ";\r\n %s=", name);
        append_quoted(out, value);
        return;
    }
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    g_autoptr(GString) section = g_string_new(NULL);
    unsigned number = 0;
    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        g_autofree char *character = g_strndup(p, (size_t) (g_utf8_next_char(p) - p));
        g_autofree char *coded = g_uri_escape_string(character, NULL, FALSE);
        if (section->len + strlen(coded) > SECTION) {
            append_section(out, name, number++, section->str);
            g_string_truncate(section, 0);
        }
        g_string_append(section, coded);
    }
    append_section(out, name, number, section->str);
}
