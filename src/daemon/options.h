/* shimtad's command line. At start, on the main thread. */
#pragma once

#include "daemon/explain.h"

typedef struct {
    const char *config;
    bool check, stdio, verbose;
    ExplainJob explain; /* with a file: no daemon */
    int done; /* exit status, or -1 to go on */
} Options;

/* Borrows argv. Prints what -h, -V and a wrong line print. */
Options options_parse(int argc, char **argv);
