#include "mail/translate.h"

#include <string.h>
#include <syslog.h>

#include "mail/part_source.h"

/* Whether p, behind "cid:", is this Content-ID as a URL may write it; returns the length written. */
static gsize
matches_id(const char *p, const char *id)
{
    const char *start = p;

    for (; *id; id++) {
        int escaped = p[0] == '%' && g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2])
                          ? g_ascii_xdigit_value(p[1]) << 4 | g_ascii_xdigit_value(p[2]) : -1;

        if (*p == *id)
            p++;
        else if (escaped == (guchar)*id)
            p += 3;
        else
            return 0;
    }
    return *p && strchr("\"' \t\n)>?#&", *p) ? (gsize)(p - start) : 0;
}

/* Replaces each "cid:<id>" by uri (or only counts, with NULL); returns how many there are. */
static guint
replace_references(GString *html, const char *id, const char *uri)
{
    g_autoptr(GString) out = uri ? g_string_sized_new(html->len) : NULL;
    const char *done = html->str;
    guint n = 0;

    for (const char *p = strchr(done, ':'); p; p = strchr(p + 1, ':')) {
        if (p - done < 3 || g_ascii_strncasecmp(p - 3, "cid", 3) != 0)
            continue;
        gsize length = matches_id(p + 1, id);
        if (!length)
            continue;
        n++;
        if (uri) {
            g_string_append_len(out, done, p - 3 - done);
            g_string_append(out, uri);
            done = p + 1 + length;
            p = done - 1;
        }
    }
    if (uri) {
        g_string_append(out, done);
        g_string_assign(html, out->str);
    }
    return n;
}

static char *
data_uri(const MailPart *part, GError **error)
{
    bool cut;
    g_autoptr(GByteArray) bytes = part_content_read(part->content, (gsize)part->length, &cut, error);

    if (!bytes)
        return NULL;
    g_autofree char *encoded = g_base64_encode(bytes->data, bytes->len);
    return g_strconcat("data:", part->type, ";base64,", encoded, NULL);
}

bool
inline_images(Mail *mail, GPtrArray *cids, gint64 limit, GError **error)
{
    g_autoptr(GString) html = g_string_new(mail->html);

    for (guint i = 0; i < mail->attachments->len;) {
        const MailPart *part = mail->attachments->pdata[i];
        const char *id = cids->pdata[i];
        guint uses = id && g_str_has_prefix(part->type, "image/") ? replace_references(html, id, NULL) : 0;
        gint64 size = (gint64)(strlen("data:;base64,") + strlen(part->type)) + (part->length + 2) / 3 * 4;

        if (!uses || g_utf8_strlen(html->str, -1) + size * uses > limit) {
            i++;
            continue;
        }
        g_autofree char *uri = data_uri(part, error);
        if (!uri)
            return false;
        replace_references(html, id, uri);
        mail_note(mail, LOG_INFO, "inline-image", "%s is now part of the HTML", part->filename);
        g_ptr_array_remove_index(mail->attachments, i);
        g_ptr_array_remove_index(cids, i);
    }
    g_free(mail->html);
    mail->html = g_strdup(html->str);
    mail->html_chars = MAX(mail->html_chars, g_utf8_strlen(mail->html, -1));
    return true;
}
