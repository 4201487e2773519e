/* Header fields as the APIs may carry them: which pass, and their values decoded on one line.
 * Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Whether a field of that name is sent. pass and drop are the account's lists of names, `*` at the end allowed; drop
 * wins over pass, and neither can open the names that never pass. */
bool header_passes(const char *name, char *const *pass, char *const *drop);

/* RFC 5322 field name, and one an API is known to take. */
bool header_name_valid(const char *name);

/* Decoded, unfolded, without control characters. Caller frees. */
char *header_value(const char *raw, const char *hint);

/* References (or In-Reply-To) cut to max bytes: the first id and the latest that fit. Caller frees. */
char *header_cut_references(const char *value, gsize max);
