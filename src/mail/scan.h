/* Caps on a raw message, applied to its bytes while they arrive, before GMime sees one of
 * them: GMime 3.2.13 overflows its stack on nested groups in an address header, and spends
 * gigabytes on empty parts and header fields by the hundred thousand. Bounded memory: one field and the
 * boundaries of the open multiparts; linear time. Push any split of the bytes, the result is the same. */
#pragma once

#include <glib.h>

enum {
    SCAN_MAX_ADDRESS_FIELD_BYTES = 32 * 1024, /* From Sender Reply-To To Cc Bcc, each and with Resent- */
    SCAN_MAX_FIELD_BYTES = 64 * 1024,
    SCAN_MAX_HEADER_BYTES = 256 * 1024,
    SCAN_MAX_FIELDS = 1000,       /* of the message's own header, and of a part's */
    SCAN_MAX_ALL_FIELDS = 20000,  /* of all parts together */
    SCAN_MAX_COLONS = 50,         /* unquoted ':' in one address field: groups, which GMime recurses on */
    SCAN_MAX_COMMENT_DEPTH = 100, /* unquoted nested '(' in one field */
    SCAN_MAX_PARAMETERS = 100,    /* ';' in one Content-* field */
    SCAN_MAX_PARTS = 1000,        /* delimiters of open multiparts */
    SCAN_MAX_DEPTH = 100,
    SCAN_MAX_BOUNDARY_BYTES = 2048,
    SCAN_MAX_MESSAGE_ID_BYTES = 998,
};

typedef enum {
    SCAN_OK,
    SCAN_FLAT,    /* absurd structure only: take the mail as plain text */
    SCAN_REFUSED, /* over a cap: 554, see scan_reason() */
} ScanVerdict;

typedef struct Scan Scan;

Scan *scan_new(void);
void scan_push(Scan *self, const char *bytes, size_t n);

/* After the last byte. */
ScanVerdict scan_finish(Scan *self);

/* The same again, after scan_finish(). */
ScanVerdict scan_verdict(const Scan *self);

/* Which cap, in words for a reply; "" when there is none. */
const char *scan_reason(const Scan *self);

/* Received fields of the message's own header: the hosts it has passed. After scan_finish(). */
guint scan_received(const Scan *self);

/* The value of the first Message-ID field of the message's own header, unfolded; NULL: it has none, or one of more
 * than SCAN_MAX_MESSAGE_ID_BYTES, which is no id. Kept here because who asks whether the mail came before must know
 * while a session waits, long before the mail is parsed. After scan_finish(). */
const char *scan_message_id(const Scan *self);

/* XXH3-128 of all bytes: finds what is equal, withstands nobody who wants two mails to seem so. Any time. */
typedef struct {
    guint64 high, low;
} ScanDigest;
ScanDigest scan_digest(const Scan *self);

/* Offset of the first byte of the header (an mbox "From " line before it is skipped), and of the body
 * behind the empty line, or at the first line that belongs to no field. A message that begins with
 * text that is no header field has an empty header, as has one whose fields mail knows none of: both
 * are its first byte. After scan_finish(). */
gint64 scan_header_offset(const Scan *self);
gint64 scan_body_offset(const Scan *self);

/* Where a part's header lacks the empty line behind it, so that its text would count as header: offsets (of
 * gint64, ascending) at which that line is to be thought of. The array stays the Scan's; take a reference.
 * After scan_finish(). */
GArray *scan_missing_lines(const Scan *self);

void scan_free(Scan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scan, scan_free)
