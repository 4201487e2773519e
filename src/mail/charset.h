/* Bytes in whatever charset to valid UTF-8. Labels mean what mail programs
 * mean by them: shift_jis is CP932, iso-2022-jp is CP50221, and so on. Nothing fails: what can't be decoded
 * becomes U+FFFD. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The iconv name a label stands for, in static or interned memory; NULL if no converter knows it. */
const char *charset_resolve(const char *label);

/* Decodes n bytes. label may be NULL or unknown: then hint (the charset of the text part, may be NULL) and
 * guessing decide: UTF-8 if valid; ISO-2022-JP escapes; hint; CP932, EUC-JP if clean; Latin-1. us-ascii and
 * iso-8859-1 are guessed UTF-8 first, then Windows-1252. A label that contradicts ISO-2022-JP escapes in
 * 7-bit text (none, us-ascii, utf-8) loses to them. *guessed, if not NULL, says whether the label was not
 * taken at its word. The result has no NUL and no byte order mark. Caller frees. */
char *charset_to_utf8(const char *bytes, size_t n, const char *label, const char *hint, bool *guessed);


/* Valid UTF-8 of text, invalid bytes replaced, NUL removed. Caller frees. */
char *charset_valid_utf8(const char *text, gssize n);
