/* What one request asks to be sent, whichever API it came by, once every rule of that API holds.
 * Read by emails_letter.c and arara_letter.c, rendered by eml.c. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/attachment.h"
#include "sandbox/marker.h"

typedef struct {
    char *name;                 /* UTF-8; "" for none */
    char *address;
    char *unsubscribe_url;      /* for List-Unsubscribe, or NULL */
    GHashTable *properties;     /* what markers stand for: key -> value; NULL: markers are text */
} Mailbox;

typedef struct {
    char *name;
    char *value;                /* UTF-8 */
} LetterHeader;

/* Strings and attachments that aren't said to be its own are the request's. */
typedef struct {
    const MarkerStyle *markers; /* NULL: no recipient has properties */
    bool separate;              /* each of to sees itself alone */
    bool iso_2022_jp;           /* instead of UTF-8 */
    GPtrArray *to;              /* of Mailbox; these three its own */
    GPtrArray *cc;
    GPtrArray *bcc;
    Mailbox *from;              /* its own */
    Mailbox *replyto;           /* its own; NULL: none */
    const char *envelope_from;
    GPtrArray *headers;         /* of LetterHeader, its own */
    const char *subject;
    const char *text;
    const char *html;           /* NULL: none */
    guint error_count;          /* Arara: leaves out whom the filter counts so high; 0: not said */
    GPtrArray *attachments;     /* of const Attachment; the array its own */
} Letter;

/* An empty one. */
Letter *letter_new(void);
void letter_free(Letter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Letter, letter_free)

/* How many get it. */
guint letter_recipients(const Letter *self);

/* False with error set if an attachment could not be kept. */
bool letter_is_kept(const Letter *self, const char **error);

void letter_add_header(Letter *self, const char *name, const char *value);

Mailbox *mailbox_new(const char *name, const char *address);
void mailbox_free(Mailbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mailbox, mailbox_free)
