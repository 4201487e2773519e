/* One SMTP session, without I/O: bytes in, replies and questions to a handler out. Daemon, --stdio,
 * tests and the fuzzer drive the same code. One thread.
 *
 * The contract for every handler function marked (answers): it must call smtp_session_resume() exactly
 * once, inside the call or later. Until then the session reads no further command. After
 * smtp_session_free() nothing is called any more. */
#pragma once

#include "mail/envelope.h"
#include "mail/reply.h"

#include <stdbool.h>

typedef struct SmtpSession SmtpSession;

typedef enum { BARE_LF_NORMALISE, BARE_LF_REFUSE, BARE_LF_REFUSE_TERMINATORS } BareLf;

typedef struct {
    const char *hostname;   /* in banner and EHLO */
    gint64 max_bytes;       /* announced as SIZE; more is 552 5.3.4 */
    guint max_recipients;   /* more are 452 4.5.3 */
    guint max_errors;       /* then 421 4.7.0 */
    guint max_idle_commands;/* commands without a mail before 421 4.7.0 (junk limit) */
    guint max_messages;     /* per session; then 421 4.7.0 */
    bool sendmail;          /* offer XSENDMAIL: only on our own socket */
    bool early_talk;        /* tolerate commands sent ahead of their turn (unix socket, stdio) */
} SmtpSettings;

/* MAIL's command, valid during the call. */
typedef struct {
    const char *sender; /* "" for <> */
    gint64 size;        /* SIZE, or -1 */
    const char *body;   /* "7BIT", "8BITMIME" or NULL */
    bool smtputf8;
    /* XSENDMAIL's parameters */
    bool submission, from_headers, gateway;
    const char *full_name;
} SmtpMail;

typedef struct {
    /* Output for the client, complete replies only. */
    void (*write)(void *user, const char *bytes, size_t n);

    /* EHLO or HELO was accepted. */
    void (*helo)(void *user, const char *name, bool esmtp);

    void (*mail)(void *user, const SmtpMail *mail);        /* (answers) */
    void (*rcpt)(void *user, const char *address);         /* (answers) */
    void (*data_begin)(void *user);                        /* (answers) 354 to go on */

    /* Message bytes, dots removed, line ends CRLF as they came or normalised. True: go on. False: busy;
     * calls smtp_session_resume(session, NULL) later. Not called again after the size limit. */
    bool (*data_bytes)(void *user, const char *bytes, size_t n);

    /* The message is complete. (answers; the reply to the final dot) */
    void (*data_end)(void *user);

    /* The transaction is over or given up, whatever the reason: RSET, EHLO, an error, its end, the session's
     * end. Forget it. Called once for each mail() that was answered 2xx. */
    void (*reset)(void *user);

    /* The last reply has been written; the connection is to be closed. */
    void (*quit)(void *user);
} SmtpHandler;

/* settings and handler are borrowed. Writes the banner. */
SmtpSession *smtp_session_new(const SmtpSettings *settings, const SmtpHandler *handler, void *user);

/* Bytes from the client. The session keeps what it cannot use yet (at most what is passed here plus one line);
 * don't feed more while smtp_session_busy(). */
void smtp_session_feed(SmtpSession *self, const char *bytes, size_t n);
bool smtp_session_busy(const SmtpSession *self);

/* The answer the session waits for; reply is copied. NULL only after a busy data_bytes(). */
void smtp_session_resume(SmtpSession *self, const Reply *reply);

/* The session must end: says so (421, or what reply holds) and quits, at the next chance a reply may be written. A
 * transaction whose final dot has arrived is still answered first. */
void smtp_session_shut_down(SmtpSession *self, const Reply *reply);

/* For deadlines and shutdown: what the session is doing. */
typedef enum { SMTP_PHASE_COMMAND, SMTP_PHASE_DATA, SMTP_PHASE_ANSWERING, SMTP_PHASE_CLOSED } SmtpPhase;
SmtpPhase smtp_session_phase(const SmtpSession *self);

void smtp_session_free(SmtpSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SmtpSession, smtp_session_free)
