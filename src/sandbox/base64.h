/* Base64 as an API wants it in JSON: RFC 4648's alphabet, padded, nothing else, in pieces. Used
 * by json_body.c and arara_token.c. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Zero is the beginning. */
typedef struct {
    guint64 length;             /* characters so far */
    unsigned padding;           /* "=" among them */
    bool bad;
    int state;
    guint save;
} Base64;

/* Decodes n characters to out, which has room for n / 4 * 3 + 3 bytes, or only checks them
 * when out is NULL. How many bytes there are, 0 after a wrong character. */
size_t base64_feed(Base64 *self, const char *text, size_t n, guint8 *out);

/* True if all of it was base64. */
bool base64_is_whole(const Base64 *self);

/* How many bytes a whole one stands for. */
guint64 base64_bytes(const Base64 *self);

/* A short text at once; NULL unless it is base64. The caller frees it. */
GByteArray *base64_decode(const char *text);
