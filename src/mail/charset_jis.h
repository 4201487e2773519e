/* ISO-2022-JP and EUC-JP as Japanese mail programs write them (CP50221, CP51932), for charset.c. Both are
 * turned into CP932, so that all three Japanese charsets agree on every character: NEC's row 13 and its
 * selection of IBM's extensions exist, and the wave dash and the minus sign are U+FF5E and U+FF0D, as in
 * Windows. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Whether the bytes are 7-bit and hold a designation of ISO-2022-JP. */
bool jis_looks_so(const char *bytes, gsize n);

/* Append the UTF-8 of n bytes; return how many U+FFFD it took. */
guint jis_append(GString *out, const char *bytes, gsize n);
guint euc_jp_append(GString *out, const char *bytes, gsize n);
