/* A session's inside, shared by session.c (reading, answering, ending), line.c (finding commands), verbs.c
 * (what they mean), data.c (the message), secure.c (STARTTLS, AUTH) and xclient.c; for nobody else. */
#pragma once

#include "smtp/dot.h"
#include "smtp/sasl.h"
#include "smtp/session.h"

typedef enum {
    SMTP_GREETED,    /* banner sent, no EHLO yet */
    SMTP_IDENTIFIED, /* no transaction */
    SMTP_MAIL,       /* MAIL accepted */
    SMTP_RCPT,       /* MAIL and enough recipients for DATA */
    SMTP_DATA,       /* 354 sent, the final dot not seen */
    SMTP_CHUNK,      /* after BDAT, whose octets have not all come or are not answered */
    SMTP_CHUNKS,     /* after a BDAT without LAST */
    SMTP_CLOSED,
} SmtpState;

/* The handler function whose answer is awaited. */
typedef enum { ASKED_NOTHING, ASKED_MAIL, ASKED_RCPT, ASKED_DATA, ASKED_BYTES, ASKED_END, ASKED_QUESTION,
               ASKED_AUTH, ASKED_TLS, ASKED_XCLIENT, ASKED_XFORWARD } SmtpAsked;

/* The octets behind a BDAT. */
typedef struct {
    gint64 left;
    bool last;
    SmtpState back; /* where BDAT was said; what is refused out of order leads back there */
    Reply refusal;  /* the octets are thrown away, then this is said */
} SmtpChunk;

/* What must not outlive a transaction. */
typedef struct {
    bool accepted; /* the handler's mail() was answered 2xx, its reset() is due */
    bool smtputf8;
    bool binary; /* BODY=BINARYMIME */
    bool from_headers;
    bool too_big;
    bool bounce_refusals; /* the handler hears of that, too */
    guint recipients;
    guint refused;
    gint64 bytes; /* of the message, so far */
    DotDecoder dot;
    SmtpChunk chunk;
} SmtpTransaction;

struct SmtpSession {
    const SmtpSettings *settings;
    const SmtpHandler *handler;
    void *user;

    SmtpState state;
    SmtpAsked asked;
    SmtpTransaction mail;
    bool esmtp, secure; /* TLS is on */
    bool authenticated;
    bool trusted;       /* may say XCLIENT */
    bool claims_login;  /* with the XCLIENT that is judged */
    bool hurried;       /* the next error is the last */
    bool skipping_auth; /* what is skipped belongs to AUTH */
    bool freed;
    guint depth; /* public functions being executed */
    guint errors, idle_commands, messages, auth_failures;
    Sasl *sasl; /* in the middle of AUTH: the next line is an answer */

    const char *in; /* what there is to read: the bytes being fed, or those in kept */
    size_t left;
    size_t skipped; /* octets of an overlong line thrown away so far */
    GByteArray *kept;
    GString *out;
    Reply last_words; /* after a shutdown in the middle of a message */
};

/* Takes one command, or as much of it as there is. False: more input is needed. */
bool smtp_step_command(SmtpSession *self);
/* The same with the bytes of a message. */
bool smtp_step_data(SmtpSession *self);
bool smtp_step_chunk(SmtpSession *self);

/* The message is whole, or all of it has been thrown away: says so and ends the transaction. */
void smtp_finish_data(SmtpSession *self, const Reply *reply);

/* The same with a reply for each recipient, of LMTP. */
void smtp_finish_each(SmtpSession *self, const Reply *replies, guint n);

/* Executes one command line without its line end; the line may be changed. */
void smtp_command(SmtpSession *self, char *line);

/* The only writer of the state. Nothing leads out of SMTP_CLOSED, and nothing is said there. */
void smtp_enter(SmtpSession *self, SmtpState state);

/* Says one line: text is ours, a constant. */
void smtp_say(SmtpSession *self, int code, const char *dsn, const char *text);
void smtp_say_reply(SmtpSession *self, const Reply *reply);

/* One of AUTH's; may be long. */
void smtp_say_challenge(SmtpSession *self, const char *text);

/* Says it and counts it among the errors; too many end the session. */
void smtp_fail(SmtpSession *self, int code, const char *dsn, const char *text);

/* Counts a refused recipient, which is no error: among a thousand recipients many may be wrong. More than
 * max_recipients in one transaction are. */
void smtp_count_refused(SmtpSession *self);

/* Ends the transaction, whatever has come of it. */
void smtp_end_transaction(SmtpSession *self);

/* Tells the handler, once, that it can forget the mail. */
void smtp_reset_handler(SmtpSession *self);

/* Says the last reply and quits. */
void smtp_quit_reply(SmtpSession *self, const Reply *reply);
void smtp_quit(SmtpSession *self, int code, const char *dsn, const char *text);

/* Sends what was said so far. */
void smtp_flush(SmtpSession *self);

/* Counts a command that brings no mail nearer. False: the last one too many, the session has ended. */
bool smtp_count_idle(SmtpSession *self);

/* A message is on its way and will be answered. */
bool smtp_receives(const SmtpSession *self);

/* The verb of data.c, and whether its first chunk is wanted. */
void smtp_bdat(SmtpSession *self, char *args);
void smtp_chunk_answer(SmtpSession *self, const Reply *reply);

void smtp_greet(SmtpSession *self);

/* The verbs of xclient.c, and what EHLO says of them. */
void smtp_xclient(SmtpSession *self, char *args);
void smtp_xforward(SmtpSession *self, char *args);
void smtp_xclient_answer(SmtpSession *self, const Reply *reply);
const char *smtp_trust_offers(const SmtpSession *self);

/* The verbs of secure.c. */
void smtp_starttls(SmtpSession *self, char *args);
void smtp_auth(SmtpSession *self, char *args);
void smtp_auth_line(SmtpSession *self, const char *line); /* while AUTH goes on */
void smtp_auth_answer(SmtpSession *self, const Reply *reply);

/* "\nSTARTTLS", "\nAUTH …", both or neither, for EHLO. The caller frees it. */
char *smtp_secure_offers(const SmtpSession *self);

/* As the connection is by then: not once TLS is on; not where passwords could be overheard. */
bool smtp_offers_starttls(const SmtpSession *self);
bool smtp_offers_auth(const SmtpSession *self);
bool smtp_lacks_tls(const SmtpSession *self);
bool smtp_lacks_auth(const SmtpSession *self);
