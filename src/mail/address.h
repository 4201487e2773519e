/* Mail addresses: one mailbox of an envelope or header. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* RFC 5321 section 4.5.3.1; a local part may be longer than its 64, as peers allow. */
#define ADDRESS_MAX_BYTES 254

typedef struct {
    char *name;    /* display name, decoded UTF-8; "" for none */
    char *address; /* local@domain, or local alone; never with angle brackets */
} Mailbox;

Mailbox *mailbox_new(const char *name, const char *address);
void mailbox_free(Mailbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mailbox, mailbox_free)

typedef enum {
    ADDRESS_OK,
    ADDRESS_BAD,       /* not an address */
    ADDRESS_TOO_LONG,
    ADDRESS_NOT_ASCII, /* needs SMTPUTF8; valid UTF-8 otherwise */
} AddressCheck;

/* Judges the address between the angle brackets of an SMTP path or on a command line:
 * dot-string or quoted-string local part, DNS domain or none ("root"). A leading dash, control
 * characters, address literals and invalid UTF-8 are bad. Dots may stand anywhere in the local
 * part but first (a..b@x and a.@x exist at Japanese carriers); a domain has no empty label, so
 * b@x. is bad. The sender's and the recipient's commands and sendmail's arguments all come
 * through here. "" is bad: the null sender is the caller's business. */
AddressCheck address_check(const char *address);

/* Whether mail can be for it anywhere: it is fine, or needs SMTPUTF8, and has a domain. */
bool address_is_whole(const char *address);

/* Where the domain begins (after the last '@' outside quotes), or NULL for none. */
const char *address_domain(const char *address);

/* Compares ignoring case, domains as A-labels (IDNA). key is a string equal for all addresses that are `same`;
 * caller frees. */
bool address_same(const char *a, const char *b);
char *address_key(const char *address);

/* The domain part as A-labels, local part kept; NULL if that can't be done. Caller frees. */
char *address_to_ascii(const char *address);

/* Adds domain to an address that has none. Caller frees. */
char *address_qualify(const char *address, const char *domain);
