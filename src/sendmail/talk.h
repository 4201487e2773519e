/* A dialogue with shimtad, from the connection through its greeting to the end: what mail (dialogue.c) and questions
 * (ask.c) have in common. One thread. */
#pragma once

#include "sendmail/link.h"
#include "sendmail/settings.h"
#include "sendmail/submit.h"

typedef struct {
    Submission submission;
    Link link;
    Reply reply;
    bool offers_dsn, offers_8bit, offers_utf8;
    bool away; /* talk_open() failed because no daemon is there now */
} Talk;

#define TALK_HELLO "EHLO localhost\r\n"

/* Connects and greets with n bytes of commands: TALK_HELLO, and what may be said whatever shimtad offers; the replies
 * to those are for the caller. EX_OK, or the exit status, having complained but for self->away. */
int talk_open(Talk *self, const Settings *settings, bool trace, const char *commands, size_t n);

/* Complains of self->away. */
void talk_complain_away(const Talk *self, const Settings *settings);

/* Waits for the reply to `what`, which should be of the class of `code` (2 or 3 hundred). EX_OK, or the exit status
 * after having complained. */
int talk_expect(Talk *self, int code, const char *what, const char *when);

/* Complains of a connection that broke; the exit status. */
int talk_lost(Talk *self, LinkResult result, const char *when);

/* Complains of the last reply; the exit status. */
int talk_refused(const Talk *self, const char *what);

/* Whether the last reply is a refusal that shimtad has mailed to the sender. */
bool talk_was_returned(const Talk *self);

/* Closes, waits for a child. */
void talk_close(Talk *self);
