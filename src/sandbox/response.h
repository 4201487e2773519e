/* The HTTP response of an answer, whole or as a fault wants it. Used by server.c on the server's thread. */
#pragma once

#include <microhttpd.h>

#include "sandbox/delay.h"
#include "sandbox/exchange.h"

/* Takes the answer's body; NULL if its file cannot be read. The caller destroys it. */
struct MHD_Response *response_make(Delays *delays, struct MHD_Connection *connection, Exchange *exchange);
