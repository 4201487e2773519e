/* Arara Message v2: sending, cancelling and looking up deliveries. What it keeps between
 * requests belongs to the server's thread. */
#pragma once

#include "sandbox/exchange.h"
#include "sandbox/tokens.h"

/* Ends with a NULL method. */
extern const Endpoint arara_endpoints[];

Arara *arara_new(const Options *options);
void arara_free(Arara *self);

Tokens *arara_tokens(const Arara *self);

/* The most requests that any client had at a time. */
unsigned arara_peak(const Arara *self);

/* The HTTP status that the error ordered by a fault has where it is not one of a delivery. */
unsigned arara_error_status(const Exchange *exchange);
