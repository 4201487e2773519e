/* The same mail twice: a client that did not hear our answer sends its mail again, and must not make two of it. Here
 * stand the mails that were answered 250 within a window, and those still on their way, by a key over all that makes
 * a mail the same. Only mails with a Message-ID count: without one, two that are equal may well be meant.
 *
 * Who brings a mail is a guest. The first with a key is its host: he delivers it, and his result goes to those who
 * join him meanwhile. Only a 250 is remembered, under LMTP one for each name, and not for longer than it is kept: once
 * the mail has ended otherwise than delivered, its sender may well send it again. Memory: about 130 bytes per result,
 * and 100 more with an id. Loop thread. */
#pragma once

#include "mail/envelope.h"
#include "mail/reply.h"
#include "mail/scan.h"

enum {
    DUPLICATES_MAX = 100000, /* results remembered; the oldest goes first */
    DUPLICATE_TEXT_BYTES = 256, /* of one's text: whole lines, the first ids of many */
    DUPLICATE_HEX_BYTES = 33,
};

typedef struct {
    guint64 high, low;
} DuplicateKey;

/* Of a mail as its client gave it: the envelope before aliases. Who hears of each name is answered in the order of his
 * names, which belongs to it then. False: it has no Message-ID, or none that can be one. scan is finished. Any thread. */
bool duplicate_key(DuplicateKey *self, const Envelope *envelope, const Scan *scan);

/* As hexadecimal digits and back; false: text is no key. */
void duplicate_key_print(const DuplicateKey *self, char text[DUPLICATE_HEX_BYTES]);
bool duplicate_key_parse(DuplicateKey *self, const char *text);

typedef struct Duplicates Duplicates;
typedef struct DuplicateGuest DuplicateGuest;

/* Embedded in whoever brings a mail, zeroed. */
struct DuplicateGuest {
    /* The host's result, as duplicates_settle() has it, once, for one who joined. Not after duplicates_leave(). May start
     * or end anything here. */
    void (*answer)(DuplicateGuest *self, const Reply *reply, const GArray *each);
    struct DuplicateFlight *flight; /* NULL: neither host nor joined */
    GList link;
};

typedef enum {
    DUPLICATE_FRESH,  /* guest is the host: duplicates_settle() or duplicates_leave() must follow */
    DUPLICATE_KNOWN,  /* it was answered before, like this; guest has nothing to do with it */
    DUPLICATE_JOINED, /* guest will be answered, or leaves */
} DuplicateVerdict;

/* window_ms 0: everything is fresh. max: results remembered. */
Duplicates *duplicates_new(gint64 window_ms, guint max);

/* No guest may be left. */
void duplicates_free(Duplicates *self);

/* A mail has come. known, which must be empty, is set only with that verdict; caller clears it. */
DuplicateVerdict duplicates_meet(Duplicates *self, const DuplicateKey *key, DuplicateGuest *guest, Reply *known);

/* The host's mail has this result, which goes to all who joined. id: of the entry, if duplicates_forget() may follow; or
 * NULL. each: what he hears of each name that he gave, handed on as it is; or NULL. Nothing happens if host is none. */
void duplicates_settle(Duplicates *self, DuplicateGuest *host, const char *id, const Reply *reply, const GArray *each);

/* guest takes no more part. If he was the host, the one who joined first takes his place and is returned: his is the
 * mail now, to be delivered, or the delivery that has begun, to be taken over. NULL: nobody, or guest was not host. */
DuplicateGuest *duplicates_leave(Duplicates *self, DuplicateGuest *guest);

/* Whose result guest waits for, or he himself. Only while he takes part. */
DuplicateGuest *duplicates_host(const DuplicateGuest *guest);

/* Whether somebody else waits for the host's result. */
bool duplicates_joined(const DuplicateGuest *host);

/* At start-up, oldest first: a mail was answered 250 with text at when_ms (wall time). id as above. */
void duplicates_remember(Duplicates *self, const DuplicateKey *key, gint64 when_ms, const char *id, const char *text);

/* The entry has ended, and not everybody got it: who brings the mail again means it. True: it was known. */
bool duplicates_forget(Duplicates *self, const char *id);

/* Results remembered, and mails on their way. */
guint duplicates_size(const Duplicates *self);
