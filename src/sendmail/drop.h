/* A mail left as a file while no daemon runs: its dialogue, for shimtad to find in drop-dir. The file has a name that
 * nobody can guess, in a folder that only the daemon can list, and appears there when it is complete. One thread. */
#pragma once

#include "sendmail/settings.h"

#include <stddef.h>

#define DROP_NAME_BYTES 48

typedef struct {
    int folder, file;           /* -1: not open */
    char name[DROP_NAME_BYTES]; /* under which it will appear */
    char draft[DROP_NAME_BYTES]; /* its name until then; "": it has none */
} Drop;

/* 0 or errno. */
int drop_open(Drop *self, const Settings *settings);
int drop_write(Drop *self, const char *bytes, size_t n);

/* Once it returns 0 the mail survives a crash of the system. Closes in any case. */
int drop_finish(Drop *self);

/* Closes; no file is left. */
void drop_abandon(Drop *self);
