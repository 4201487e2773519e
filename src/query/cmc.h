/* HENNGE Customers Mail Cloud: what became of mails, by day, and who does not want them. */
#pragma once

#include "query/driver.h"

extern const QueryDriver query_cmc;
