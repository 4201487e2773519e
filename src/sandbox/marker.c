#include "sandbox/marker.h"

#include <stdbool.h>
#include <string.h>

typedef struct {
    const char *begin;          /* of the opening */
    const char *end;            /* after the closing */
    const char *value;
    size_t value_bytes;
} Marker;

/* Finds the first whole marker in p to end. */
static bool
find_marker(const MarkerStyle *style, const char *p, const char *end, GHashTable *properties, Marker *marker)
{
    size_t opening = strlen(style->opening);
    size_t closing = strlen(style->closing);
    const char *begin = memmem(p, (size_t) (end - p), style->opening, opening);
    const char *key = begin ? begin + opening : NULL;
    const char *close = key ? memmem(key, (size_t) (end - key), style->closing, closing) : NULL;

    if (!close)
        return false;
    g_autofree char *name = g_strndup(key, (size_t) (close - key));
    marker->begin = begin;
    marker->end = close + closing;
    marker->value = g_hash_table_lookup(properties, name);
    if (marker->value) {
        marker->value_bytes = strlen(marker->value);
    } else {
        marker->value = begin;
        marker->value_bytes = style->keeps_unknown ? (size_t) (marker->end - begin) : 0;
    }
    return true;
}

GString *
marker_expand(const MarkerStyle *style, const char *text, GHashTable *properties)
{
    size_t n = strlen(text);
    GString *out = g_string_sized_new(n);
    const char *end = text + n;
    Marker marker;

    while (find_marker(style, text, end, properties, &marker)) {
        g_string_append_len(out, text, marker.begin - text);
        g_string_append_len(out, marker.value, (gssize) marker.value_bytes);
        text = marker.end;
    }
    g_string_append_len(out, text, end - text);
    return out;
}

guint64
marker_length(const MarkerStyle *style, const char *text, GHashTable *properties)
{
    guint64 length = 0;
    const char *end = text + strlen(text);
    Marker marker;

    while (find_marker(style, text, end, properties, &marker)) {
        length += (guint64) (marker.begin - text) + marker.value_bytes;
        text = marker.end;
    }
    return length + (guint64) (end - text);
}
