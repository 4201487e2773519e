#include "sendmail/talk.h"
#include "sendmail/complain.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#define GREETING_MS 5000 /* that a busy daemon may take, however short submit-wait is */

int
talk_lost(Talk *self, LinkResult result, const char *when)
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

int
talk_refused(const Talk *self, const char *what)
{
    const Reply *reply = &self->reply;

    complain("%s: %d %s%s%s", what, reply->code, reply->dsn, reply->dsn[0] ? " " : "", reply->text);
    return submit_sysexit(reply);
}

int
talk_expect(Talk *self, int code, const char *what, const char *when)
{
    LinkResult result = link_reply(&self->link, &self->reply);

    if (result != LINK_OK)
        return talk_lost(self, result, when);
    return self->reply.code / 100 == code / 100 ? EX_OK : talk_refused(self, what);
}

/* How shimtad ends the text of such a reply (REPLY_RETURNED). */
bool
talk_was_returned(const Talk *self)
{
    static const char mark[] = "; returned to the sender";
    const Reply *reply = &self->reply;
    size_t n = strlen(reply->text);

    return reply->code >= 500 && n >= strlen(mark) && strcmp(reply->text + n - strlen(mark), mark) == 0;
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

/* Nothing was said yet: a daemon that ends just now, or hangs, is as good as none. */
static int
talk_greeting(Talk *self)
{
    LinkResult result = link_reply(&self->link, &self->reply);
    bool is_daemon = self->submission.child == 0;

    if (is_daemon && (result == LINK_LOST || (result == LINK_OK && self->reply.code == 421))) {
        self->away = true;
        return EX_TEMPFAIL;
    }
    if (result != LINK_OK)
        return talk_lost(self, result, "before its greeting");
    return self->reply.code / 100 == 2 ? EX_OK : talk_refused(self, "shimtad");
}

/* On its own socket shimtad takes EHLO ahead of its greeting, and others ahead of the answer: one wait for all. */
static int
talk_greet(Talk *self, const char *commands, size_t n)
{
    if (self->link.trace)
        fprintf(stderr, "%.*s", (int) n, commands);
    link_send(&self->link, commands, n, false); /* if that fails, the greeting tells why */
    int status = talk_greeting(self);
    if (status == EX_OK)
        status = talk_expect(self, 250, "EHLO", "after its greeting");
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

int
talk_open(Talk *self, const Settings *settings, bool trace, const char *commands, size_t n)
{
    int status = submit_open(&self->submission, settings);

    self->away = status != EX_OK && self->submission.away != 0;
    if (status != EX_OK)
        return status;
    link_init(&self->link, self->submission.fd);
    self->link.trace = trace;
    if (self->submission.child == 0)
        self->link.silence_ms = settings->wait_ms > GREETING_MS ? settings->wait_ms : GREETING_MS;
    status = talk_greet(self, commands, n);
    self->link.silence_ms = LINK_COMMAND_MS;
    if (status != EX_OK)
        talk_close(self);
    return status;
}

void
talk_complain_away(const Talk *self, const Settings *settings)
{
    if (self->submission.away)
        submit_complain_away(&self->submission, settings);
    else if (self->reply.code)
        talk_refused(self, "shimtad");
    else
        complain("connection to shimtad lost, or not answered, before its greeting");
}

void
talk_close(Talk *self)
{
    submit_close(&self->submission);
}
