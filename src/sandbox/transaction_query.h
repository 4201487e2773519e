/* The parameters of a request to Customers Mail Cloud's Transactional Email API, as a form or as JSON, checked. Used by
 * transaction.c on the server's thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/exchange.h"
#include "sandbox/problem.h"

/* What a call takes; the first `required` names must be there. */
typedef struct {
    unsigned required;
    const char *names[16];      /* ends with NULL */
    const char *statuses[14];   /* that "status" may be, ends with NULL */
    bool daily;                 /* may be asked for about once a day */
} TransactionSpec;

typedef struct {
    GHashTable *values;         /* name -> value; NULL: the body is neither form nor JSON. Its own */
    gint64 first_day, last_day; /* since 1970, in Japan: of date, or of start_date and end_date */
    guint64 hour, minute;       /* G_MAXUINT64: any */
    guint64 page, rows;
    gint64 month;               /* year * 12 + month - 1 */
    guint64 at;                 /* counts rows that fit */
} TransactionQuery;

void transaction_query_read(TransactionQuery *self, const Exchange *exchange, const TransactionSpec *spec,
                            Problems *problems);
void transaction_query_clear(TransactionQuery *self);

/* A parameter, NULL if it isn't there. */
const char *transaction_query_get(const TransactionQuery *self, const char *name);

/* True if text holds the parameter, or that isn't there. text NULL is "". */
bool transaction_query_has_part(const TransactionQuery *self, const char *name, const char *text);

/* True if the time is on one of the days, in the hour and the minute asked for. */
bool transaction_query_has_time(const TransactionQuery *self, gint64 time_us);

/* Counts a row that fits; true if it is on the page. */
bool transaction_query_page(TransactionQuery *self);

/* Days since 1970 in Japan, and when such a day begins. */
gint64 transaction_day(gint64 time_us);
gint64 transaction_day_begin(gint64 day);
