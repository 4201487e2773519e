/* What was accepted, a short row per call, whether messages are kept or not: by it tests find what came twice or never,
 * and all that tells results answers. The oldest rows go when there are too many. Used on the server's thread alone. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/letter.h"

typedef struct {
    guint64 number;             /* from 1 on, never used again */
    guint64 call;               /* of the API request */
    gint64 time_us;             /* when it was accepted, by the wall clock */
    const char *api;            /* "emails" or "arara" */
    char *id;                   /* the API's; NULL: each message has one of its own */
    char *tag;                  /* X-Api-Data or request_id; NULL: none */
    char *message_id;           /* the client's, as X-Original-Message-ID tells it; NULL: none */
    char *from;
    char *envelope_from;
    char *subject;
    char **to;                  /* all recipients: To, then Cc, then Bcc */
    guint recipients;
    guint tos, ccs;             /* how many of them are of To and of Cc */
    guint8 *roles;              /* a Role of each */
    char **unsubscribe_urls;    /* of each that unsubscribes and has one; NULL: of none */
    gint64 due_us;              /* when it is sent: later than time_us for what Arara reserves */
    bool cancelled;
} LedgerRow;

typedef struct Ledger Ledger;

/* Keeps no more than max_rows. */
Ledger *ledger_new(guint max_rows);
void ledger_free(Ledger *self);

/* request_id: Arara's; NULL: the letter's X-Api-Data stands for it. id may be NULL. The row is due at once and may be
 * changed until the next one comes. */
LedgerRow *ledger_add(Ledger *self, const Letter *letter, guint64 call, const char *id, const char *request_id);

/* Forgets all rows. */
void ledger_empty(Ledger *self);

/* Of const LedgerRow, oldest first. */
const GPtrArray *ledger_rows(const Ledger *self);

/* A row by Arara's delivery id; NULL if it is gone. */
LedgerRow *ledger_by_id(const Ledger *self, const char *id);

/* The place in ledger_rows() of the first row whose number is above that. */
guint ledger_first_above(const Ledger *self, guint64 number);

/* The place in ledger_rows() of the first row that was accepted then or later. */
guint ledger_first_since(const Ledger *self, gint64 time_us);

/* Up to max rows (0: all) whose number is above after, as a JSON object on a line each; the caller frees it. */
GString *ledger_list(const Ledger *self, guint64 after, guint64 max);
