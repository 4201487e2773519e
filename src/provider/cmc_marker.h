/* Emails/bulk replaces ((#key#)) in subject, text, HTML and values of headers by what a recipient's properties say
 * about key. Mail that holds such text by chance must come out unchanged: every key that a renderer could read there is
 * defined as its marker's own text. Pure. */
#pragma once

#include "mail/mail.h"

/* The keys to define (of char *), or NULL if the mail cannot go by bulk: it holds a marker that no property
 * can stand for, or more of them than so many recipients may have. */
GPtrArray *cmc_marker_keys(const Mail *mail, guint recipients);

/* "((#key#))". Caller frees. */
char *cmc_marker(const char *key);
