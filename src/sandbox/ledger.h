/* What was accepted, a short row per call, whether messages are kept or not: by it tests find what came twice or never,
 * and Deliveries/list answers. Used on the server's thread alone. */
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
    char **to;                  /* all recipients */
} LedgerRow;

typedef struct Ledger Ledger;

Ledger *ledger_new(void);
void ledger_free(Ledger *self);

/* request_id: Arara's; NULL: the letter's X-Api-Data stands for it. id may be NULL. */
void ledger_add(Ledger *self, const Letter *letter, guint64 call, const char *id, const char *request_id);

/* Forgets all rows. */
void ledger_empty(Ledger *self);

/* Of const LedgerRow, oldest first. */
const GPtrArray *ledger_rows(const Ledger *self);

/* Up to max rows (0: all) whose number is above after, as a JSON object on a line each; the caller frees it. */
GString *ledger_list(const Ledger *self, guint64 after, guint64 max);
