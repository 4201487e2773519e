/* A mail through the whole of mail/: scan, open, translate, and the properties that hold for every Mail.
 * For translate_test.c and the fuzz target. */
#pragma once

#include "mail/mail.h"

/* NULL and error when the mail is refused. */
Mail *corpus_translate(const char *bytes, size_t n, const TranslateContext *context, GError **error);

/* Aborts unless: strings are UTF-8 without CR or NUL, one-line ones without LF, addresses are addresses,
 * attachments read as long as they say, again after a rewind. */
void corpus_check(const Mail *mail);

/* SHA-256 of an attachment, read in steps of n bytes, in hex. */
char *corpus_digest(const MailPart *part, size_t step);
