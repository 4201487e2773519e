/* What may stand behind "shimta": one table of options, each with where it goes in a Task and who takes it. */
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
    TAKES_API = 1 << 6, /* whatever asks an API */
    TAKES_PERIOD = 1 << 7,
    TAKES_REQUEST_ID = 1 << 8,
    TAKES_RESULTS = 1 << 9,
    TAKES_FAILED = 1 << 10,
    TAKES_SENDER = 1 << 11,
    TAKES_OWN_URL = 1 << 12,
    TAKES_COUNT = 1 << 13,
    TAKES_REMOTE = 1 << 14,
    TAKES_DOMAIN = 1 << 15,
    TAKES_KEY = 1 << 16,
    TAKES_SEARCH = 1 << 17,
    TAKES_BODY = 1 << 18,
    TAKES_DAEMON = 1 << 26, /* no option: it asks the daemon all the same */
};

/* Reads them, all that are not options end up in task->args. Returns an exit status; -1: go on. usage is what --help
 * prints before the options; given: which were there, for options_misfit(). */
int options_parse(int argc, char **argv, const char *usage, Task *task, guint64 *given);

/* The first of those given that a command with these bits does not take, without its dashes; or NULL. */
const char *options_misfit(guint64 given, unsigned takes);

/* Frees what options_parse() made. */
void options_clear(Task *task);

/* Behind what complain() said; returns EX_USAGE. */
int options_try_help(void);
