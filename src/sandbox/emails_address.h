/* Addresses as the Emails API writes them: a bare one (type 1), one JSON object (type 2),
 * an array of objects (type 3). Used by emails_letter.c. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/letter.h"
#include "sandbox/problem.h"

/* Members of one recipient object, name and address among them, and bytes of a value. */
#define EMAILS_PROPERTIES 100
#define EMAILS_VALUE_BYTES 5120

/* True for an address of ASCII letters, digits and the marks that need no quotes. Dots may stand
 * anywhere in the local part, as they do in addresses of Japanese mobile phones. */
bool emails_is_address(const char *address);

enum { ADDRESS_BARE = 1, ADDRESS_OBJECT = 2, ADDRESS_LIST = 4, ADDRESS_MERGE = 8 };

/* Reads a field of the types given (a set of the above; ADDRESS_MERGE lets objects have further
 * properties), adds its Mailboxes to list and what is wrong with it to problems. */
void emails_address_read(const GString *value, unsigned types, const char *field, GPtrArray *list,
                         Problems *problems);
