/* Names for attachments: decoding, cleaning, defaults. Pure; any thread. */
#pragma once

#include <glib.h>

/* The file name in a raw Content-Disposition (parameter "filename") or Content-Type ("name") field value:
 * RFC 2231 with continuations (pieces joined as bytes before conversion), else the plain parameter with RFC
 * 2047 words and raw 8-bit. The extended form wins over the plain one. At most 100 parameters and 32 KiB
 * are looked at; linear time. NULL if there is none. Caller frees. */
char *filename_from_field(const char *raw, const char *parameter, const char *hint);

/* Path separators, control and direction-override characters and leading dots replaced; at most 200 bytes,
 * the extension kept. "" if nothing is left. Caller frees. */
char *filename_clean(const char *name);

/* "attachment-N" with the usual extension for the type. Caller frees. */
char *filename_default(guint n, const char *type);

/* The name with the usual extension for the type, ".bin" where none is known. NULL if it has an extension: up to 16
 * letters and digits behind its last dot. Caller frees. */
char *filename_with_extension(const char *name, const char *type);
