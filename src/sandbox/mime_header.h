/* Writes header fields: RFC 2047 words, folding, addresses, RFC 2231 parameters. Used by
 * eml.c. Pure. All append whole lines that end in CRLF. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/letter.h"

/* A field of free text. A reader gets value back exactly, whatever is in it; in ISO-2022-JP
 * a character outside it becomes a geta mark. */
void mime_header_text(GString *out, const char *name, const char *value, bool iso_2022_jp);

/* A field of addresses with their names; nothing if there are none. */
void mime_header_mailboxes(GString *out, const char *name, const GPtrArray *mailboxes, bool iso_2022_jp);

/* The same for one. */
void mime_header_mailbox(GString *out, const char *name, const Mailbox *mailbox, bool iso_2022_jp);

/* Appends `;` and a parameter of a structured field, without a line end of its own. */
void mime_header_parameter(GString *out, const char *name, const char *value);

/* UTF-8 to ISO-2022-JP; the caller frees it. */
char *mime_iso_2022_jp(const char *text, size_t n, gsize *length);
