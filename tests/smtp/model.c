#include "model.h"

#include <stdlib.h>
#include <string.h>

const ModelLine model_lines[] = {
    { EHLO, "EHLO client.test", 250, false },
    { EHLO, "EHLO <x>", 501, false },
    { HELO, "helo client.test", 250, false },
    { HELO, "HELO", 501, false },
    { LHLO, "LHLO client.test", 250, false },
    { LHLO, "lhlo <x>", 501, false },
    { XCLIENT, "XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]", 220, false },
    { XCLIENT, "xclient login=ann", 220, false },
    { XCLIENT, "XCLIENT FOO=1", 501, false },
    { XCLIENT, "XCLIENT", 501, false },
    { XFORWARD, "XFORWARD ADDR=192.0.2.1", 250, false },
    { XFORWARD, "XFORWARD LOGIN=ann", 501, false },
    { MAIL, "MAIL FROM:<a@x.test>", 250, false },
    { MAIL, "mail from: a@x.test", 250, false },
    { MAIL, "MAIL FROM:<>", 250, false },
    { MAIL, "MAIL FROM:<a@x.test> SIZE=40", 250, true },
    { MAIL, "MAIL FROM:<a@x.test> SIZE=41", 552, true },
    { MAIL, "MAIL FROM:<a@x.test> FOO", 555, true },
    { MAIL, "MAIL FROM:<a@x.test", 501, false },
    { MAIL, "MAIL FROM:<\xC3\xA9@x.test>", 553, false },
    { RCPT, "RCPT TO:<b@y.test>", 250, false },
    { RCPT, "rcpt to:b@y.test", 250, false },
    { RCPT, "RCPT TO:<b@y.test> NOTIFY=NEVER", 250, true },
    { RCPT, "RCPT TO:<>", 501, false },
    { RCPT, "RCPT", 501, false },
    { DATA, "DATA", 354, false },
    { DATA, "data", 354, false },
    { DATA, "DATA x", 501, false },
    { RSET, "RSET", 250, false },
    { RSET, "RSET x", 501, false },
    { NOOP, "NOOP", 250, false },
    { NOOP, "VRFY root", 252, false },
    { QUIT, "QUIT x", 501, false },
    { QUIT, "QUIT", 221, false },
    { BDAT, "BDAT 10", 250, false },
    { BDAT, "bdat 3", 250, false },
    { BDAT, "BDAT 0", 250, false },
    { BDAT, "BDAT 10 LAST", 250, false },
    { BDAT, "BDAT 1 last", 250, false },
    { BDAT, "BDAT 0 LAST", 250, false },
    { BDAT, "BDAT 41", 250, false },
    { BDAT, "BDAT 41 LAST", 250, false },
    { BDAT, "BDAT 1 FIRST", 501, false },
    { AUTH, "AUTH PLAIN AGFubgB4", 235, false },
    { AUTH, "auth plain AGFubgB4", 235, false },
    { AUTH, "AUTH PLAIN ????", 501, false },
    { AUTH, "AUTH FOO", 504, false },
    { AUTH, "AUTH", 501, false },
    { STARTTLS, "STARTTLS", 220, false },
    { STARTTLS, "STARTTLS x", 501, false },
    { JUNK, "", 500, false },
    { JUNK, "EXPN all", 502, false },
    { JUNK, "M\x01L FROM:<>", 500, false },
};

const guint n_model_lines = G_N_ELEMENTS(model_lines);

static int
error(Model *self, int code)
{
    self->closed = ++self->errors >= MODEL_MAX_ERRORS;
    return code;
}

static void
forget(Model *self)
{
    self->mail = self->chunks = false;
    self->bytes = self->recipients = self->refused = 0;
}

static int
model_auth(Model *self, int code, int handler)
{
    if (!self->hello || self->mail || self->authenticated)
        return error(self, 503);
    if (code != 235)
        return error(self, code);
    if (handler == 550 && ++self->wrong == 3) {
        self->closed = true;
        return 421;
    }
    self->authenticated = handler == 250;
    return handler == 250 ? 235 : handler == 450 ? 454 : error(self, 535);
}

static int
model_starttls(Model *self, int code)
{
    if (code == 501)
        return error(self, 501);
    if (!self->hello || self->mail || self->authenticated || self->secure)
        return error(self, 503);
    self->secure = true;
    self->hello = self->esmtp = false;
    return 220;
}

/* The end of a message that we gave that answer; whole: LMTP has an answer for each recipient then. */
static int
finish(Model *self, int code, bool whole)
{
    self->due = whole && self->lmtp ? self->recipients : 1;
    self->other = code;
    self->messages++;
    self->idle = 0;
    forget(self);
    return code;
}

