/* What may stand behind "shimta": one table of options, each with where it goes in a Task and the commands that take it. */
#pragma once

#include "shimta/shimta.h"

/* Which options a command takes: one of an option's bits is enough. */
enum {
    TAKES_FILTERS = 1 << 0,
    TAKES_HELD = 1 << 1,
    TAKES_ALL = 1 << 2,
    TAKES_YES = 1 << 3,
    TAKES_LIMIT = 1 << 4,
    TAKES_PASSWD = 1 << 5,
};

/* Reads them, all that are not options end up in task->args. Returns an exit status; -1: go on. usage is what --help
 * prints before the options; given: which were there, for options_misfit(). */
int options_parse(int argc, char **argv, const char *usage, Task *task, guint64 *given);

/* The first of those given that a command with these bits does not take, without its dashes; or NULL. */
const char *options_misfit(guint64 given, unsigned takes);

/* Behind what complain() said; returns EX_USAGE. */
int options_try_help(void);
