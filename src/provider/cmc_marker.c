#include "provider/cmc_marker.h"

#include <string.h>

enum {
    MAX_KEYS = 100 - 2,               /* properties of a recipient, besides name and address */
    MAX_VALUE_BYTES = 5 * 1024,       /* of a property */
    MAX_LIST_BYTES = 4 * 1024 * 1024, /* of what all recipients define together; ours */
};

char *
cmc_marker(const char *key)
{
    return g_strconcat("((#", key, "#))", NULL);
}

/* name and address are the recipient's own; of other keys the documents show letters and hyphens, so control characters
 * are not tried. */
static bool
is_definable(const char *key)
{
    if (!*key || g_ascii_strcasecmp(key, "name") == 0 || g_ascii_strcasecmp(key, "address") == 0)
        return false;
    for (const char *p = key; *p; p++) {
        if (g_ascii_iscntrl(*p))
            return false;
    }
    return strlen(key) + strlen("((##))") <= MAX_VALUE_BYTES;
}

/* Where a renderer begins is nowhere said: so from every "((#", overlapping ones too, to the next "#))". */
static bool
add_keys(GHashTable *known, GPtrArray *keys, const char *text)
{
    for (const char *open = text ? strstr(text, "((#") : NULL; open; open = strstr(open + 1, "((#")) {
        const char *begin = open + strlen("((#");
        const char *end = strstr(begin, "#))");
        if (!end)
            return true;
        g_autofree char *key = g_strndup(begin, (gsize) (end - begin));
        if (g_hash_table_contains(known, key))
            continue;
        if (!is_definable(key) || keys->len == MAX_KEYS)
            return false;
        g_hash_table_add(known, key);
        g_ptr_array_add(keys, g_steal_pointer(&key));
    }
    return true;
}

static bool
add_mail(GHashTable *known, GPtrArray *keys, const Mail *mail)
{
    const char *const texts[] = {
        mail->subject, mail->text, mail->html, mail->to_header, mail->cc_header, mail->from->name,
        mail->reply_to ? mail->reply_to->name : NULL,
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (!add_keys(known, keys, texts[i]))
            return false;
    }
    for (guint i = 0; i < mail->headers->len; i++) {
        const MailHeader *header = mail->headers->pdata[i];
        if (!add_keys(known, keys, header->value))
            return false;
    }
    return true;
}

GPtrArray *
cmc_marker_keys(const Mail *mail, guint recipients)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    gsize bytes = 0;

    if (!add_mail(known, keys, mail))
        return NULL;
    for (guint i = 0; i < keys->len; i++)
        bytes += 2 * strlen(keys->pdata[i]) + strlen("\"\":\"((##))\",");
    return bytes * recipients <= MAX_LIST_BYTES ? g_steal_pointer(&keys) : NULL;
}
