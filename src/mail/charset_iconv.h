/* Conversion by iconv for charset.c: descriptors are kept per thread, since opening one loads a module.
 * Any thread. */
#pragma once

#include <glib.h>

/* Appends the UTF-8 of n bytes in the charset iconv knows by that name; charset is static memory. unit: how
 * many bytes one undecodable thing is long at least (2 for UTF-16). Returns how many U+FFFD it took. */
guint iconv_append(GString *out, const char *charset, const char *bytes, gsize n, gsize unit);

/* Appends U+FFFD. */
void iconv_append_unknown(GString *out);
