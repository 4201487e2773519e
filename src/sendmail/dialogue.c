#include "sendmail/dialogue.h"
#include "sendmail/body.h"
#include "sendmail/caller.h"
#include "sendmail/complain.h"
#include "sendmail/link.h"
#include "sendmail/submit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define BATCH_RCPTS 32 /* whose replies, unread, fit any socket buffer */

typedef struct {
    const Options *options;
    Submission submission;
    Link link;
    Reply reply;
    Body body;
    bool over;                /* standard input has ended, or a lone dot came */
    size_t n;                 /* of out */
    char in[CHUNK_BYTES];
    char out[CHUNK_BYTES + BODY_ROOM(CHUNK_BYTES)];
    bool offers_dsn, offers_8bit, offers_utf8;
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

static void
command_add_xtext(Dialogue *self, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char) *text;
        bool plain = c > ' ' && c < 0x7f && c != '+' && c != '=';
        command_add(self, plain ? "%c" : "+%02X", c);
    }
}

/* Sends what was gathered. */
static LinkResult
commands_send(Dialogue *self)
{
    size_t n = self->commands_n;

    self->commands_n = 0;
    if (self->link.trace)
        fprintf(stderr, "%.*s", (int) n, self->commands);
    return link_send(&self->link, self->commands, n, false);
}

static int
dialogue_lost(Dialogue *self, LinkResult result, const char *when)
{
    int status = submit_close(&self->submission);

    if (status != EX_OK)
        return status; /* the child has said why */
    if (result == LINK_NONSENSE) {
        complain("what answers there does not speak SMTP");
        return EX_PROTOCOL;
    }
    complain("connection to shimtad lost %s", when);
    return EX_TEMPFAIL;
}

static int
dialogue_refused(const Dialogue *self, const char *what)
{
    const Reply *reply = &self->reply;

    complain("%s: %d %s%s%s", what, reply->code, reply->dsn, reply->dsn[0] ? " " : "", reply->text);
    return submit_sysexit(reply);
}

/* Waits for the reply to `what`, which should be of the class of `code` (2 or 3 hundred). */
static int
dialogue_expect(Dialogue *self, int code, const char *what, const char *when)
{
    LinkResult result = link_reply(&self->link, &self->reply);

    if (result != LINK_OK)
        return dialogue_lost(self, result, when);
    return self->reply.code / 100 == code / 100 ? EX_OK : dialogue_refused(self, what);
}

static bool
reply_offers(const Reply *reply, const char *keyword)
{
    size_t n = strlen(keyword);

    for (const char *line = strchr(reply->text, '\n'); line; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, keyword, n) == 0 && (line[n] == '\0' || line[n] == ' ' || line[n] == '\n'))
            return true;
    }
    return false;
}

/* On its own socket shimtad takes EHLO ahead of its greeting: one wait less. */
static int
dialogue_greet(Dialogue *self)
{
    command_add(self, "EHLO localhost\r\n");
    commands_send(self); /* if that fails, the greeting tells why */
    int status = dialogue_expect(self, 220, "shimtad", "before its greeting");
    if (status == EX_OK)
        status = dialogue_expect(self, 250, "EHLO", "after its greeting");
    if (status != EX_OK)
        return status;
    if (!reply_offers(&self->reply, "XSENDMAIL")) {
        complain("the listener there is not meant for sendmail (\"sendmail = yes\" in its section)");
        return EX_CONFIG;
    }
    self->offers_dsn = reply_offers(&self->reply, "DSN");
    self->offers_8bit = reply_offers(&self->reply, "8BITMIME");
    self->offers_utf8 = reply_offers(&self->reply, "SMTPUTF8");
    return EX_OK;
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
dialogue_add_mail(Dialogue *self)
{
    const Options *options = self->options;

    command_add(self, "MAIL FROM:<%s> XSUBMIT%s%s", self->sender, options->from_headers ? " XHEADERS" : "",
                options->gateway ? " XGATEWAY" : "");
    if (self->name[0]) {
        command_add(self, " XNAME=");
        command_add_xtext(self, self->name);
    }
    if (options->body && self->offers_8bit)
        command_add(self, " BODY=%s", options->body);
    if (options->utf8 && self->offers_utf8)
        command_add(self, " SMTPUTF8");
    if (options->ret && self->offers_dsn)
        command_add(self, " RET=%s", options->ret);
    if (options->envid && self->offers_dsn)
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

/* MAIL, all RCPT and DATA, pipelined in batches. One refusal refuses the mail: a caller cannot be told "some", and
 * its next try would reach the others twice. */
static int
dialogue_envelope(Dialogue *self)
{
    const Options *options = self->options;
    int asking = 0, answering = 0, status = EX_OK;
    const char *asking_rest = NULL, *answering_rest = NULL;
    char path[ADDRESS_BYTES];
    bool more = true, first = true;

    dialogue_add_mail(self);
    while (more) {
        int batch = 0;
        while (batch < BATCH_RCPTS && (more = next_recipient(options, &asking, &asking_rest, path))) {
            bool notify = options->notify && self->offers_dsn;
            command_add(self, "RCPT TO:<%s>%s%s\r\n", path, notify ? " NOTIFY=" : "", notify ? options->notify : "");
            batch++;
        }
        if (!more)
            command_add(self, "DATA\r\n");
        commands_send(self);
        if (first)
            status = dialogue_expect(self, 250, "the mail was refused", "at its MAIL command");
        first = false;
        for (; status == EX_OK && batch > 0; batch--) {
            next_recipient(options, &answering, &answering_rest, path);
            status = dialogue_expect(self, 250, path, "at its RCPT command");
        }
        if (status != EX_OK)
            return status;
    }
    return dialogue_expect(self, 354, "the mail was refused", "at its DATA command");
}

/* The message and the final dot. An answer that comes before the end is the end. */
static int
dialogue_message(Dialogue *self)
{
    for (;;) {
        if (self->over)
            self->n += (size_t) sprintf(self->out + self->n, ".\r\nQUIT\r\n");
        LinkResult result = link_send(&self->link, self->out, self->n, true);
        self->n = 0;
        if (result == LINK_LOST)
            return dialogue_lost(self, result, "while it was taking the message");
        if (result == LINK_ANSWERED || self->over || link_wait_input(&self->link, STDIN_FILENO) != LINK_OK)
            break;
        int status = dialogue_read(self);
        if (status != EX_OK)
            return status;
    }
    int status = dialogue_expect(self, 250, "the mail was refused", "before it answered for the message");
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

    self->link.silence_ms = 1000;
    link_reply(&self->link, &goodbye);
}

static int
dialogue_converse(Dialogue *self, const Settings *settings)
{
    int status = submit_open(&self->submission, settings);

    if (status != EX_OK)
        return status;
    link_init(&self->link, self->submission.fd);
    self->link.trace = self->options->debug;
    status = dialogue_greet(self);
    if (status == EX_OK)
        status = dialogue_envelope(self);
    if (status == EX_OK)
        status = dialogue_message(self);
    if (status == EX_OK)
        dialogue_part(self);
    submit_close(&self->submission);
    return status;
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
    status = dialogue_converse(&self, settings);
    if (status == EX_OK && options->verbose)
        puts(self.reply.text);
    return status;
}
