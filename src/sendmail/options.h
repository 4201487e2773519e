/* sendmail's command line. One table lists every option that callers are known to pass, honoured or ignored
 * on purpose; see sendmail(8). No option ever selects, opens or creates a file. */
#pragma once

#include "sendmail/address.h"

#include <stdbool.h>

typedef enum {
    MODE_SEND,
    MODE_SMTP,              /* -bs */
    MODE_PRINT_QUEUE,       /* -bp, mailq */
    MODE_COUNT_QUEUE,       /* -bP */
    MODE_NOTHING,           /* succeed: -bi, newaliases, -q, -bh … */
    MODE_DAEMON,            /* -bd */
    MODE_DAEMON_FOREGROUND, /* -bD */
    MODE_CHECK,             /* -bC */
    MODE_VERSION,
    MODE_HELP,
} Mode;

typedef struct {
    Mode mode;
    bool from_headers;      /* -t */
    bool dots_are_data;     /* -i */
    bool gateway;           /* -G */
    bool utf8;              /* -U, or an address needs it */
    bool verbose, debug;    /* -v, -d */
    bool run_queue;         /* -q */
    const char *sender;     /* -f; NULL: not given */
    const char *full_name;  /* -F; NULL: not given */
    const char *body;       /* "7BIT", "8BITMIME" or NULL */
    const char *envid, *notify, *ret; /* -V, -N, -R; valid parameter values or NULL */
    const char *const *addresses;     /* the words after the options, each a list for address_next() */
    int n_addresses;
    bool wants_mail;        /* something was said that only makes sense for a mail */
    char sender_path[ADDRESS_BYTES];  /* sender without name and brackets, "" for the null sender */
} Options;

/* Reads a whole command line, program name included. EX_OK, or the exit status after having complained. */
int options_parse(Options *self, int argc, const char *const argv[]);
