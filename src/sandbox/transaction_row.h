/* How Customers Mail Cloud tells a change of status, in its lists and its events alike (api/customers-mail-cloud, section 7).
 * Used by transaction.c on the server's thread and by webhook.c on its own. Pure. */
#pragma once

#include "sandbox/fate.h"
#include "sandbox/json.h"
#include "sandbox/ledger.h"

/* A row of deliveries; the caller frees it. */
cJSON *transaction_delivery(const LedgerRow *row, guint place, const Fate *fate);

/* A row of bounces, of FATE_FAILED; the caller frees it. */
cJSON *transaction_bounce(const LedgerRow *row, guint place, const Fate *fate);

/* The time in Japan as yyyy-mm-dd hh:mm:ss, which the caller frees. */
char *transaction_time_text(gint64 time_us);
