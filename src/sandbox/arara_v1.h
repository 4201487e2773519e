/* Arara Message v1: one-click unsubscribes in XML. */
#pragma once

#include "sandbox/exchange.h"

/* Ends with a NULL method. */
extern const Endpoint arara_v1_endpoints[];
