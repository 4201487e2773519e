/* RFC 2047, tolerant, of our own: GMime 3.2.13 drops an encoded word that follows a padded one. Adjacent
 * words of one charset are joined as bytes before decoding, so that a character split over two words
 * survives. Any thread. */
#pragma once

#include <glib.h>

/* Decodes an unstructured header value (or a display name, or a file name): encoded words, raw UTF-8 and
 * unlabelled 8-bit. hint as in charset_to_utf8(). Line breaks are unfolded, control characters become
 * blanks. Valid UTF-8; caller frees. */
char *encoded_word_decode(const char *raw, const char *hint);

/* The other way: a value for a field of ours, folded. Plain words stay as they are; controls and what is no ASCII
 * go into encoded words of UTF-8. text is UTF-8; caller frees. */
char *encoded_word_encode(const char *text);
