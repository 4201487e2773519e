/* Arara Message API v2: everything but sending. */
#pragma once

#include "query/driver.h"

extern const QueryDriver query_arara;
