#include "sendmail/dialogue.h"
#include "sendmail/body.h"
#include "sendmail/caller.h"
#include "sendmail/complain.h"
#include "sendmail/drop.h"
#include "sendmail/talk.h"
#include "sendmail/xtext.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define BATCH_RCPTS 32 /* whose replies, unread, fit any socket buffer */

typedef struct {
    const Options *options;
    Talk talk;
    bool dropping; /* no daemon is there: the mail goes to a file */
    Drop drop;
    Body body;
    bool over;                /* standard input has ended, or a lone dot came */
    size_t n;                 /* of out */
    char in[CHUNK_BYTES];
    char out[CHUNK_BYTES + BODY_ROOM(CHUNK_BYTES)];
    bool with_dsn, with_8bit, with_utf8; /* what may be said */
    bool ahead;               /* the first commands went with EHLO */
    int word;                 /* the next recipient is in it or after it */
    const char *rest;         /* what is left of the word before; NULL: nothing */
    int unanswered;           /* recipients that were sent */
    bool asked;               /* all of them were, and DATA */
    size_t commands_n;
    char commands[32768];
    char sender[ADDRESS_BYTES];
    char name[CALLER_NAME_BYTES];
} Dialogue;

/* Reads once from standard input and converts it to out, which must have BODY_ROOM(CHUNK_BYTES) left. */
static int
dialogue_read(Dialogue *self)
{
    ssize_t got;

    do {
        got = read(STDIN_FILENO, self->in, sizeof self->in);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        complain("cannot read the message: %s", strerror(errno));
        return EX_IOERR;
    }
    if (got == 0)
        self->n += body_finish(&self->body, self->out + self->n);
    else
        self->n += body_convert(&self->body, self->in, (size_t) got, self->out + self->n);
    self->over = got == 0 || self->body.state == BODY_END;
    return EX_OK;
}

static void __attribute__((format(printf, 2, 3)))
command_add(Dialogue *self, const char *format, ...)
{
    size_t room = sizeof self->commands - self->commands_n;
    va_list args;

    va_start(args, format);
    int n = vsnprintf(self->commands + self->commands_n, room, format, args);
    va_end(args);
    if (n > 0 && (size_t) n < room)
        self->commands_n += (size_t) n;
}

/* Sends what was gathered, or writes it to the drop file. */
static int
commands_send(Dialogue *self)
{
    size_t n = self->commands_n;

    self->commands_n = 0;
    if (self->options->debug)
        fprintf(stderr, "%.*s", (int) n, self->commands);
    if (self->dropping)
        return drop_write(&self->drop, self->commands, n);
    link_send(&self->talk.link, self->commands, n, false); /* if that fails, the reply tells why */
    return 0;
}

static bool
is_clean(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char) *text < ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

/* Sender and full name: from the options, else from the environment (NAME), else whoever calls. */
static void
dialogue_identify(Dialogue *self)
{
    static Caller caller;
    const Options *options = self->options;
    const char *name = options->full_name ? options->full_name : getenv("NAME");

    if (!options->sender)
        caller_look_up(&caller);
    snprintf(self->sender, sizeof self->sender, "%s", options->sender ? options->sender_path : caller.login);
    caller_clean_name(name && is_clean(name) ? name : caller.name, self->name);
}

static void
dialogue_add_label(Dialogue *self, const char *key, const char *label)
{
    char clean[CALLER_NAME_BYTES], value[XTEXT_ROOM(CALLER_NAME_BYTES)];

    if (!label || !*label)
        return;
    caller_clean_name(label, clean);
    xtext_encode(value, sizeof value, clean);
    command_add(self, " %s=%s", key, value);
}

/* Nobody waits for what becomes of a dropped mail: its refusal must reach the sender by mail, and it is not for the
 * caller to wait for an answer of the API. */
static void
dialogue_add_wishes(Dialogue *self)
{
    const Options *options = self->options;
    const char *delivery = options->delivery;
    bool mail_errors = options->errors && strchr("mwe", options->errors);

    if (self->dropping && delivery && strcmp(delivery, "later") != 0)
        delivery = NULL;
    if (delivery)
        command_add(self, " XDELIVERY=%s", delivery);
    if (mail_errors || self->dropping)
        command_add(self, " XERRORS=mail");
    if (options->no_aliases)
        command_add(self, " XNOALIAS");
    if (options->hops)
        command_add(self, " XHOPS=%s", options->hops);
    if (options->notify && options->from_headers && self->with_dsn)
        command_add(self, " XNOTIFY=%s", options->notify);
    dialogue_add_label(self, "XTAG", options->tag);
    dialogue_add_label(self, "XVIA", options->via);
    dialogue_add_label(self, "XACCOUNT", options->account);
}

