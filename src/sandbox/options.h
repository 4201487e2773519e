/* The command line of shimta-sandbox. Read once by main.c, constant afterwards. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *listen;               /* ADDRESS:PORT */
    char *folder;               /* NULL: a new one */
    char *user;                 /* NULL: any but the empty one */
    char *key;                  /* likewise */
    char *server_composition;   /* likewise, of Deliveries */
    char *client_id;            /* of Arara, as user and key */
    char *client_secret;
    char **dkim;                /* domains that From may have; NULL: any */
    char **faults;
    char *tls_cert;             /* PEM text; NULL: plain HTTP */
    char *tls_key;
    char *webhook;              /* where events are posted; NULL: nowhere */
    char *webhook_key;          /* NULL: none */
    guint64 size_limit_bytes;   /* of a message after base64 */
    unsigned latency_ms;
    unsigned connections;       /* requests of one user at a time */
    unsigned error_status;      /* HTTP status of errors */
    unsigned arara_connections; /* requests of one client at a time */
    unsigned arara_attachments; /* of one delivery */
    unsigned token_lifetime_s;
    unsigned too_many_status;   /* HTTP status of Too Many Requests */
    unsigned status_lag_ms;     /* how long a delivery can't be looked up */
    unsigned event_delay_ms;    /* from the sending of a mail to its result */
    unsigned slow_ms;           /* how much later that of slow-* is */
    unsigned ledger_rows;       /* the most that are kept */
    unsigned fill;              /* mails that are in the ledger from the start */
    unsigned daily_lists;       /* questions of a day for each list of the Transactional Email API; 0: any number */
    unsigned line_limit_bytes;  /* of a line of text or HTML; 0: none */
    bool keep_unknown_markers;
    bool no_store;
    bool quiet;
    bool exit_with_parent;
} Options;

/* Reads argv; prints and exits for --help and --version. Errors are of G_OPTION_ERROR or
 * G_FILE_ERROR and name the option. */
Options *options_read(int *argc, char ***argv, GError **error);

void options_free(Options *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Options, options_free)
