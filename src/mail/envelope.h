/* The envelope: who sends, who gets it, and what the entrance knew. Built by a
 * session, owned by its Entry. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *address; /* as given, qualified */
    char *orcpt;   /* RFC 3461, decoded, or NULL */
    char *notify;  /* RFC 3461, or NULL */
    guint place;   /* among the envelope's */
} EnvelopeRecipient;

/* How long a client waits, and what for. */
typedef enum {
    DELIVERY_UNSET,   /* as the listener says */
    DELIVERY_AUTO,    /* for the API's answer, at most `wait`; what is not settled by then is queued */
    DELIVERY_QUEUE,   /* for the store; the first try follows */
    DELIVERY_WAIT,    /* for the API's answer; a transient failure stays with the client */
    DELIVERY_VERDICT, /* as auto, for as long as the first try takes (sendmail -odi) */
    DELIVERY_LATER,   /* for the store; no try before the next run of the queue (sendmail -odq) */
} DeliveryMode;

/* Why the mail was refused where it came in, and is here only for its sender to be told. */
typedef enum {
    ENVELOPE_FINE,
    ENVELOPE_TOO_BIG, /* its message is cut off */
    ENVELOPE_TOO_OLD, /* it could not be taken for as long as a mail may wait */
} EnvelopeRefusal;

enum {
    ENVELOPE_BY_RETURN = 1 << 0, /* what is late comes back; else the sender is told, and tries go on */
    ENVELOPE_BY_TRACE = 1 << 1,  /* he is told who has it now, unless he wants to hear nothing */
    ENVELOPE_MAX_PRIORITY = 9,   /* -9 is the lowest */
};

typedef struct {
    char *sender;          /* "" is the null sender (a bounce) */
    GPtrArray *recipients; /* of EnvelopeRecipient, never two that are the same */
    GHashTable *by_key;    /* address_key() -> the same EnvelopeRecipient */
    GPtrArray *asked; /* of GArray of guint: for each name that the client gave, in his order, the places of those who get
                       * the mail for it; NULL: he wants no reply for each. Never stored. */
    bool smtputf8;

    /* What sendmail alone can say (XSENDMAIL, see smtp/session.h). */
    bool submission;   /* came in by sendmail: complete the header */
    bool from_headers; /* -t: add To, Cc and Bcc (or Resent-*) to the recipients */
    bool gateway;      /* -G: rewrite nothing in the header */
    bool no_aliases;   /* -n: the recipients are what they say */
    char *full_name;   /* -F, or the caller's own name; used only if the mail has no From */
    guint hops;        /* -h: Received fields that the mail has shed */
    bool bounce_refusals; /* -oem: a refusal is also mailed to the sender */
    char *notify;      /* -N, for the recipients of -t */
    char *tag, *via;   /* -L and -p, for the log */
    char *account;     /* --account: that all of it goes through, whatever the routes say; or NULL */

    /* What the sender asked for (RFC 3461). */
    char *ret;   /* "FULL", "HDRS" or NULL */
    char *envid; /* decoded, or NULL */
    gint64 hold_until_ms; /* RFC 4865: not to go before; 0: at once */
    gint64 by_ms;         /* RFC 2852: too late from then on; 0: never, or the sender was told */
    int by_flags;         /* ENVELOPE_BY_* */
    int priority;         /* RFC 6710 */

    DeliveryMode delivery;
    EnvelopeRefusal refusal; /* never stored */

    /* For the log and for access rules. */
    char *listener; /* name of the [listen] section, or "stdio" */
    char *client;   /* "127.0.0.1", "::1", "unix", "stdio" */
    char *helo;
    char *user;     /* submitting user on a unix socket: name, else "uid=1000"; NULL if not known */
    char *auth;     /* who the client has shown to be by AUTH, or NULL */
    char *tls;      /* "TLSv1.3", or NULL */
    char *tls_client; /* subject of its verified certificate (RFC 2253), or NULL */
} Envelope;

Envelope *envelope_new(const char *sender);

/* Another with all of this one but its recipients. */
Envelope *envelope_new_like(const Envelope *other);
void envelope_free(Envelope *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Envelope, envelope_free)

/* Adds a recipient unless one that is the same (address_same()) is there already; returns the
 * one that is there now. */
EnvelopeRecipient *envelope_add_recipient(Envelope *self, const char *address);

/* The same, with what the sender asked for (RFC 3461; NULL: he said nothing). Of one who is named again the sender
 * hears all that was asked for any time, and nothing only if it was NEVER each time. */
EnvelopeRecipient *envelope_ask(Envelope *self, const char *address, const char *notify, const char *orcpt);

/* The client's next name, if he wants a reply for each: who gets the mail for it (places: of guint, taken). */
void envelope_expect(Envelope *self, GArray *places);
