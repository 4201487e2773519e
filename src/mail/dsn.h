/* Delivery status notifications (RFC 3461 to 3464): what a sender is told of his mail's fate, as the bytes of a mail.
 * Three parts: a text for people, one for programs, and the mail or its header. Pure; any thread.
 *
 * Of the original's header Bcc and Resent-Bcc are left out: the mailbox of a sender may be read by several people,
 * and who was hidden from the recipients is their business no more than theirs. Everything else is as it came. */
#pragma once

#include "mail/envelope.h"
#include "mail/fields.h"
#include "mail/outcome.h"

enum {
    DSN_TEXT_RECIPIENTS = 100, /* named in the text for people; the one for programs has them all */
    DSN_LINE_BYTES = 998,      /* RFC 5322, without the line's end */
};

/* The gravest first. */
typedef enum {
    DSN_FAILED,  /* given up */
    DSN_DELAYED, /* will be tried again */
    DSN_RELAYED, /* the API has it, which tells nobody what becomes of it */
} DsnAction;

typedef struct {
    DsnAction action;
    const char *address;
    const char *orcpt;      /* as in EnvelopeRecipient, or NULL */
    const Outcome *outcome; /* of the last try */
    const char *words;      /* UTF-8: what another mail system has said since, "" for nothing; NULL: outcome has it */
} DsnRecipient;

/* All borrowed. What comes from outside (addresses, texts, the original) may hold anything. */
typedef struct {
    const char *hostname;
    const char *from, *to;  /* addresses; from is ASCII */
    const char *message_id; /* of the notification, with brackets */
    const char *boundary;   /* nobody can have guessed it when the original was written; up to 70 characters */
    const char *envid;      /* as in Envelope, or NULL */
    gint64 arrived_ms;      /* the original */
    gint64 now_ms;          /* the last try, and the notification */
    gint64 until_ms;        /* of what is delayed: given up then */
    const DsnRecipient *recipients; /* at least one */
    guint n_recipients;
    const Fields *original; /* its header; empty if it has none */
    bool whole;             /* the body follows */
    bool eight_bit;         /* and has bytes above 127 */
} Dsn;

/* The gravest of the recipients' actions: what the notification is called by. */
DsnAction dsn_action(const Dsn *self);

/* Whether the sender is told of a recipient, by his NOTIFY and what else the envelope says. RFC 2852: who traces his
 * mail, and who wanted to hear if it is late, is told where nobody knows any more when it is delivered. */
bool dsn_is_owed(DsnAction action, const Envelope *envelope, const char *notify);

/* Whether somebody with this NOTIFY (NULL: none was given) wants to hear of it. */
bool dsn_is_wanted(DsnAction action, const char *notify);

/* Whether a field of the original's is not repeated. */
bool dsn_is_hidden(const char *name);

/* Appends all up to the end of the original's header. With whole, its body comes next, through dsn_copy(). */
void dsn_begin(const Dsn *self, GString *out);
void dsn_end(const Dsn *self, GString *out);

/* A body on its way into a mail, whatever its pieces; begin with a zeroed one. Line ends become CRLF, NULs go, and
 * lines above DSN_LINE_BYTES go on in a next one that begins with a blank. */
typedef struct {
    gsize column;
    bool cr; /* the last byte was one, not written yet */
} DsnCopy;

void dsn_copy(DsnCopy *self, const char *bytes, gsize n, GString *out);
void dsn_copy_end(DsnCopy *self, GString *out);