/* The same for the handler's, which may say another thing to every other recipient. */
static int
finish_by(Model *self, const ModelHandler *handler)
{
    bool each = self->lmtp && handler->each, both = each && self->recipients > 1;

    if (handler->code == 250 || (both && handler->other == 250))
        self->errors = 0;
    finish(self, handler->code, true);
    if (each)
        self->other = handler->other;
    return handler->code;
}

/* The reply's code to a chunk and its octets. */
static int
model_bdat(Model *self, guint i, const ModelHandler *handler)
{
    int size = atoi(model_lines[i].line + 5);
    bool last = g_str_has_suffix(model_lines[i].line, "LAST") || g_str_has_suffix(model_lines[i].line, "last");

    self->closed = model_lines[i].code == 501 || (size == 0 && !last && ++self->idle > MODEL_MAX_IDLE);
    if (self->closed)
        return model_lines[i].code == 501 ? 501 : 421;
    if (!self->mail || self->recipients == 0)
        return error(self, self->mail && self->refused && !self->lmtp ? 554 : 503);
    self->bytes += size;
    if (self->bytes > MODEL_MAX_BYTES)
        return finish(self, 552, last);
    if (!self->chunks && handler->code != 250)
        return finish(self, handler->code, last);
    if (last)
        return finish_by(self, handler);
    self->chunks = true;
    return 250;
}

/* Another speaks from now on, if the handler believes it. */
static int
model_trust(Model *self, guint i, int handler)
{
    bool forwards = model_lines[i].kind == XFORWARD;

    if (!self->trusted || self->mail)
        return error(self, self->trusted ? 503 : 502);
    if (model_lines[i].code == 501)
        return error(self, 501);
    if (forwards)
        return handler == 550 ? error(self, 550) : handler;
    if (handler == 450)
        return error(self, 501);
    self->closed = handler != 250;
    self->authenticated = strstr(model_lines[i].line, "login=") != NULL;
    self->hello = self->esmtp = false;
    return self->closed ? handler : 220;
}

static bool
is_idle(ModelKind kind)
{
    return kind <= LHLO || kind == RSET || kind == NOOP || kind == XCLIENT || kind == XFORWARD;
}

/* What stands against it where it is said, whatever it says; 0: nothing. */
static int
model_order(Model *self, ModelKind kind)
{
    if (kind <= LHLO && (kind == LHLO) != self->lmtp)
        return error(self, 500);
    if (kind == MAIL && self->auth_required && !self->authenticated)
        return error(self, 530);
    if ((kind == MAIL && (!self->hello || self->mail)) || ((kind == RCPT || kind == DATA) && (!self->mail || self->chunks)))
        return error(self, 503);
    if (kind == MAIL && self->messages >= MODEL_MAX_MESSAGES) {
        self->closed = true;
        return 421;
    }
    return 0;
}

int
model_say(Model *self, guint i, const ModelHandler *says)
{
    ModelKind kind = model_lines[i].kind;
    int handler = says->code;
    int code = model_lines[i].esmtp && !self->esmtp ? 555 : model_lines[i].code;

    self->due = 1;
    if (is_idle(kind) && ++self->idle > MODEL_MAX_IDLE) {
        self->closed = true;
        return 421;
    }
    if (kind == BDAT)
        return model_bdat(self, i, says);
    if (kind == XCLIENT || kind == XFORWARD)
        return model_trust(self, i, handler);
    if (kind == AUTH)
        return model_auth(self, code, handler);
    if (kind == STARTTLS)
        return model_starttls(self, code);
    int wrong = model_order(self, kind);
    if (wrong)
        return wrong;
    if (kind == RCPT && code < 300 && self->recipients >= MODEL_MAX_RECIPIENTS)
        return 452;
    if (kind == DATA && code == 354 && self->recipients == 0)
        return error(self, self->refused && !self->lmtp ? 554 : 503);
    if (code < 400 && (kind == MAIL || kind == RCPT || kind == DATA) && handler != 250)
        code = handler;
    if (kind == RCPT && code >= 400)
        return ++self->refused > MODEL_MAX_RECIPIENTS ? error(self, code) : code;
    if (code >= 500)
        return error(self, code);
    if (code >= 400)
        return code;
    if (kind <= LHLO || kind == RSET)
        forget(self);
    if (kind <= LHLO)
        self->hello = true, self->esmtp = kind != HELO;
    self->mail |= kind == MAIL;
    self->recipients += kind == RCPT;
    self->closed = kind == QUIT;
    return code;
}

int
model_message(Model *self, size_t n, const ModelHandler *handler)
{
    return n > MODEL_MAX_BYTES ? finish(self, 552, true) : finish_by(self, handler);
}
