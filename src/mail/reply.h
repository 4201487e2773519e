/* An SMTP reply as a value. */
#pragma once

#include <glib.h>

/* How the text of a refusal ends that the sender has got as a mail, too; sendmail looks for it. */
#define REPLY_RETURNED "; returned to the sender"

#define REPLY_LINE_BYTES 512 /* RFC 5321 section 4.5.3.1.5, CRLF included */

typedef struct {
    int code;
    const char *dsn; /* enhanced status code (RFC 3463), or NULL for none */
    char *text;      /* lines separated by LF; printable ASCII (UTF-8 under SMTPUTF8) */
} Reply;

/* Sets a reply; text is formatted into memory of its own. */
void reply_set(Reply *self, int code, const char *dsn, const char *format, ...) G_GNUC_PRINTF(4, 5);
void reply_clear(Reply *self);

/* Appends the reply in wire form, every line at most REPLY_LINE_BYTES with its CRLF, the
 * enhanced code on each line. Bytes that are not printable become '?'. */
void reply_print(const Reply *self, GString *out);
