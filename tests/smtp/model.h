/* What a session must answer, told without its code: for tests that say random commands. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum {
    MODEL_MAX_RECIPIENTS = 3,
    MODEL_MAX_ERRORS = 9,
    MODEL_MAX_IDLE = 7,
    MODEL_MAX_MESSAGES = 4,
    MODEL_MAX_BYTES = 40,
};

typedef enum {
    EHLO, HELO, LHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT, JUNK, AUTH, STARTTLS, BDAT, XCLIENT, XFORWARD
} ModelKind;

/* What can be said, and the reply if nothing stands against it. */
typedef struct {
    ModelKind kind;
    const char *line;
    int code; /* 250, or the refusal of the line itself */
    bool esmtp;
} ModelLine;

extern const ModelLine model_lines[];
extern const guint n_model_lines;

/* The first line is what the session is told of itself. */
typedef struct {
    bool lmtp, trusted, auth_required;
    bool hello, esmtp, mail, closed, secure, authenticated, chunks;
    int bytes, wrong, recipients, refused, errors, idle, messages;
    int due;   /* replies to what was said last */
    int other; /* of these the code of every second, behind a message that the handler answered */
} Model;

/* What the handler says to the next question: 250, for a moment 450 or 451, or for good 550 or 554. */
typedef struct {
    int code;
    bool each; /* recipients hear of a message one by one, every second the other code */
    int other;
} ModelHandler;

/* The code of the first reply to line i. */
int model_say(Model *self, guint i, const ModelHandler *says);

/* The same to n octets of message and the dot. */
int model_message(Model *self, size_t n, const ModelHandler *handler);
