#include "sandbox/marker.h"

#include <stdbool.h>
#include <string.h>

typedef struct {
    const char *begin;          /* of "((#" */
    const char *end;            /* after "#))" */
    const char *value;          /* "" for an unknown key */
} Marker;

/* Finds the first whole marker in p to end. */
static bool
find_marker(const char *p, const char *end, GHashTable *properties, Marker *marker)
{
    const char *begin = memmem(p, (size_t) (end - p), "((#", 3);
    const char *close = begin ? memmem(begin + 3, (size_t) (end - begin) - 3, "#))", 3) : NULL;

    if (!close)
        return false;
    g_autofree char *key = g_strndup(begin + 3, (size_t) (close - begin) - 3);
    const char *value = g_hash_table_lookup(properties, key);
    marker->begin = begin;
    marker->end = close + 3;
    marker->value = value ? value : "";
    return true;
}

GString *
marker_expand(const char *text, size_t n, GHashTable *properties)
{
    GString *out = g_string_sized_new(n);
    const char *end = text + n;
    Marker marker;

    while (find_marker(text, end, properties, &marker)) {
        g_string_append_len(out, text, marker.begin - text);
        g_string_append(out, marker.value);
        text = marker.end;
    }
    g_string_append_len(out, text, end - text);
    return out;
}

guint64
marker_length(const char *text, size_t n, GHashTable *properties)
{
    guint64 length = 0;
    const char *end = text + n;
    Marker marker;

    while (find_marker(text, end, properties, &marker)) {
        length += (guint64) (marker.begin - text) + strlen(marker.value);
        text = marker.end;
    }
    return length + (guint64) (end - text);
}