static void
dialogue_add_mail(Dialogue *self)
{
    const Options *options = self->options;

    command_add(self, "MAIL FROM:<%s> XSUBMIT%s%s", self->sender, options->from_headers ? " XHEADERS" : "",
                options->gateway ? " XGATEWAY" : "");
    dialogue_add_label(self, "XNAME", self->name);
    dialogue_add_wishes(self);
    if (options->body && self->with_8bit)
        command_add(self, " BODY=%s", options->body);
    if (options->utf8 && self->with_utf8)
        command_add(self, " SMTPUTF8");
    if (options->ret && self->with_dsn)
        command_add(self, " RET=%s", options->ret);
    if (options->envid && self->with_dsn)
        command_add(self, " ENVID=%s", options->envid);
    command_add(self, "\r\n");
}

/* Walks the addresses of all words: the next one, or false at the end. They were checked before. */
static bool
next_recipient(const Options *options, int *word, const char **rest, char path[ADDRESS_BYTES])
{
    const char *why;

    for (;;) {
        if (*rest && address_next(rest, path, &why) == ADDRESS_FOUND)
            return true;
        if (*word == options->n_addresses)
            return false;
        *rest = options->addresses[(*word)++];
    }
}

static void
dialogue_add_rcpt(Dialogue *self, const char *path)
{
    const char *notify = self->with_dsn ? self->options->notify : NULL;

    command_add(self, "RCPT TO:<%s>%s%s\r\n", path, notify ? " NOTIFY=" : "", notify ? notify : "");
}

/* MAIL before the first ones, DATA after the last. */
static void
dialogue_add_batch(Dialogue *self)
{
    char path[ADDRESS_BYTES];

    if (self->word == 0)
        dialogue_add_mail(self);
    while (!self->asked && self->unanswered < BATCH_RCPTS) {
        self->asked = !next_recipient(self->options, &self->word, &self->rest, path);
        if (self->asked)
            break;
        dialogue_add_rcpt(self, path);
        self->unanswered++;
    }
    if (self->asked)
        command_add(self, "DATA\r\n");
}

/* MAIL, all RCPT and DATA, pipelined in batches. One refusal refuses the mail: a caller cannot be told "some", and
 * its next try would reach the others twice. */
static int
dialogue_envelope(Dialogue *self)
{
    const char *rest = NULL;
    char path[ADDRESS_BYTES];
    int word = 0, status = EX_OK;

    for (bool first = true; first || !self->asked; first = false) {
        if (!first || !self->ahead) {
            dialogue_add_batch(self);
            commands_send(self);
        }
        if (first)
            status = talk_expect(&self->talk, 250, "the mail was refused", "at its MAIL command");
        for (; status == EX_OK && self->unanswered > 0; self->unanswered--) {
            next_recipient(self->options, &word, &rest, path);
            status = talk_expect(&self->talk, 250, path, "at its RCPT command");
        }
        if (status != EX_OK)
            return status;
    }
    return talk_expect(&self->talk, 354, "the mail was refused", "at its DATA command");
}

/* The message and the final dot. An answer that comes before the end is the end. */
static int
dialogue_message(Dialogue *self)
{
    self->talk.link.silence_ms = LINK_ANSWER_MS;
    for (;;) {
        if (self->over)
            self->n += (size_t) sprintf(self->out + self->n, ".\r\nQUIT\r\n");
        LinkResult result = link_send(&self->talk.link, self->out, self->n, true);
        self->n = 0;
        if (result == LINK_LOST)
            return talk_lost(&self->talk, result, "while it was taking the message");
        if (result == LINK_ANSWERED || self->over || link_wait_input(&self->talk.link, STDIN_FILENO) != LINK_OK)
            break;
        int status = dialogue_read(self);
        if (status != EX_OK)
            return status;
    }
    int status = talk_expect(&self->talk, 250, "the mail was refused", "before it answered for the message");
    if (status == EX_OK && !self->over) {
        complain("shimtad accepted the mail before its end");
        return EX_PROTOCOL;
    }
    return status;
}

/* Lets the other side finish its goodbye, so that it does not meet a closed socket; not worth a long wait. */
static void
dialogue_part(Dialogue *self)
{
    Reply goodbye;

    self->talk.link.silence_ms = 1000;
    link_reply(&self->talk.link, &goodbye);
}

