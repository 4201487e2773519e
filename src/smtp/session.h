/* One SMTP session, without I/O: bytes in, replies and questions to a handler out. Daemon, --stdio,
 * tests and the fuzzer drive the same code. One thread.
 *
 * The contract for every handler function marked (answers): it must call smtp_session_resume() exactly
 * once, inside the call or later. Until then the session reads no further command. An answer of 421 also
 * ends the session. After smtp_session_free() nothing is called any more. */
#pragma once

#include "mail/envelope.h"
#include "mail/reply.h"

#include <stdbool.h>

typedef struct SmtpSession SmtpSession;

/* Longest command line, line end included. Without a line end the session gives up at SMTP_GIVE_UP_BYTES. */
#define SMTP_LINE_BYTES 2048
#define SMTP_GIVE_UP_BYTES 65536

/* A limit of 0 is no limit. */
typedef struct {
    const char *hostname;    /* in banner and EHLO */
    gint64 max_bytes;        /* announced as SIZE; more is 552 5.3.4 */
    guint max_recipients;    /* more are 452 4.5.3 */
    guint max_errors;        /* refused commands since the last mail; then 421 4.7.0 */
    guint max_idle_commands; /* commands that bring no mail nearer since the last one; then 421 4.7.0 */
    guint max_messages;      /* per session; then 421 4.7.0 */
    bool dsn;                /* offer DSN: who asks for word of delivery or failure gets it */
    bool sendmail;           /* offer XSENDMAIL: only on our own socket */
    bool early_talk;         /* tolerate commands sent ahead of their turn (unix socket, stdio) */
} SmtpSettings;

/* MAIL's command, valid during the call. */
typedef struct {
    const char *sender; /* "" for <> */
    gint64 size;        /* SIZE, or -1 */
    const char *body;   /* "7BIT", "8BITMIME" or NULL */
    bool smtputf8;
    const char *ret;   /* RFC 3461: "FULL", "HDRS" or NULL */
    const char *envid; /* RFC 3461, decoded, or NULL */
    /* XSENDMAIL's parameters */
    bool submission, from_headers, gateway, no_aliases, bounce_refusals;
    const char *full_name;
    const char *notify; /* as SmtpRcpt's, for the recipients in the header */
    const char *tag;    /* for the log */
    const char *via;    /* likewise: "protocol:host" the mail came by */
    DeliveryMode delivery;
    guint hops;
} SmtpMail;

/* RCPT's command, valid during the call. */
typedef struct {
    const char *address;
    const char *notify; /* RFC 3461: "NEVER", "SUCCESS,FAILURE", … in upper case, or NULL */
    const char *orcpt;  /* RFC 3461, decoded: "rfc822;a@b", or NULL */
} SmtpRcpt;

/* XSENDMAIL's verbs: what a local program may ask besides sending mail. */
typedef enum {
    SMTP_ASK_LIST,    /* a page of the queue, behind the entry `id` */
    SMTP_ASK_COUNT,   /* entries in the queue */
    SMTP_ASK_RUN,     /* makes those entries due that fit id, address (of a recipient), sender */
    SMTP_ASK_VERIFY,  /* whether mail to address can be sent */
    SMTP_ASK_ROUTE,   /* which way mail from sender to address takes */
    SMTP_ASK_ALIASES, /* reads the alias file again */
} SmtpAsk;

/* Valid during the call; what was not said is NULL. */
typedef struct {
    SmtpAsk what;
    const char *id, *address, *sender;
} SmtpQuestion;

typedef struct {
    /* Output for the client, complete replies only. */
    void (*write)(void *user, const char *bytes, size_t n);

    /* EHLO or HELO was accepted. */
    void (*helo)(void *user, const char *name, bool esmtp);

    void (*mail)(void *user, const SmtpMail *mail);        /* (answers) */
    void (*rcpt)(void *user, const SmtpRcpt *rcpt);        /* (answers) */
    void (*data_begin)(void *user);                        /* (answers) 354 to go on */

    /* Message bytes, dots removed; bare CR and LF are left as they came. They are taken in any case. True: go
     * on. False: busy; calls smtp_session_resume(session, NULL) later. Never gets more than max_bytes. */
    bool (*data_bytes)(void *user, const char *bytes, size_t n);

    /* The message is complete. (answers; the reply to the final dot) */
    void (*data_end)(void *user);

    /* The transaction is over or given up, whatever the reason: RSET, EHLO, an error, too much data, its
     * end, the session's end. Forget it. Called once for each mail() that was answered 2xx, at the latest
     * by smtp_session_free(). A mail() that is still unanswered then is not reset. */
    void (*reset)(void *user);

    /* The last reply has been written; the connection is to be closed. Called once at most. */
    void (*quit)(void *user);

    /* (answers; of many lines, if need be) Only where settings->sendmail is set. Not reset: whoever frees the session
     * forgets the question. NULL: there are no such verbs. */
    void (*ask)(void *user, const SmtpQuestion *question);
} SmtpHandler;

/* settings and handler are borrowed. Writes the banner. */
SmtpSession *smtp_session_new(const SmtpSettings *settings, const SmtpHandler *handler, void *user);

/* What a client gets instead of a session when its bytes were there before the banner was sent (unless
 * early_talk): only who owns the connection can see that. Later talk out of turn is for the session. */
extern const Reply smtp_early_talk;

/* Bytes from the client. The session keeps what it cannot use yet (at most what is passed here plus one
 * line); don't feed more while smtp_session_busy(), and never from inside a handler function. */
void smtp_session_feed(SmtpSession *self, const char *bytes, size_t n);
bool smtp_session_busy(const SmtpSession *self);

/* The answer the session waits for; reply is copied. NULL only after a busy data_bytes(). Ignored once the
 * session is closed. */
void smtp_session_resume(SmtpSession *self, const Reply *reply);

/* The session must end: says 421, or what reply holds, and quits. At once, except after 354: then the message
 * may still come and is answered first. reply is copied. */
void smtp_session_shut_down(SmtpSession *self, const Reply *reply);

/* The same at once in any phase, giving up the transaction: the client is too slow, or time is up. */
void smtp_session_abort(SmtpSession *self, const Reply *reply);

/* For deadlines and shutdown: what the session is doing. */
typedef enum {
    SMTP_PHASE_COMMAND,   /* waits for a command */
    SMTP_PHASE_DATA,      /* waits for message bytes */
    SMTP_PHASE_ANSWERING, /* waits for smtp_session_resume() */
    SMTP_PHASE_CLOSED,    /* has quit */
} SmtpPhase;
SmtpPhase smtp_session_phase(const SmtpSession *self);

/* May be called from inside a handler function. */
void smtp_session_free(SmtpSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmtpSession, smtp_session_free)
