/* POST /oauth2/token of Arara Message v2: a client's id and secret for a token. */
#pragma once

#include "sandbox/exchange.h"

/* Ends with a NULL method. */
extern const Endpoint arara_token_endpoints[];