/* -oee: who gets the refusal as a mail wants no exit status besides. */
static int
dialogue_excuse(const Dialogue *self, int status)
{
    bool wanted = status != EX_OK && self->options->errors == 'e';

    return wanted && talk_was_returned(&self->talk) ? EX_OK : status;
}

static int
dialogue_converse(Dialogue *self)
{
    self->with_dsn = self->talk.offers_dsn;
    self->with_8bit = self->talk.offers_8bit;
    self->with_utf8 = self->talk.offers_utf8;
    int status = dialogue_envelope(self);
    if (status == EX_OK) {
        status = dialogue_excuse(self, dialogue_message(self));
        if (status == EX_OK)
            dialogue_part(self);
    }
    talk_close(&self->talk);
    if (status == EX_OK && self->options->verbose)
        puts(self->talk.reply.text);
    return status;
}

/* --- the drop file ------------------------------------------------------------------------------- */

/* 0 or errno. */
static int
drop_envelope(Dialogue *self)
{
    int word = 0, problem = 0;
    const char *rest = NULL;
    char path[ADDRESS_BYTES];

    self->with_dsn = self->with_8bit = self->with_utf8 = true;
    dialogue_add_mail(self);
    while (problem == 0 && next_recipient(self->options, &word, &rest, path)) {
        dialogue_add_rcpt(self, path);
        if (self->commands_n > sizeof self->commands / 2)
            problem = commands_send(self);
    }
    command_add(self, "DATA\r\n");
    return problem ? problem : commands_send(self);
}

/* EX_OK, or the exit status after having complained; *problem is errno of the file. */
static int
drop_message(Dialogue *self, const Settings *settings, int *problem)
{
    long long bytes = 0;

    for (;;) {
        bytes += (long long) self->n;
        if (bytes > settings->max_bytes) {
            complain("the mail is larger than %lld bytes", settings->max_bytes);
            return EX_DATAERR;
        }
        if (self->over)
            self->n += (size_t) sprintf(self->out + self->n, ".\r\n");
        *problem = drop_write(&self->drop, self->out, self->n);
        self->n = 0;
        if (self->over || *problem != 0)
            return EX_OK;
        int status = dialogue_read(self);
        if (status != EX_OK)
            return status;
    }
}

/* Leaves the mail where shimtad looks when it is there again. */
static int
dialogue_drop(Dialogue *self, const Settings *settings)
{
    int problem = drop_open(&self->drop, settings), status = EX_OK;

    self->dropping = true;
    if (problem == ENOENT) { /* nobody wants files */
        talk_complain_away(&self->talk, settings);
        return EX_TEMPFAIL;
    }
    if (problem == 0)
        problem = drop_envelope(self);
    if (problem == 0)
        status = drop_message(self, settings, &problem);
    if (problem == 0 && status == EX_OK)
        problem = drop_finish(&self->drop);
    drop_abandon(&self->drop);
    if (problem != 0) {
        complain("shimtad is away, and the mail cannot be left in %s: %s", settings->drop, strerror(problem));
        return EX_TEMPFAIL;
    }
    if (status == EX_OK && self->options->verbose)
        printf("left for shimtad, which is away, in %s\n", settings->drop);
    return status;
}

/* ------------------------------------------------------------------------------------------------- */

/* EHLO, and with it the first of the envelope where that does not depend on what shimtad offers: one wait less. */
static int
dialogue_open(Dialogue *self, const Settings *settings)
{
    const Options *options = self->options;

    self->ahead = !options->notify && !options->ret && !options->envid && !options->body && !options->utf8;
    command_add(self, TALK_HELLO);
    if (self->ahead)
        dialogue_add_batch(self);
    size_t n = self->commands_n;
    self->commands_n = 0;
    return talk_open(&self->talk, settings, options->debug, self->commands, n);
}

int
dialogue_run(const Options *options, const Settings *settings)
{
    static Dialogue self;
    int status = EX_OK;

    self.options = options;
    self.body.dots_are_data = options->dots_are_data;
    while (status == EX_OK && !self.over && self.n < CHUNK_BYTES)
        status = dialogue_read(&self);
    if (status != EX_OK)
        return status;
    dialogue_identify(&self);
    status = dialogue_open(&self, settings);
    if (status == EX_OK)
        return dialogue_converse(&self);
    return self.talk.away ? dialogue_drop(&self, settings) : status;
}
