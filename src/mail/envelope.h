/* The envelope: who sends, who gets it, and what the entrance knew. Built by a
 * session, owned by its Entry. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *address; /* as given, qualified */
    char *orcpt;   /* RFC 3461, decoded, or NULL */
    char *notify;  /* RFC 3461, or NULL */
} EnvelopeRecipient;

typedef struct {
    char *sender;          /* "" is the null sender (a bounce) */
    GPtrArray *recipients; /* of EnvelopeRecipient, never two that are the same */
    GHashTable *by_key;    /* address_key() -> the same EnvelopeRecipient */
    bool smtputf8;

    /* What sendmail alone can say (XSENDMAIL, see smtp/session.h). */
    bool submission;   /* came in by sendmail: complete the header */
    bool from_headers; /* -t: add To, Cc and Bcc (or Resent-*) to the recipients */
    bool gateway;      /* -G: rewrite nothing in the header */
    char *full_name;   /* -F, or the caller's own name; used only if the mail has no From */

    /* For the log and for access rules. */
    char *listener; /* name of the [listen] section, or "stdio" */
    char *client;   /* "127.0.0.1", "::1", "unix", "stdio" */
    char *helo;
    char *user;     /* submitting user on a unix socket: name, else "uid=1000"; NULL if not known */
} Envelope;

Envelope *envelope_new(const char *sender);
void envelope_free(Envelope *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Envelope, envelope_free)

/* Adds a recipient unless one that is the same (address_same()) is there already; returns the
 * one that is there now. */
EnvelopeRecipient *envelope_add_recipient(Envelope *self, const char *address);
