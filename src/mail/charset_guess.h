/* Which Japanese 8-bit charset bytes without a label are in, for charset.c. Any thread. */
#pragma once

#include <glib.h>

typedef enum { JAPANESE_NEITHER, JAPANESE_SHIFT_JIS, JAPANESE_EUC } Japanese;

/* The charset in which the bytes decode without fault; of both the one that reads more like Japanese: short
 * texts of half-width katakana are kanji in EUC-JP, and the other way round. */
Japanese guess_japanese(const char *bytes, gsize n);
