/* Where a dialogue goes: the daemon's socket, or a `shimtad --stdio` of our own; and what its replies mean as
 * sysexits(3). One thread. */
#pragma once

#include "sendmail/link.h"
#include "sendmail/settings.h"

#include <sys/types.h>

typedef struct {
    int fd;
    pid_t child; /* 0: the daemon's socket */
    int away;    /* errno: no daemon listens there, which may pass */
} Submission;

/* Connects, waiting up to submit-wait while nobody listens, or starts the child. EX_OK, or the exit status, having
 * complained but for self->away. */
int submit_open(Submission *self, const Settings *settings);

/* Complains of nobody being there. */
void submit_complain_away(const Submission *self, const Settings *settings);

/* Closes, waits for a child. Gives why a child failed (EX_CONFIG, EX_OSERR), else EX_OK. */
int submit_close(Submission *self);

/* Becomes shimtad, which lies beside sendmail: `shimtad [option] [-c FILE]`. Comes back only on failure, with the
 * exit status, having complained. */
int submit_exec(const Settings *settings, const char *option);

/* The exit status for a reply that is no success. */
int submit_sysexit(const Reply *reply);
