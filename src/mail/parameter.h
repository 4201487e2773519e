/* Parameters of Content-Type and Content-Disposition, tolerant, on raw bytes; for filename.c. Pure; any
 * thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* One parameter as written: `name*1*=value` has section 1 and is extended. */
typedef struct {
    const char *name; /* not terminated */
    gsize name_length;
    int section; /* -1 for none */
    bool extended;
    char *value; /* unquoted, not decoded */
} Parameter;

/* The parameters of a raw field value: a GArray of Parameter that frees them. At most 100, out of the first
 * 32 KiB; names point into raw. */
GArray *parameters_parse(const char *raw);

/* Looks for name, in this order: name*, name*0 name*1 … up to the first gap, name; the first of each
 * counts. The bytes of RFC 2231 are joined and percent-decoded, *charset (caller frees) is what they claim,
 * or NULL. *extended says whether it was such a value; otherwise encoded words may be in it. NULL if there
 * is none. Caller frees. */
char *parameters_get(const GArray *parameters, const char *name, char **charset, bool *extended);
