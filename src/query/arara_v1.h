/* Arara Message API v1, one-click unsubscribes: XML in, XML out, the password in each request. */
#pragma once

#include "query/driver.h"

extern const QueryDriver query_arara_v1;
