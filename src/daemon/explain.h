/* `shimtad --explain`: reads one message and prints what would become of it. Blocks; no loop runs. */
#pragma once

#include "daemon/settings.h"

typedef struct {
    const char *file; /* "-" is standard input */
    const char *sender, *listener, *user; /* or NULL */
    char **recipients; /* none: those of the header, as with `sendmail -t` */
    bool json;
} ExplainJob;

/* Returns an exit status of sysexits(3): EX_DATAERR if somebody would not get the mail. */
int explain_print(const ExplainJob *job, const Settings *settings);
