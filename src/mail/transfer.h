/* Content transfer decoding as a stream: push raw bytes, take decoded ones. Tolerant: what does not belong
 * is skipped, nothing fails. Our own, because GMime 3.2.13 ends a base64 body at its first '='. Pure; any
 * thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    TRANSFER_IDENTITY, /* 7bit, 8bit, binary, unknown */
    TRANSFER_BASE64,
    TRANSFER_QUOTED_PRINTABLE,
    TRANSFER_UUENCODE,
} Transfer;

typedef struct {
    Transfer transfer;
    guint32 bits;     /* base64, uuencode: bits gathered */
    guint have;       /* characters they came from */
    guint line_left;  /* uuencode: bytes this line still has */
    guint state;      /* private to each decoder */
    char held[80];    /* quoted-printable: what may turn out to be trailing blanks or an escape */
    guint held_length;
} TransferDecoder;

void transfer_init(TransferDecoder *self, Transfer transfer);

/* Decodes n bytes into out, which has room for transfer_room(n); returns how many came out. */
size_t transfer_push(TransferDecoder *self, const char *in, size_t n, char *out);

/* After the last byte: what was held back. */
size_t transfer_finish(TransferDecoder *self, char *out);

/* Room that n pushed bytes, or the end (n = 0), can need. */
size_t transfer_room(size_t n);
