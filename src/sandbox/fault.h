/* Misbehaviour on order: which of the next API requests go wrong, and how. Ordered by --fault
 * and POST /fault, asked by server.c. Used on the server's thread alone, after start-up. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What a request belongs to; 0 stands for the sandbox's own pages. */
typedef enum { API_EMAILS = 1, API_ARARA = 2, API_ARARA_LOGIN = 4, API_DELIVERIES = 8, API_QUERY = 16 } Api;

typedef enum {
    FAULT_NONE,
    FAULT_CLOSE_BEFORE,         /* close without reading the body */
    FAULT_CLOSE_AFTER,          /* accept, then close without an answer */
    FAULT_RESET,                /* read all, accept nothing, reset the connection */
    FAULT_TRUNCATE,             /* accept, then an answer shorter than announced */
    FAULT_CUT,                  /* accept, then half of the answer as if it were all */
    FAULT_DRIP,                 /* accept, then answer byte by byte */
    FAULT_DELAY,                /* accept, answer late */
    FAULT_STATUS,               /* this HTTP status, nothing accepted */
    FAULT_HTML,                 /* 200 and a page, nothing accepted */
    FAULT_ERROR,                /* an error of the API, nothing accepted */
} FaultKind;

typedef struct {
    FaultKind kind;
    unsigned delay_ms;          /* of the answer, or of each of its bytes */
    unsigned status;
    enum { RETRY_NONE, RETRY_SECONDS, RETRY_DATE } retry;
    unsigned retry_after_s;     /* in that header's field */
    const char *error;          /* its code, static */
} Fault;

typedef struct Faults Faults;

Faults *faults_new(void);
void faults_free(Faults *self);

/* Adds KIND[@PATH][:N|:first N|:every N|:down MS of MS], see shimta-sandbox(1). Of several that are for a request,
 * the first that is due applies. */
bool faults_add(Faults *self, const char *text, GError **error);

/* Drops all orders. */
void faults_clear(Faults *self);

/* What this API request gets; counts it. */
Fault faults_next(Faults *self, Api api, const char *path);

/* The kind's name as ordered, for the log. */
const char *fault_name(FaultKind kind);
