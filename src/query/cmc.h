/* HENNGE Customers Mail Cloud: what became of mails, by day, and who does not want them. */
#pragma once

#include "query/driver.h"

extern const QueryDriver query_cmc;

/* How the rows of an event ("deliveries", "bounces", "blocks") are read: a call that is never made; NULL: no such
 * event. */
const QueryCall *cmc_event_call(const char *type);

/* The account's server-composition; NULL: it has none, or another API. */
const char *cmc_composition(const QueryAccount *account);
