/* One thing that is looked at: its line, and what to do. */
#pragma once

#include "daemon/settings.h"

typedef struct {
    bool json;
    guint failed;
} Check;

/* Prints a line. advice is for what failed; NULL: it is well. */
void check_say(Check *self, const char *what, const char *text, const char *advice);

/* What cannot be known from here: neither well nor wrong. */
void check_leave_open(Check *self, const char *what, const char *text);

/* A call to each account that makes no mail. */
void check_accounts(Check *self, const RelaySettings *settings);
