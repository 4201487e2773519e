/* Who runs sendmail, for mail without -f. One thread. */
#pragma once

#include "sendmail/address.h"

#define CALLER_NAME_BYTES 256

typedef struct {
    char login[ADDRESS_BYTES];    /* never empty; the number of the user where passwd(5) has no entry */
    char name[CALLER_NAME_BYTES]; /* from passwd(5), or empty */
} Caller;

void caller_look_up(Caller *self);

/* Puts a full name in order: bytes that are not UTF-8 become '?', one that is too long is cut. */
void caller_clean_name(const char *name, char clean[CALLER_NAME_BYTES]);
