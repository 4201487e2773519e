#include "smtp/state.h"

void
smtp_finish_data(SmtpSession *self, const Reply *reply)
{
    if (reply->code / 100 == 2)
        self->errors = 0;
    self->idle_commands = 0;
    self->messages++;
    if (reply->code == 421) {
        smtp_quit_reply(self, reply);
        return;
    }
    /* In this order: the reply may be a part of what the handler now forgets. */
    smtp_say_reply(self, reply);
    smtp_end_transaction(self);
    if (self->last_words.code)
        smtp_quit_reply(self, &self->last_words);
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
    static const Reply too_big = { 552, "5.3.4", (char *)"Message too big" };

    if (self->mail.too_big) {
        smtp_finish_data(self, &too_big);
        return;
    }
    self->asked = ASKED_END;
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
