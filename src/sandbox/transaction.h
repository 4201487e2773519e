/* What of Customers Mail Cloud's Transactional Email API the sandbox plays: deliveries, bounces, statistics,
 * and unsubscribes. */
#pragma once

#include "sandbox/exchange.h"

extern const Endpoint transaction_endpoints[];
