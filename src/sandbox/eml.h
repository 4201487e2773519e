/* Renders the message that one recipient of a letter would get. Used by box.c, emails.c. Blocking
 * where attachments are in files. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "sandbox/letter.h"

typedef struct {
    const Letter *letter;
    const Mailbox *recipient;   /* one of the letter's */
    const char *place;          /* to, cc or bcc */
    const char *message_id;     /* with its brackets */
    gint64 date_s;              /* since the epoch */
} Eml;

/* Writes the message with CRLF line ends. False with errno set when an attachment could not
 * be read; errors of out are found by the caller. */
bool eml_write(FILE *out, const Eml *self);

/* A text of the letter as the recipient gets it; the caller frees it. */
GString *eml_text(const Letter *letter, const Mailbox *recipient, const char *text);

/* How long subject, text and HTML are together as the recipient gets them. */
guint64 eml_text_bytes(const Letter *letter, const Mailbox *recipient);
