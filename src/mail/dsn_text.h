/* The words of a delivery status notification, for dsn.c. Pure; any thread. */
#pragma once

#include "mail/dsn.h"

/* The text for people: UTF-8 with CRLF, in English, and in Japanese where the original's header has any. Caller
 * frees. */
char *dsn_text(const Dsn *self);

/* Not encoded, one line of UTF-8. Caller frees. */
char *dsn_subject(const Dsn *self);
