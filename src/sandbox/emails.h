/* Emails/send and Emails/bulk of Customers Mail Cloud. */
#pragma once

#include "sandbox/exchange.h"

/* Ends with a NULL method. */
extern const Endpoint emails_endpoints[];
