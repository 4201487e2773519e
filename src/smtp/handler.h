/* What an SMTP session asks of whoever owns it: what the commands say, and the functions that take it. The daemon's
 * ingress, tests and the fuzzer are handlers.
 *
 * The contract for every function marked (answers): it must call smtp_session_resume() exactly
 * once, inside the call or later. Until then the session reads no further command. An answer of 421 also
 * ends the session. After smtp_session_free() nothing is called any more. */
#pragma once

#include "base/secret.h"
#include "mail/envelope.h"

#include <stdbool.h>

/* MAIL's command, valid during the call. */
typedef struct {
    const char *sender; /* "" for <> */
    gint64 size;        /* SIZE, or -1 */
    const char *body;   /* "7BIT", "8BITMIME", "BINARYMIME" or NULL */
    bool smtputf8;
    const char *ret;   /* RFC 3461: "FULL", "HDRS" or NULL */
    const char *envid; /* RFC 3461, decoded, or NULL */
    gint64 hold_until_ms; /* RFC 4865, wall clock; 0: not at all */
    gint64 by_ms;         /* RFC 2852, wall clock; 0: it takes what it takes */
    bool by_return;       /* and a mail that is late comes back; false: the sender is told */
    bool by_trace;
    int priority;         /* RFC 6710: -9 to 9 */
    /* XSENDMAIL's parameters */
    bool submission, from_headers, gateway, no_aliases, bounce_refusals;
    const char *full_name;
    const char *notify; /* as SmtpRcpt's, for the recipients in the header */
    const char *tag;    /* for the log */
    const char *via;    /* likewise: "protocol:host" the mail came by */
    const char *account; /* that it goes through, or NULL */
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

/* Who wants to be whom, valid during the call. */
typedef struct {
    const char *mechanism;
    const char *user;       /* clean; NULL if it was none */
    const Secret *password; /* to be judged, or NULL: the mechanism has done so */
    bool proved;            /* its result */
} SmtpAuth;

/* Whom a trusted client speaks for (XCLIENT) or has the mail from (XFORWARD), valid during the call. NULL: not said; "":
 * not known. No values but clean ones; none is judged. */
typedef struct {
    const char *name, *address; /* "192.0.2.1", "IPV6:2001:db8::1" */
    const char *helo, *login;
} SmtpOrigin;

typedef struct {
    /* Output for the client, complete replies only. */
    void (*write)(void *user, const char *bytes, size_t n);

    /* EHLO or HELO was accepted. */
    void (*helo)(void *user, const char *name, bool esmtp);

    void (*mail)(void *user, const SmtpMail *mail);        /* (answers) */
    void (*rcpt)(void *user, const SmtpRcpt *rcpt);        /* (answers) */
    void (*data_begin)(void *user);                        /* (answers) 354 to go on, which BDAT does not say */

    /* Message bytes, by DATA or BDAT, dots removed; bare CR and LF are left as they came. They are taken in any case. True: go
     * on. False: busy; calls smtp_session_resume(session, NULL) later. Never gets more than max_bytes. */
    bool (*data_bytes)(void *user, const char *bytes, size_t n);

    /* The message is complete. (answers; the reply to the final dot. LMTP: or smtp_session_resume_each()) */
    void (*data_end)(void *user);

    /* The same, but its end was left out, as it is larger than max_bytes: 552, or 451. Only for mails with
     * bounce_refusals; NULL: there is nothing to be done about it. */
    void (*data_too_big)(void *user);

    /* The transaction is over or given up, whatever the reason: RSET, EHLO, an error, too much data, its
     * end, the session's end. Forget it. Called once for each mail() that was answered 2xx, at the latest
     * by smtp_session_free(). A mail() that is still unanswered then is not reset. */
    void (*reset)(void *user);

    /* The last reply has been written; the connection is to be closed. Called once at most. */
    void (*quit)(void *user);

    /* (answers; of many lines, if need be) Only where settings->sendmail is set. Not reset: whoever frees the session
     * forgets the question. NULL: there are no such verbs. */
    void (*ask)(void *user, const SmtpQuestion *question);

    /* (answers) 235, 535, or 454 if nobody can say. Only where settings have passwords. */
    void (*auth)(void *user, const SmtpAuth *auth);

    /* The client may begin its handshake: everything written so far goes without TLS. Call smtp_session_secured()
     * later, and feed nothing before. Only where settings offer STARTTLS. */
    void (*starttls)(void *user);

    /* (answers) The client is that one from now on: 220, 501 if that makes no sense, others end the session. After 220
     * a login that was said has been proved. Only after smtp_session_trust(). */
    void (*xclient)(void *user, const SmtpOrigin *origin);

    /* (answers) 250 or 501. For the log, until the next mail is over. */
    void (*xforward)(void *user, const SmtpOrigin *origin);
} SmtpHandler;
