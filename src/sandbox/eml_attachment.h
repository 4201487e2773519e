/* Writes attachments as parts of a message, their bytes intact. Used by eml.c. Blocking. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "sandbox/attachment.h"

/* The part's header, an empty line and the content. False with errno set when that could not be
 * read; errors of out are found by the caller. */
bool eml_attachment_write(FILE *out, const Attachment *attachment);

/* True if a part that holds it must allow 8-bit lines. */
bool eml_attachment_may_be_8bit(const Attachment *attachment);

/* Lines of base64, each with its CRLF. */
void eml_base64_write(FILE *out, const guchar *bytes, size_t n);
