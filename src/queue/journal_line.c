#include "queue/journal_line.h"

#include "base/id.h"

#include <string.h>

/* A later version may add fields behind these, under the same mark. */
static const char mark[] = "1";

#define STRING(member, most) { #member, G_STRUCT_OFFSET(JournalLine, member), most }

static const struct {
    const char *name;
    gsize offset;
    gsize max_bytes; /* once escaped */
} strings[JOURNAL_STRINGS] = {
    STRING(event, 32),      STRING(id, 64),     STRING(sender, 1024), STRING(recipient, 1024),
    STRING(message_id, 1024), STRING(remote_id, 1024), STRING(account, 256), STRING(call, 256),
    STRING(dsn, 16),        STRING(text, 16384), STRING(digest, 256),
};

const char *
journal_line_name(guint i)
{
    return strings[i].name;
}

const char *
journal_line_get(const JournalLine *self, guint i)
{
    return G_STRUCT_MEMBER(const char *, self, strings[i].offset);
}

void
journal_line_set(JournalLine *self, guint i, const char *value)
{
    G_STRUCT_MEMBER(const char *, self, strings[i].offset) = value;
}

/* --- text ---------------------------------------------------------------------------------------- */

static char
escape_of(char c)
{
    switch (c) {
    case '\\':
        return '\\';
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    default:
        return '\0';
    }
}

static void
put_escaped(GString *out, const char *value, gsize max)
{
    gsize end = out->len + max - 1; /* an escape takes two bytes */

    for (const char *p = value; p && *p && out->len < end; p++) {
        char escape = escape_of(*p);
        if (escape)
            g_string_append_c(out, '\\');
        g_string_append_c(out, escape ? escape : *p);
    }
}

void
journal_line_print(const JournalLine *self, GString *out)
{
    g_string_append_printf(out, "%s\t%" G_GINT64_FORMAT, mark, self->at_ms);
    for (guint i = 0; i < JOURNAL_STRINGS; i++) {
        g_string_append_c(out, '\t');
        put_escaped(out, journal_line_get(self, i), strings[i].max_bytes);
    }
    g_string_append_c(out, '\n');
}

static bool
unescape(char *text)
{
    static const char letters[] = "\\tnr", bytes[] = "\\\t\n\r";
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        const char *letter = *++from ? strchr(letters, *from) : NULL;
        if (!letter)
            return false;
        *to++ = bytes[letter - letters];
    }
    *to = '\0';
    return true;
}

static bool
is_word(const char *text)
{
    return text && *text && strspn(text, "abcdefghijklmnopqrstuvwxyz-") == strlen(text);
}

bool
journal_line_parse(char *text, gsize n, JournalLine *line)
{
    char *rest = text;

    *line = (JournalLine) { 0 };
    if (memchr(text, '\0', n) || g_strcmp0(strsep(&rest, "\t"), mark) != 0 || !rest)
        return false;
    const char *at = strsep(&rest, "\t");
    if (!g_ascii_string_to_signed(at, 10, 0, G_MAXINT64, &line->at_ms, NULL))
        return false;
    for (guint i = 0; i < JOURNAL_STRINGS; i++) {
        char *value = rest ? strsep(&rest, "\t") : NULL;
        if (!value || strlen(value) > strings[i].max_bytes || !unescape(value))
            return false;
        journal_line_set(line, i, *value ? value : NULL);
    }
    return is_word(line->event);
}

/* --- finding ------------------------------------------------------------------------------------- */

/* FNV-1a over the text in small letters. Texts that happen to share a number are told apart by comparing them. */
static gint64
hash(const char *text, gsize n)
{
    guint64 value = 0xcbf29ce484222325u;

    for (gsize i = 0; i < n; i++)
        value = (value ^ (guchar) g_ascii_tolower(text[i])) * 0x100000001b3u;
    return (gint64) value;
}

static gsize
bare(const char **text)
{
    gsize n = strlen(*text);

    if (n < 2 || (*text)[0] != '<' || (*text)[n - 1] != '>')
        return n;
    (*text)++;
    return n - 2;
}

static bool
same(const char *ours, const char *what, gsize n)
{
    if (!ours)
        return false;
    return bare(&ours) == n && g_ascii_strncasecmp(ours, what, n) == 0;
}

static bool
same_request(const JournalLine *self, const char *what, gsize n)
{
    g_autofree char *id = self->call && n == ID_CALL ? id_of_call(self->call) : NULL;

    return same(id, what, n);
}

bool
journal_line_fits(const JournalLine *self, const char *what)
{
    gsize n = bare(&what);
    bool queued = n > 1 && (what[0] == 'Q' || what[0] == 'q');

    return same(self->id, what, n) || (queued && same(self->id, what + 1, n - 1)) || same(self->message_id, what, n)
           || same(self->remote_id, what, n) || same(self->call, what, n) || same(self->recipient, what, n)
           || same_request(self, what, n);
}

void
journal_line_keys(const JournalLine *self, void (*visit)(gint64 key, void *user), void *user)
{
    g_autofree char *request = self->call ? id_of_call(self->call) : NULL;
    const char *words[] = { self->id, self->recipient, self->message_id, self->remote_id, self->call, request };
    gint64 seen[G_N_ELEMENTS(words)];
    guint n = 0;

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        const char *word = words[i];
        bool is_new = word != NULL;
        gsize length = word ? bare(&word) : 0;
        gint64 key = hash(word, length);
        for (guint j = 0; j < n; j++)
            is_new &= seen[j] != key;
        if (is_new)
            visit(seen[n++] = key, user);
    }
}

guint
journal_word_keys(const char *what, gint64 keys[JOURNAL_WORDS])
{
    gsize n = bare(&what);

    keys[0] = hash(what, n);
    if (n < 2 || (what[0] != 'Q' && what[0] != 'q'))
        return 1;
    keys[1] = hash(what + 1, n - 1);
    return 2;
}
