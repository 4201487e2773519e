/* Addresses as the Emails API writes them: a bare one (type 1), one JSON object (type 2),
 * an array of objects (type 3). Used by letter.c. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/problem.h"

/* Members of one recipient object, name and address among them, and bytes of a value. */
#define MAILBOX_PROPERTIES 100
#define MAILBOX_VALUE_BYTES 5120

typedef struct {
    char *name;                 /* UTF-8; "" for none */
    char *address;
    GHashTable *properties;     /* of bulk: name -> value; else NULL */
} Mailbox;

void mailbox_free(Mailbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mailbox, mailbox_free)

/* True for an address of ASCII letters, digits and the marks that need no quotes. Dots may stand
 * anywhere in the local part, as they do in addresses of Japanese mobile phones. */
bool mailbox_is_address(const char *address);

enum { MAILBOX_BARE = 1, MAILBOX_OBJECT = 2, MAILBOX_LIST = 4, MAILBOX_MERGE = 8 };

/* Reads a field of the types given (a set of the above; MAILBOX_MERGE lets objects have further
 * properties) and adds what is wrong with it to problems. The Mailboxes are the caller's. */
GPtrArray *mailbox_read(const GString *value, unsigned types, const char *field, Problems *problems);
