/* CP932, Windows' Shift_JIS, by a table that is made from iconv's once: some ten times as fast as a
 * converter, and what the other Japanese charsets are turned into (charset_jis.h). Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Appends the UTF-8 of n bytes; returns how many U+FFFD it took. */
guint cp932_append(GString *out, const char *bytes, gsize n);

/* The character of two bytes, or 0 if there is none. */
gunichar cp932_pair(guchar lead, guchar trail);

/* The character of a byte that is no lead byte, or 0. */
gunichar cp932_single(guchar byte);

/* The two bytes of JIS X 0208 by its 7-bit code, rows of CP932's extensions included. */
static inline void
cp932_from_jis(guchar a, guchar b, guchar bytes[2])
{
    guint row = a - 0x21u, cell = b - 0x21u;

    bytes[0] = (guchar)(row / 2 + (row < 62 ? 0x81 : 0xc1));
    bytes[1] = (guchar)(row % 2 ? cell + 0x9f : cell + 0x40 + (cell >= 63));
}

/* Whether every converter to ISO-2022-JP has the character and means the same by it: ASCII and JIS X 0208
 * without the vendors' rows and without what Windows and the standard disagree about (wave dash, minus, double
 * bar, cent, pound, not sign). */
bool cp932_is_standard(gunichar c);
