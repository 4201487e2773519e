#include "mail/filename.h"

#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/parameter.h"

#include <string.h>

#define MAX_BYTES 200
#define MAX_EXTENSION_BYTES 20
#define MAX_EXTENSION_LETTERS 16

char *
filename_from_field(const char *raw, const char *parameter, const char *hint)
{
    g_autoptr(GArray) parameters = parameters_parse(raw);
    g_autofree char *charset = NULL;
    bool extended;
    g_autofree char *value = parameters_get(parameters, parameter, &charset, &extended);

    if (!value)
        return NULL;
    if (extended)
        return charset_to_utf8(value, strlen(value), charset, hint, NULL);
    return encoded_word_decode(value, hint);
}

/* What must not be in a name: what a path is made of, controls, what turns the direction of text or is not
 * seen, and what is no character. */
static bool
is_unsafe(gunichar c)
{
    return c == '/' || c == '\\' || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
           c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb);
}

/* Cuts the text before the extension so that all has MAX_BYTES. */
static void
shorten(GString *name)
{
    const char *dot = strrchr(name->str, '.');
    gsize extension = dot && dot > name->str ? name->str + name->len - dot : 0;

    if (name->len <= MAX_BYTES)
        return;
    if (extension > MAX_EXTENSION_BYTES)
        extension = 0;
    gsize keep = MAX_BYTES - extension;
    while (keep > 0 && (name->str[keep] & 0xc0) == 0x80)
        keep--;
    g_string_erase(name, keep, name->len - extension - keep);
}

char *
filename_clean(const char *name)
{
    g_autofree char *valid = charset_valid_utf8(name, -1);
    g_autoptr(GString) out = g_string_new(NULL);

    for (const char *p = g_strstrip(valid); *p; p = g_utf8_next_char(p)) {
        if (is_unsafe(g_utf8_get_char(p)) || (*p == '.' && strspn(out->str, "_") == out->len))
            g_string_append_c(out, '_');
        else
            g_string_append_len(out, p, g_utf8_next_char(p) - p);
    }
    if (strspn(out->str, "_ ") == out->len)
        return g_strdup("");
    shorten(out);
    return g_strdup(g_strchomp(out->str));
}

/* With its dot; "" if none is known. */
static const char *
usual_extension(const char *type)
{
    static const char *const extensions[][2] = {
        { "application/gzip", ".gz" },       { "application/json", ".json" },
        { "application/msword", ".doc" },    { "application/ms-tnef", ".dat" },
        { "application/pdf", ".pdf" },       { "application/pgp-signature", ".asc" },
        { "application/pkcs7-mime", ".p7m" }, { "application/pkcs7-signature", ".p7s" },
        { "application/rtf", ".rtf" },       { "application/vnd.ms-excel", ".xls" },
        { "application/vnd.ms-powerpoint", ".ppt" }, { "application/vnd.ms-tnef", ".dat" },
        { "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx" },
        { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx" },
        { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx" },
        { "application/x-pkcs7-mime", ".p7m" }, { "application/x-pkcs7-signature", ".p7s" },
        { "application/xml", ".xml" },       { "application/zip", ".zip" },
        { "audio/mpeg", ".mp3" },            { "audio/wav", ".wav" },
        { "image/bmp", ".bmp" },             { "image/gif", ".gif" },
        { "image/heic", ".heic" },           { "image/jpeg", ".jpg" },
        { "image/jpg", ".jpg" },             { "image/png", ".png" },
        { "image/svg+xml", ".svg" },         { "image/tiff", ".tif" },
        { "image/webp", ".webp" },           { "message/delivery-status", ".txt" },
        { "message/disposition-notification", ".txt" }, { "message/global", ".eml" },
        { "message/rfc822", ".eml" },        { "text/calendar", ".ics" },
        { "text/css", ".css" },              { "text/csv", ".csv" },
        { "text/html", ".html" },            { "text/plain", ".txt" },
        { "text/rfc822-headers", ".txt" },   { "text/vcard", ".vcf" },
        { "text/x-vcard", ".vcf" },          { "text/xml", ".xml" },
        { "video/mp4", ".mp4" },             { "video/quicktime", ".mov" },
    };
    gsize length = type ? strcspn(type, "; \t") : 0;

    for (guint i = 0; i < G_N_ELEMENTS(extensions); i++)
        if (strlen(extensions[i][0]) == length && g_ascii_strncasecmp(type, extensions[i][0], length) == 0)
            return extensions[i][1];
    return "";
}

char *
filename_default(guint n, const char *type)
{
    return g_strdup_printf("attachment-%u%s", n, usual_extension(type));
}

static bool
has_extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    gsize length = 0;

    while (dot && g_ascii_isalnum(dot[1 + length]))
        length++;
    return dot && dot > name && length > 0 && length <= MAX_EXTENSION_LETTERS && dot[1 + length] == '\0';
}

char *
filename_with_extension(const char *name, const char *type)
{
    if (has_extension(name))
        return NULL;
    const char *usual = usual_extension(type);
    g_autofree char *whole = g_strconcat(name, *usual ? usual : ".bin", NULL);
    return filename_clean(whole);
}

