#include "provider/arara_marker.h"

#include "http/json.h"

#include <string.h>

static void
define(cJSON *object, GHashTable *known, const char *key, const char *end)
{
    g_autofree char *name = g_strndup(key, (gsize) (end - key));

    if (g_hash_table_contains(known, name))
        return;
    g_autofree char *marker = g_strconcat("##", name, "##", NULL);
    json_put_string(object, name, marker);
    g_hash_table_add(known, g_steal_pointer(&name));
}

/* Where a renderer begins, what it takes for a key without a character, and how it goes on behind something it
 * doesn't know is nowhere said: so from every ##, overlapping ones too, to the next ##, and to the next that
 * leaves the key a character. A definition too many does no harm, since it changes nothing. */
static void
define_all(cJSON *object, GHashTable *known, const char *text)
{
    for (const char *open = strstr(text, "##"); open; open = strstr(open + 1, "##")) {
        const char *key = open + 2;
        const char *end = strstr(key, "##");
        if (!end)
            continue;
        define(object, known, key, end);
        if (end == key && (end = strstr(key + 1, "##")))
            define(object, known, key, end);
    }
}

GBytes *
arara_markers(const char *const *texts)
{
    g_autoptr(cJSON) object = cJSON_CreateObject();
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (; *texts; texts++)
        define_all(object, known, *texts);
    return object->child ? json_print(object) : NULL;
}
