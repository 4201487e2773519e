/* One HTTP request and its answer, and the table row that serves it. server.c drives the
 * rows' functions; every API that the sandbox plays brings tables of its own. All of it
 * runs on the server's one thread, which holds the webhook's lock meanwhile. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/box.h"
#include "sandbox/crowd.h"
#include "sandbox/daily.h"
#include "sandbox/fault.h"
#include "sandbox/feedback.h"
#include "sandbox/json.h"
#include "sandbox/ledger.h"
#include "sandbox/options.h"
#include "sandbox/webhook.h"

typedef struct Arara Arara;     /* see arara.h */
typedef struct Blast Blast;     /* see blast.h */

/* What all requests share. */
typedef struct {
    const Options *options;
    Box *box;
    Faults *faults;
    Crowd *crowd;               /* users of Emails */
    Daily *daily;               /* of the Transactional Email API */
    Arara *arara;
    Blast *blast;
    Ledger *ledger;
    Feedback *feedback;
    Webhook *webhook;           /* NULL: none is asked for */
    guint64 queries;            /* requests that are neither of calls nor of lookups nor of logins */
    guint64 calls;              /* API requests begun, without logins and those for Deliveries */
    guint64 lookups;            /* requests for Deliveries */
    guint64 logins;             /* tokens issued */
    guint64 accepted;           /* of them answered with success */
    guint64 refused;            /* of them answered with errors of the API */
} Sandbox;

typedef struct {
    unsigned status;
    const char *type;           /* static */
    GString *body;
    char *file;                 /* sent instead of body when set */
    bool accepted;              /* mail was taken, or a token given */
    bool prompt;                /* sent without the latency */
} Answer;

typedef struct Endpoint Endpoint;

typedef struct {
    Sandbox *sandbox;
    const Endpoint *endpoint;
    char *path;
    const char *rest;           /* what the endpoint's "*" stands for */
    char *content_type;         /* as sent, or NULL */
    char *authorization;        /* as sent, or NULL */
    GHashTable *arguments;      /* of the URL's query: name -> value */
    guint64 call;               /* number of the API request, 0 for logins and the sandbox's own pages */
    Fault fault;
    guint64 received_bytes;
    gint64 began_us;
    Answer answer;
    void *state;                /* of the endpoint */
    GString *note;              /* " key=value" pairs for the log line */
} Exchange;

/* open comes with the headers, feed with each piece of the body, answer after its end. close
 * comes exactly once after open, right before the answer leaves or when the client has
 * gone, and frees state. open, feed and close may be NULL. */
struct Endpoint {
    const char *method;
    const char *path;           /* a last "*" matches any rest */
    Api api;                    /* 0: a page of the sandbox, which has no latency and no faults */
    void (*open)(Exchange *exchange);
    void (*feed)(Exchange *exchange, const char *bytes, size_t n);
    void (*answer)(Exchange *exchange);
    void (*close)(Exchange *exchange);
};

/* Sets status, type and body at once; takes body, which may be NULL. */
void answer_take(Answer *self, unsigned status, const char *type, GString *body);

/* The same with a copy of text. */
void answer_text(Answer *self, unsigned status, const char *type, const char *text);

/* The same with application/json; takes json. */
void answer_json(Answer *self, unsigned status, cJSON *json);
