/* One SMTP session, without I/O: bytes in, replies and questions to a handler out. Daemon, --stdio,
 * tests and the fuzzer drive the same code. One thread. */
#pragma once

#include "mail/reply.h"
#include "smtp/handler.h"
#include "smtp/password.h"

#include <stdbool.h>

typedef struct SmtpSession SmtpSession;

/* Longest command line, line end included. Without a line end the session gives up at SMTP_GIVE_UP_BYTES. */
#define SMTP_LINE_BYTES 2048
#define SMTP_GIVE_UP_BYTES 65536
/* The same for AUTH and its answers (RFC 4954). */
#define SMTP_AUTH_BYTES 12288

/* Wrong passwords in a session before it ends. */
#define SMTP_AUTH_TRIES 3

typedef enum {
    SMTP_TLS_OFF,
    SMTP_TLS_OFFERED,  /* STARTTLS */
    SMTP_TLS_REQUIRED, /* and no mail without it */
    SMTP_TLS_ALWAYS,   /* the connection has it from its first byte */
} SmtpTls;

/* A limit of 0 is no limit. */
typedef struct {
    const char *hostname;    /* in banner and EHLO */
    gint64 max_bytes;        /* announced as SIZE; more is 552 5.3.4 */
    guint max_recipients;    /* more are 452 4.5.3 */
    guint max_errors;        /* refused commands since the last mail; then 421 4.7.0 */
    guint max_idle_commands; /* commands that bring no mail nearer since the last one; then 421 4.7.0 */
    guint max_messages;      /* per session; then 421 4.7.0 */
    bool crlf_only;          /* a command that ends with LF alone ends the session */
    bool lmtp;               /* RFC 2033: LHLO, and a reply for each recipient of a message */
    bool dsn;                /* offer DSN: who asks for word of delivery or failure gets it */
    guint hold_s;            /* offer FUTURERELEASE: the longest time; 0: not */
    bool deliver_by;         /* offer DELIVERBY */
    guint by_least_s;        /* the shortest time after which mail is returned; 0: any */
    bool priorities;         /* offer MT-PRIORITY */
    bool sendmail;           /* offer XSENDMAIL: only on our own socket */
    bool early_talk;         /* tolerate commands sent ahead of their turn (unix socket, stdio) */
    bool lenient;            /* take any text for a client's name, and a space before the colon of MAIL and RCPT */
    SmtpTls tls;
    const Passwords *passwords; /* the users of AUTH; NULL: it is not offered */
    bool auth_required;         /* no mail without it */
    bool auth_in_plain;         /* offer it without TLS too */
} SmtpSettings;

/* settings and handler are borrowed. Writes the banner. */
SmtpSession *smtp_session_new(const SmtpSettings *settings, const SmtpHandler *handler, void *user);

/* The client may say whom it speaks for (XCLIENT, XFORWARD). Before anything is fed. */
void smtp_session_trust(SmtpSession *self);

/* Whether the next error is the last. */
void smtp_session_hurry(SmtpSession *self, bool hurry);

/* What a client gets instead of a session whose bytes were there before the banner (unless early_talk): only who
 * owns the connection can see that. */
extern const Reply smtp_early_talk;

/* Bytes from the client. The session keeps what it cannot use yet (at most what is passed here plus one
 * line); don't feed more while smtp_session_busy(), and never from inside a handler function. */
void smtp_session_feed(SmtpSession *self, const char *bytes, size_t n);
bool smtp_session_busy(const SmtpSession *self);

/* Refused commands since the last mail. From inside write() with those that are answered there. */
guint smtp_session_errors(const SmtpSession *self);

/* The answer the session waits for; reply is copied. NULL only after a busy data_bytes(). Ignored once the
 * session is closed. */
void smtp_session_resume(SmtpSession *self, const Reply *reply);

/* The same after data_end() where settings->lmtp is set: a reply for each rcpt() that was accepted, in their order.
 * smtp_session_resume() gives all the same. */
void smtp_session_resume_each(SmtpSession *self, const Reply *replies, guint n);

/* In data_end(): whether a dot was taken away that others take for the end, since a bare CR or LF followed. */
bool smtp_session_had_odd_dot(const SmtpSession *self);

/* The handshake is done: everything before it is forgotten, EHLO included. */
void smtp_session_secured(SmtpSession *self);

/* The session must end: says 421, or what reply holds, and quits. At once, except after 354 or
 * a BDAT: then the message may still come and is answered first. reply is copied. */
void smtp_session_shut_down(SmtpSession *self, const Reply *reply);

/* The same at once in any phase, giving up the transaction: the client is too slow, or time is up. */
void smtp_session_abort(SmtpSession *self, const Reply *reply);

/* For deadlines and shutdown: what the session is doing. */
typedef enum {
    SMTP_PHASE_COMMAND,   /* waits for a command */
    SMTP_PHASE_DATA,      /* waits for message bytes, or the next chunk of them */
    SMTP_PHASE_ANSWERING, /* waits for smtp_session_resume() */
    SMTP_PHASE_CLOSED,    /* has quit */
} SmtpPhase;
SmtpPhase smtp_session_phase(const SmtpSession *self);

/* May be called from inside a handler function. */
void smtp_session_free(SmtpSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmtpSession, smtp_session_free)
