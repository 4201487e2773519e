#include "mail/translate.h"

#include <string.h>
#include <syslog.h>

#include "mail/part_source.h"

#define MAX_ID_BYTES 255
#define MAX_TRIES 4

/* An image that the HTML may refer to. */
typedef struct {
    const MailPart *part;
    gint64 uri_length;
    gint64 uses;
    char *uri; /* NULL if it stays an attachment */
} Image;

/* "cid:…" in the HTML. */
typedef struct {
    gsize at, length;
    Image *image;
} Reference;

static void
image_free(void *data)
{
    Image *self = data;

    g_free(self->uri);
    g_free(self);
}

/* Content-ID -> Image; of several with one id the first. */
static GHashTable *
collect_images(const Mail *mail, const GPtrArray *cids)
{
    GHashTable *images = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, image_free);

    for (guint i = 0; i < mail->attachments->len; i++) {
        const MailPart *part = mail->attachments->pdata[i];
        char *id = cids->pdata[i];

        if (!id || !g_str_has_prefix(part->type, "image/") || g_hash_table_contains(images, id))
            continue;
        Image *image = g_new0(Image, 1);
        image->part = part;
        image->uri_length = (gint64)(strlen("data:;base64,") + strlen(part->type)) + (part->length + 2) / 3 * 4;
        g_hash_table_insert(images, id, image);
    }
    return images;
}

/* The image whose Content-ID these n bytes are, as it is or as a URL escapes it. */
static Image *
find_image(GHashTable *images, const char *id, gsize n)
{
    char raw[MAX_ID_BYTES + 1];

    memcpy(raw, id, n);
    raw[n] = '\0';
    Image *image = g_hash_table_lookup(images, raw);
    if (image || !strchr(raw, '%'))
        return image;
    g_autofree char *plain = g_uri_unescape_string(raw, NULL);
    return plain ? g_hash_table_lookup(images, plain) : NULL;
}

/* The image that a URL beginning with "cid:" and then id means; *length is the id's as written. An id may itself
 * hold some of the characters that end a URL. */
static Image *
read_id(GHashTable *images, const char *id, gsize *length)
{
    guint tries = 0;

    for (gsize n = 1; n <= MAX_ID_BYTES && tries < MAX_TRIES; n++) {
        if (!id[n - 1] || strchr("\" \t\n)<>", id[n - 1]))
            return NULL;
        if (!id[n] || !strchr("\" \t\n)<>'?#&", id[n]))
            continue;
        Image *image = find_image(images, id, n);
        tries++;
        if (image) {
            *length = n;
            return image;
        }
    }
    return NULL;
}

/* In order; counts the uses of each image. */
static GArray *
find_references(const char *html, GHashTable *images)
{
    GArray *references = g_array_new(FALSE, FALSE, sizeof(Reference));
    gsize length;

    for (const char *p = strchr(html, ':'); p; p = strchr(p + 1, ':')) {
        if (p - html < 3 || g_ascii_strncasecmp(p - 3, "cid", 3) != 0)
            continue;
        Image *image = read_id(images, p + 1, &length);
        if (!image)
            continue;
        Reference reference = { (gsize)(p - 3 - html), strlen("cid:") + length, image };
        g_array_append_val(references, reference);
        image->uses++;
        p += length;
    }
    return references;
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

static char *
replace_references(const char *html, const GArray *references)
{
    GString *out = g_string_new(NULL);
    gsize done = 0;

    for (guint i = 0; i < references->len; i++) {
        const Reference *reference = &g_array_index(references, Reference, i);
        if (!reference->image->uri)
            continue;
        g_string_append_len(out, html + done, (gssize)(reference->at - done));
        g_string_append(out, reference->image->uri);
        done = reference->at + reference->length;
    }
    g_string_append(out, html + done);
    return g_string_free(out, FALSE);
}

/* Makes the URIs of the images that fit, in order. */
static bool
make_uris(Mail *mail, GPtrArray *cids, GHashTable *images, gint64 limit, GError **error)
{
    gint64 chars = g_utf8_strlen(mail->html, -1);

    for (guint i = 0; i < mail->attachments->len; i++) {
        const MailPart *part = mail->attachments->pdata[i];
        Image *image = cids->pdata[i] ? g_hash_table_lookup(images, cids->pdata[i]) : NULL;
        gint64 more = image ? image->uri_length * image->uses : 0;

        if (more == 0 || image->part != part || chars + more > limit)
            continue;
        image->uri = data_uri(part, error);
        if (!image->uri)
            return false;
        chars += more;
        mail_note(mail, LOG_INFO, "inline-image", "%s is now part of the HTML", part->filename);
    }
    return true;
}

bool
inline_images(Mail *mail, GPtrArray *cids, gint64 limit, GError **error)
{
    g_autoptr(GHashTable) images = collect_images(mail, cids);
    g_autoptr(GArray) references = find_references(mail->html, images);

    if (!make_uris(mail, cids, images, limit, error))
        return false;

    char *html = replace_references(mail->html, references);
    g_free(mail->html);
    mail->html = html;
    mail->html_chars = MAX(mail->html_chars, g_utf8_strlen(html, -1));
    for (guint i = mail->attachments->len; i-- > 0;) {
        const char *id = cids->pdata[i];
        const Image *image = id ? g_hash_table_lookup(images, id) : NULL;

        if (!image || !image->uri || image->part != mail->attachments->pdata[i])
            continue;
        g_hash_table_remove(images, id); /* it lives on these two */
        g_ptr_array_remove_index(mail->attachments, i);
        g_ptr_array_remove_index(cids, i);
    }
    return true;
}
