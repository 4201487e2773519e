#include "smtp/session.h"

#include "smtp/state.h"

#include <string.h>

const Reply smtp_early_talk = { 554, "5.5.0", (char *)"You talked out of turn" };
static const Reply shutting_down = { 421, "4.3.2", (char *)"Service is shutting down" };

void
smtp_enter(SmtpSession *self, SmtpState state)
{
    if (self->state != SMTP_CLOSED)
        self->state = state;
}

static GString *
smtp_output(SmtpSession *self)
{
    if (!self->out)
        self->out = g_string_sized_new(REPLY_LINE_BYTES);
    return self->out;
}

void
smtp_say(SmtpSession *self, int code, const char *dsn, const char *text)
{
    if (self->state != SMTP_CLOSED)
        g_string_append_printf(smtp_output(self), "%d %s %s\r\n", code, dsn, text);
}

void
smtp_say_reply(SmtpSession *self, const Reply *reply)
{
    if (self->state != SMTP_CLOSED)
        reply_print(reply, smtp_output(self));
}

void
smtp_say_challenge(SmtpSession *self, const char *text)
{
    g_string_append_printf(smtp_output(self), "334 %s\r\n", text);
}

/* Replies that belong together leave in one write. */
void
smtp_flush(SmtpSession *self)
{
    GString *out = g_steal_pointer(&self->out);

    if (!out)
        return;
    if (!self->freed)
        self->handler->write(self->user, out->str, out->len);
    g_string_free(out, TRUE);
}

void
smtp_reset_handler(SmtpSession *self)
{
    if (!self->mail.accepted)
        return;
    self->mail.accepted = false;
    self->handler->reset(self->user);
}

void
smtp_end_transaction(SmtpSession *self)
{
    smtp_reset_handler(self);
    reply_clear(&self->mail.chunk.refusal);
    self->mail = (SmtpTransaction){ 0 };
    if (self->state > SMTP_IDENTIFIED)
        smtp_enter(self, SMTP_IDENTIFIED);
}

void
smtp_quit_reply(SmtpSession *self, const Reply *reply)
{
    if (self->state == SMTP_CLOSED)
        return;
    smtp_say_reply(self, reply);
    self->asked = ASKED_NOTHING;
    smtp_enter(self, SMTP_CLOSED);
    smtp_end_transaction(self);
    smtp_flush(self);
    if (!self->freed)
        self->handler->quit(self->user);
}

void
smtp_quit(SmtpSession *self, int code, const char *dsn, const char *text)
{
    smtp_quit_reply(self, &(Reply){ code, dsn, (char *)text });
}

static void
smtp_count_error(SmtpSession *self)
{
    guint max = self->hurried ? 1 : self->settings->max_errors;

    self->errors++;
    if (max && self->errors >= max)
        smtp_quit(self, 421, "4.7.0", "Too many errors");
}

void
smtp_fail(SmtpSession *self, int code, const char *dsn, const char *text)
{
    smtp_say(self, code, dsn, text);
    smtp_count_error(self);
}

bool
smtp_count_idle(SmtpSession *self)
{
    guint max = self->settings->max_idle_commands;

    if (!max || ++self->idle_commands <= max)
        return true;
    smtp_quit(self, 421, "4.7.0", "Too many commands without a mail");
    return false;
}

void
smtp_count_refused(SmtpSession *self)
{
    self->mail.refused++;
    if (self->settings->max_recipients && self->mail.refused > self->settings->max_recipients)
        smtp_count_error(self);
}

/* There may be a password in it. */
static void
smtp_forget_kept(SmtpSession *self)
{
    if (self->kept)
        explicit_bzero(self->kept->data, self->kept->len);
    g_clear_pointer(&self->kept, g_byte_array_unref);
}

