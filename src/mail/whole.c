#include "mail/whole.h"

#include "mail/body.h"
#include "mail/charset.h"

#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, MAX_LINE_BYTES = 1024 * 1024 };

bool
whole_append(Spool *spool, const char *text, gsize n, GError **error)
{
    spool_append(spool, text, n);
    return !spool_is_full(spool) || spool_flush(spool, error);
}

static bool
ends_line(const Spool *spool)
{
    gint64 length = spool_length(spool);
    char last = '\n';

    if (length > 0)
        spool_read_at(spool, length - 1, &last, 1, NULL);
    return last == '\n';
}

/* Charsets in which the byte of LF may be part of another character. */
static bool
is_wide(const char *label)
{
    return label && (g_ascii_strncasecmp(label, "utf-16", 6) == 0 || g_ascii_strncasecmp(label, "utf-32", 6) == 0 ||
                     g_ascii_strncasecmp(label, "ucs", 3) == 0 || g_ascii_strncasecmp(label, "iso-10646", 9) == 0);
}

/* Up to where the bytes can be decoded for themselves: ISO-2022-JP too is ASCII at a line's end. */
static gsize
decodable(const GString *raw, bool is_last, bool wide)
{
    const char *lf = wide ? NULL : memrchr(raw->str, '\n', raw->len);

    if (is_last)
        return raw->len;
    if (lf)
        return (gsize) (lf + 1 - raw->str);
    return !wide && raw->len > MAX_LINE_BYTES ? raw->len : 0;
}

bool
whole_append_part(Spool *spool, PartContent *content, const char *label, const char *hint, GError **error)
{
    if (!ends_line(spool) && !whole_append(spool, "\n", 1, error))
        return false;
    if (part_content_length(content, error) < 0)
        return false;
    g_autoptr(Source) source = part_content_source(content);
    g_autoptr(GString) raw = g_string_new(NULL);
    g_autofree char *block = g_malloc(BLOCK_BYTES);

    for (gssize n = 1; n > 0;) {
        n = source_read(source, block, BLOCK_BYTES, error);
        if (n < 0)
            return false;
        g_string_append_len(raw, block, n);
        gsize ready = decodable(raw, n == 0, is_wide(label));
        if (ready == 0)
            continue;
        g_autofree char *text = charset_to_utf8(raw->str, ready, label, hint, NULL);
        body_unify_lines(text);
        g_string_erase(raw, 0, (gssize) ready);
        if (!whole_append(spool, text, strlen(text), error))
            return false;
    }
    return true;
}

PartContent *
whole_finish(Spool *spool, GError **error)
{
    g_autoptr(Spool) own = spool;

    return spool_finish(own, error) ? part_content_new(own, 0, spool_length(own), TRANSFER_IDENTITY) : NULL;
}
