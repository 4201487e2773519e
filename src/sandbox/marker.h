/* Merge markers of emails/bulk: ((#key#)) stands for the recipient's property of that
 * name. Used by eml.c, emails.c. Pure. */
#pragma once

#include <glib.h>

/* text with every marker replaced, in one pass: a value's own markers stay as they are. A
 * key that the recipient has not becomes nothing. The caller frees it. */
GString *marker_expand(const char *text, size_t n, GHashTable *properties);

/* The length in bytes that marker_expand() would give, without the work of building it. */
guint64 marker_length(const char *text, size_t n, GHashTable *properties);
