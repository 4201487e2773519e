/* The junction: what one session receives becomes an entry, and the entry's fate the session's
 * reply. Envelope and bytes are collected here, and the complete mail goes to the relay with the
 * session waiting. Whatever blocks (disk, user names) runs
 * on the thread pool while the session is busy. Loop thread. */
#pragma once

#include "daemon/auth.h"
#include "daemon/rates.h"
#include "daemon/settings.h"
#include "daemon/users.h"
#include "relay/runner.h"

#include <sys/types.h>

/* What all sessions share. Borrowed by each. */
typedef struct {
    uv_loop_t *loop;
    Settings *settings; /* of new sessions, which keep them; of them only the aliases ever change */
    Relay *relay;
    Users *users;
    Auth *auth;
    Rates *rates;
} IngressHub;

/* Who is at the other end. */
typedef struct {
    const Listen *listen;
    const char *client; /* "127.0.0.1", "unix", "stdio" */
    bool has_uid;
    uid_t uid;
    DeliveryMode delivery; /* of its mail, whatever it says; UNSET: as it says */
    const char *entry_id;  /* of its one mail; NULL: a new one */
    bool too_old;        /* its mail is refused: it has waited for too long */
    bool trusted;        /* may say whom it speaks for */
    guint8 key[16];      /* equal for those who share AUTH's delays */
    const TlsFacts *tls; /* NULL: none, or not yet */
} IngressClient;

/* The connection under the session. */
typedef struct {
    void (*write)(void *user, const char *bytes, size_t n);

    /* The last reply was written. */
    void (*quit)(void *user);

    /* An answer that took its time has been given: the session may read on. Not from inside ingress_new() or
     * smtp_session_feed(). May free the Ingress. */
    void (*answered)(void *user);

    /* False once nobody can read an answer any more. */
    bool (*is_there)(void *user);

    /* The handshake may begin; ingress_secured() follows. Only where the listener offers STARTTLS. */
    void (*starttls)(void *user);
} IngressOps;

typedef struct Ingress Ingress;

/* Starts a session, banner included. hub, client and ops are borrowed; client->client too. */
Ingress *ingress_new(const IngressHub *hub, const IngressClient *client, const IngressOps *ops, void *user);

/* The handshake of starttls is done. facts is borrowed. */
void ingress_secured(Ingress *self, const TlsFacts *facts);

SmtpSession *ingress_session(const Ingress *self);

/* The client has left, or was told to. A mail that is with the relay goes on or not, as the relay decides; nobody
 * hears of it here. */
void ingress_free(Ingress *self);
