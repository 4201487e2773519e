/* BlastMail: the history of deliveries to groups. */
#pragma once

#include "query/driver.h"

extern const QueryDriver query_blastmail;
