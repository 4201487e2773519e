/* Merge markers: ((#key#)) of emails/bulk and ##key## of Arara stand for the recipient's property
 * of that name. Used by eml.c. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *opening;
    const char *closing;
    bool keeps_unknown;         /* a marker whose key the recipient hasn't stays; else it vanishes */
} MarkerStyle;

/* text with every marker replaced, in one pass from the left: a value's own markers stay as they
 * are. A key is whatever stands between an opening and the next closing. The caller frees it. */
GString *marker_expand(const MarkerStyle *style, const char *text, GHashTable *properties);

/* The length in bytes that marker_expand() would give, without the work of building it. */
guint64 marker_length(const MarkerStyle *style, const char *text, GHashTable *properties);
