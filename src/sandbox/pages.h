/* The sandbox's own pages: what arrived, how it is, and faults on order. */
#pragma once

#include "sandbox/exchange.h"

/* Ends with a NULL method. */
extern const Endpoint pages_endpoints[];
