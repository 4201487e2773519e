/* Arara Message v2: sending deliveries (arara.c), and what its other calls share (arara_gate.c): who asks, how many at a
 * time, and the common shapes of answers. What it keeps between requests belongs to the server's thread. */
#pragma once

#include "sandbox/deliveries.h"
#include "sandbox/exchange.h"
#include "sandbox/json_body.h"
#include "sandbox/signing.h"
#include "sandbox/tokens.h"

/* The state of an exchange that arara_open() began. */
typedef struct {
    char *client;               /* counted in */
    bool unauthorized;
    bool crowded;
    JsonBody *body;             /* NULL: nothing of it is read */
    gint64 now_us;              /* set at the gate */
} AraraCall;

/* Each ends with a NULL method. */
extern const Endpoint arara_endpoints[];
extern const Endpoint arara_status_endpoints[];
extern const Endpoint arara_filter_endpoints[];
extern const Endpoint arara_unsubscribe_endpoints[];
extern const Endpoint arara_domain_endpoints[];
extern const Endpoint arara_plan_endpoints[];

Arara *arara_new(const Options *options);
void arara_free(Arara *self);

Tokens *arara_tokens(const Arara *self);
Deliveries *arara_deliveries(const Arara *self);
Signing *arara_signing(const Arara *self);

/* The most requests that any client had at a time. */
unsigned arara_peak(const Arara *self);

/* The limit counts a client's requests from their head on. arara_query_open() reads a small JSON body as well. */
void arara_open(Exchange *exchange);
void arara_query_open(Exchange *exchange);
void arara_feed(Exchange *exchange, const char *bytes, size_t n);
void arara_close(Exchange *exchange);

/* What comes before any look at the request; true if that was all. The second one answers ordered errors, too. */
bool arara_answer_at_gate(Exchange *exchange);
bool arara_answer_at_query_gate(Exchange *exchange);

/* A failure of the request as a whole. */
void arara_answer_message(Exchange *exchange, unsigned status, const char *message);

/* The error ordered by a fault, and the HTTP status it has where it is not one of a delivery. */
void arara_answer_fault(Exchange *exchange);
unsigned arara_error_status(const Exchange *exchange);

bool arara_is_json(const Exchange *exchange);

/* The body; NULL and the refusal answered if it is none. The caller frees it. */
cJSON *arara_read_json(Exchange *exchange);

/* {"items": items, "count": n}; takes items. */
void arara_answer_items(Exchange *exchange, cJSON *items);

/* A time as Arara writes it, in Japan; the caller frees it. */
char *arara_time_text(gint64 time_us);