/* What could not be used stays, in the session's own memory; nothing is kept when nothing is left. */
static void
smtp_keep_rest(SmtpSession *self)
{
    if (self->left == 0 || self->state == SMTP_CLOSED) {
        smtp_forget_kept(self);
        self->left = 0;
    }
    else if (self->kept) {
        g_byte_array_remove_range(self->kept, 0, self->kept->len - (guint)self->left);
    }
    else {
        self->kept = g_byte_array_sized_new((guint)self->left);
        g_byte_array_append(self->kept, (const guint8 *)self->in, (guint)self->left);
    }
    self->in = self->kept ? (const char *)self->kept->data : NULL;
}

/* The last octets of a message may be the last input: their answer is asked for without more. */
static bool
smtp_has_work(const SmtpSession *self)
{
    if (self->state == SMTP_CLOSED || self->asked)
        return false;
    return self->left > 0 || (self->state == SMTP_DATA && dot_ended(&self->mail.dot)) ||
           (self->state == SMTP_CHUNK && self->mail.chunk.left == 0);
}

static bool
smtp_step(SmtpSession *self)
{
    if (self->state == SMTP_DATA)
        return smtp_step_data(self);
    return self->state == SMTP_CHUNK ? smtp_step_chunk(self) : smtp_step_command(self);
}

static void
smtp_pump(SmtpSession *self)
{
    bool progress = true;

    do {
        while (progress && smtp_has_work(self))
            progress = smtp_step(self);
        smtp_keep_rest(self);
        smtp_flush(self);
        /* The handler may have answered from inside write(). */
    } while (self->out || (progress && smtp_has_work(self)));
}

static void
smtp_destroy(SmtpSession *self)
{
    smtp_forget_kept(self);
    sasl_free(self->sasl);
    if (self->out)
        g_string_free(self->out, TRUE);
    reply_clear(&self->last_words);
    g_free(self);
}

/* Every public function that calls the handler is between these two: it may free the session in there. */
static void
smtp_arrive(SmtpSession *self)
{
    self->depth++;
}

static void
smtp_leave(SmtpSession *self)
{
    if (--self->depth == 0 && self->freed)
        smtp_destroy(self);
}

void
smtp_greet(SmtpSession *self)
{
    g_string_append_printf(smtp_output(self), "220 %s %s\r\n", self->settings->hostname,
                           self->settings->lmtp ? "LMTP" : "ESMTP");
}

SmtpSession *
smtp_session_new(const SmtpSettings *settings, const SmtpHandler *handler, void *user)
{
    SmtpSession *self = g_new0(SmtpSession, 1);

    self->settings = settings;
    self->handler = handler;
    self->user = user;
    self->secure = settings->tls == SMTP_TLS_ALWAYS;
    smtp_greet(self);
    smtp_flush(self);
    return self;
}

void
smtp_session_trust(SmtpSession *self)
{
    self->trusted = true;
}

void
smtp_session_hurry(SmtpSession *self, bool hurry)
{
    self->hurried = hurry;
}

void
smtp_session_feed(SmtpSession *self, const char *bytes, size_t n)
{
    g_return_if_fail(self->depth == 0);
    if (self->state == SMTP_CLOSED || n == 0)
        return;
    if (self->kept) {
        g_byte_array_append(self->kept, (const guint8 *)bytes, (guint)n);
        self->in = (const char *)self->kept->data;
        self->left = self->kept->len;
    }
    else {
        self->in = bytes;
        self->left = n;
    }
    smtp_arrive(self);
    smtp_pump(self);
    smtp_leave(self);
}

bool
smtp_session_busy(const SmtpSession *self)
{
    return self->asked != ASKED_NOTHING;
}

guint
smtp_session_errors(const SmtpSession *self)
{
    return self->errors;
}

static void
smtp_accept(SmtpSession *self, SmtpAsked asked)
{
    if (asked == ASKED_MAIL)
        self->mail.accepted = true;
    else if (asked == ASKED_RCPT)
        self->mail.recipients++;

    if (asked == ASKED_DATA)
        smtp_enter(self, SMTP_DATA);
    else if (asked == ASKED_RCPT || self->mail.from_headers)
        smtp_enter(self, SMTP_RCPT);
    else
        smtp_enter(self, SMTP_MAIL);
}

