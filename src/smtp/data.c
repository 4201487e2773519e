#include "smtp/state.h"

#include "smtp/syntax.h"

/* A client that was refused may still send what it has announced; more than that is not read. */
#define SMTP_DROP_BYTES ((gint64)1 << 30)

static const Reply too_big = { 552, "5.3.4", (char *)"Message too big" };

/* LMTP answers each recipient, but for a chunk that is not the last. */
static guint
replies_due(const SmtpSession *self)
{
    bool more = self->state == SMTP_CHUNK && !self->mail.chunk.last;

    return self->settings->lmtp && !more ? self->mail.recipients : 1;
}

void
smtp_finish_each(SmtpSession *self, const Reply *replies, guint n)
{
    guint due = replies_due(self);

    for (guint i = 0; i < n; i++) {
        if (replies[i].code / 100 == 2)
            self->errors = 0;
    }
    self->idle_commands = 0;
    self->messages++;
    if (replies[0].code == 421) {
        smtp_quit_reply(self, &replies[0]);
        return;
    }
    /* In this order: the replies may be a part of what the handler now forgets. */
    for (guint i = 0; i < due; i++)
        smtp_say_reply(self, &replies[MIN(i, n - 1)]);
    smtp_end_transaction(self);
    if (self->last_words.code)
        smtp_quit_reply(self, &self->last_words);
}

void
smtp_finish_data(SmtpSession *self, const Reply *reply)
{
    smtp_finish_each(self, reply, 1);
}

bool
smtp_session_had_odd_dot(const SmtpSession *self)
{
    return self->mail.dot.odd;
}

static void
smtp_take_run(SmtpSession *self, const char *run, size_t n)
{
    gint64 max = self->settings->max_bytes;

    if (n == 0 || self->mail.too_big)
        return;
    self->mail.bytes += (gint64)n;
    if (max && self->mail.bytes > max) {
        self->mail.too_big = true;
        if (!self->mail.bounce_refusals)
            smtp_reset_handler(self);
        return;
    }
    self->asked = ASKED_BYTES;
    if (self->handler->data_bytes(self->user, run, n))
        self->asked = ASKED_NOTHING;
}

static void
smtp_end_data(SmtpSession *self)
{
    if (self->mail.too_big && !self->mail.bounce_refusals) {
        smtp_finish_data(self, &too_big);
        return;
    }
    self->asked = ASKED_END;
    if (self->mail.too_big)
        self->handler->data_too_big(self->user);
    else
        self->handler->data_end(self->user);
}

bool
smtp_step_data(SmtpSession *self)
{
    /* The end may have come with a run that kept the handler busy. */
    if (!dot_ended(&self->mail.dot)) {
        const char *run;
        size_t n;
        size_t used = dot_decode(&self->mail.dot, self->in, self->left, &run, &n);

        self->in += used;
        self->left -= used;
        smtp_take_run(self, run, n);
    }
    else {
        smtp_end_data(self);
    }
    return true;
}

/* --- BDAT (RFC 3030) ----------------------------------------------------------------------------- */

/* The chunk belongs to a transaction that goes on with it, or ends. */
static bool
belongs_to_mail(const SmtpChunk *chunk)
{
    return chunk->back == SMTP_RCPT || chunk->back == SMTP_CHUNKS;
}

bool
smtp_receives(const SmtpSession *self)
{
    return self->state == SMTP_DATA || self->state == SMTP_CHUNKS ||
           (self->state == SMTP_CHUNK && belongs_to_mail(&self->mail.chunk));
}

/* Why a chunk of that size is not wanted; code is 0 if it is. */
static Reply
judge_chunk(const SmtpSession *self, gint64 size)
{
    gint64 max = self->settings->max_bytes ? self->settings->max_bytes : G_MAXINT64 - 1;

    if (smtp_lacks_tls(self))
        return (Reply){ 530, "5.7.0", (char *)"Say STARTTLS first" };
    if (self->state < SMTP_MAIL)
        return (Reply){ 503, "5.5.1", (char *)"Need MAIL first" };
    if (self->state == SMTP_MAIL && self->mail.refused && !self->settings->lmtp)
        return (Reply){ 554, "5.5.1", (char *)"No valid recipients" };
    if (self->state == SMTP_MAIL)
        return (Reply){ 503, "5.5.1", (char *)"Need RCPT first" };
    return size > max - self->mail.bytes ? too_big : (Reply){ 0 };
}

static void
smtp_chunk_refuse(SmtpSession *self, const Reply *reply)
{
    reply_set(&self->mail.chunk.refusal, reply->code, reply->dsn, "%s", reply->text);
    if (belongs_to_mail(&self->mail.chunk))
        smtp_reset_handler(self);
}

void
smtp_bdat(SmtpSession *self, char *args)
{
    SmtpChunk chunk = { .back = self->state };

    /* Nobody knows how much of what follows is no command. */
    if (!syntax_chunk(args, &chunk.left, &chunk.last)) {
        smtp_quit(self, 501, "5.5.4", "Syntax: BDAT size [LAST]");
        return;
    }
    if (chunk.left == 0 && !chunk.last && !smtp_count_idle(self))
        return;
    Reply refusal = judge_chunk(self, chunk.left);
    if (refusal.code && chunk.left > SMTP_DROP_BYTES) {
        smtp_quit_reply(self, &refusal);
        return;
    }
    self->mail.chunk = chunk;
    smtp_enter(self, SMTP_CHUNK);
    if (refusal.code) {
        smtp_chunk_refuse(self, &refusal);
    }
    else if (chunk.back == SMTP_RCPT) {
        self->asked = ASKED_DATA;
        self->handler->data_begin(self->user);
    }
}

void
smtp_chunk_answer(SmtpSession *self, const Reply *reply)
{
    if (reply->code != 354)
        smtp_chunk_refuse(self, reply);
}

/* All octets of a refused chunk are gone. Out of order, it changes nothing; else the mail ends. */
static void
smtp_end_refused(SmtpSession *self)
{
    SmtpChunk chunk = self->mail.chunk;

    if (belongs_to_mail(&chunk)) {
        smtp_finish_data(self, &chunk.refusal);
        return;
    }
    self->mail.chunk = (SmtpChunk){ 0 };
    smtp_enter(self, chunk.back);
    smtp_fail(self, chunk.refusal.code, chunk.refusal.dsn, chunk.refusal.text);
    reply_clear(&chunk.refusal);
}

bool
smtp_step_chunk(SmtpSession *self)
{
    SmtpChunk *chunk = &self->mail.chunk;

    if (chunk->left > 0) {
        const char *run = self->in;
        size_t n = (size_t)MIN((gint64)self->left, chunk->left);

        self->in += n;
        self->left -= n;
        chunk->left -= (gint64)n;
        if (!chunk->refusal.code)
            smtp_take_run(self, run, n);
    }
    else if (chunk->refusal.code) {
        smtp_end_refused(self);
    }
    else if (chunk->last) {
        smtp_end_data(self);
    }
    else {
        smtp_enter(self, SMTP_CHUNKS);
        smtp_say(self, 250, "2.0.0", "Ok");
    }
    return true;
}
