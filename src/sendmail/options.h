/* sendmail's command line. One table lists every option that callers are known to pass, honoured or ignored
 * on purpose; see sendmail(8). None makes sendmail write a file, and only -C names one to be read. */
#pragma once

#include "sendmail/address.h"

#include <stdbool.h>

typedef enum {
    MODE_SEND,
    MODE_SMTP,              /* -bs */
    MODE_PRINT_QUEUE,       /* -bp, mailq */
    MODE_COUNT_QUEUE,       /* -bP */
    MODE_RUN_QUEUE,         /* -q, runq */
    MODE_VERIFY,            /* -bv */
    MODE_ROUTE,             /* -bt */
    MODE_ALIASES,           /* -bi, newaliases */
    MODE_NOTHING,           /* succeed: -bh … */
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
    bool no_aliases;        /* -n */
    bool run_queue;         /* -q */
    bool interval;          /* -q15m */
    const char *run_key;    /* "ID", "TO" or "FROM" of the mails to run, or NULL */
    const char *run_value;
    const char *sender;     /* -f; NULL: not given */
    const char *full_name;  /* -F; NULL: not given */
    const char *body;       /* "7BIT", "8BITMIME" or NULL */
    const char *delivery;   /* "verdict", "queue", "later" or NULL */
    char errors;            /* -oe: one of m w p q e; 0: not given */
    const char *hops;       /* -h; digits, or NULL */
    const char *tag;        /* -L; NULL: not given */
    const char *via;        /* -p; NULL: not given */
    const char *account;    /* --account; NULL: not given */
    const char *file;       /* -C; NULL: not given */
    const char *envid, *notify, *ret; /* -V, -N, -R; valid parameter values or NULL */
    const char *const *addresses;     /* the words after the options, each a list for address_next() */
    int n_addresses;
    bool wants_mail;        /* something was said that only makes sense for a mail */
    char sender_path[ADDRESS_BYTES];  /* sender without name and brackets, "" for the null sender */
} Options;

/* Reads a whole command line, program name included. EX_OK, or the exit status after having complained. */
int options_parse(Options *self, int argc, const char *const argv[]);