static void
smtp_refuse(SmtpSession *self, SmtpAsked asked, bool for_good)
{
    if (asked == ASKED_RCPT) {
        smtp_count_refused(self);
        return;
    }
    if (asked == ASKED_MAIL)
        smtp_end_transaction(self);
    if (for_good)
        smtp_count_error(self);
}

static void
smtp_answer(SmtpSession *self, SmtpAsked asked, const Reply *reply)
{
    bool accepted = asked == ASKED_DATA ? reply->code == 354 : reply->code / 100 == 2;
    bool for_good = reply->code >= 500;

    if (asked == ASKED_END) {
        smtp_finish_data(self, reply);
        return;
    }
    if (reply->code == 421) {
        smtp_quit_reply(self, reply);
        return;
    }
    if (asked == ASKED_AUTH) {
        smtp_auth_answer(self, reply);
        return;
    }
    if (asked == ASKED_XCLIENT) {
        smtp_xclient_answer(self, reply);
        return;
    }
    if (asked == ASKED_DATA && self->state == SMTP_CHUNK) {
        smtp_chunk_answer(self, reply);
        return;
    }
    smtp_say_reply(self, reply);
    if (asked == ASKED_QUESTION)
        return;
    if (asked == ASKED_XFORWARD) {
        if (for_good)
            smtp_count_error(self);
        return;
    }
    if (accepted)
        smtp_accept(self, asked);
    else
        smtp_refuse(self, asked, for_good);
}

void
smtp_session_resume(SmtpSession *self, const Reply *reply)
{
    SmtpAsked asked = self->asked;

    if (asked == ASKED_NOTHING || asked == ASKED_TLS)
        return;
    g_return_if_fail(reply || asked == ASKED_BYTES);
    smtp_arrive(self);
    self->asked = ASKED_NOTHING;
    if (asked != ASKED_BYTES)
        smtp_answer(self, asked, reply);
    /* From inside a handler function the loop that called it goes on by itself. */
    if (self->depth == 1)
        smtp_pump(self);
    smtp_leave(self);
}

void
smtp_session_resume_each(SmtpSession *self, const Reply *replies, guint n)
{
    if (self->asked != ASKED_END)
        return;
    g_return_if_fail(n > 0 && self->settings->lmtp && n == self->mail.recipients);
    smtp_arrive(self);
    self->asked = ASKED_NOTHING;
    smtp_finish_each(self, replies, n);
    if (self->depth == 1)
        smtp_pump(self);
    smtp_leave(self);
}

void
smtp_session_secured(SmtpSession *self)
{
    if (self->asked != ASKED_TLS)
        return;
    /* Nothing that came without TLS is for the time with it. */
    smtp_forget_kept(self);
    self->left = 0;
    self->asked = ASKED_NOTHING;
    self->secure = true;
    self->esmtp = false;
    smtp_enter(self, SMTP_GREETED);
}

void
smtp_session_shut_down(SmtpSession *self, const Reply *reply)
{
    const Reply *last = reply ? reply : &shutting_down;

    if (!smtp_receives(self))
        smtp_session_abort(self, reply);
    else if (!self->last_words.code)
        reply_set(&self->last_words, last->code, last->dsn, "%s", last->text);
}

void
smtp_session_abort(SmtpSession *self, const Reply *reply)
{
    smtp_arrive(self);
    smtp_quit_reply(self, reply ? reply : &shutting_down);
    smtp_leave(self);
}

SmtpPhase
smtp_session_phase(const SmtpSession *self)
{
    if (self->state == SMTP_CLOSED)
        return SMTP_PHASE_CLOSED;
    if (self->asked)
        return SMTP_PHASE_ANSWERING;
    return self->state >= SMTP_DATA ? SMTP_PHASE_DATA : SMTP_PHASE_COMMAND;
}

void
smtp_session_free(SmtpSession *self)
{
    if (!self)
        return;
    smtp_arrive(self);
    smtp_enter(self, SMTP_CLOSED);
    self->asked = ASKED_NOTHING;
    smtp_end_transaction(self);
    self->freed = true;
    smtp_leave(self);
}
