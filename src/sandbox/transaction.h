/* What of Customers Mail Cloud's Transactional Email API the sandbox plays: Deliveries/list. */
#pragma once

#include "sandbox/exchange.h"

extern const Endpoint transaction_endpoints[];
