/* Customers Mail Cloud's event webhook: posts what becomes of mail as it happens, on a thread of its own, until it is taken
 * (api/customers-mail-cloud, "Event webhook"). It reads the ledger while the server's thread does not hold its lock. */
#pragma once

#include "sandbox/fate.h"
#include "sandbox/ledger.h"
#include "sandbox/options.h"

typedef struct {
    guint64 posts;              /* requests made */
    guint64 failures;           /* of them not answered with 2xx */
    guint64 events;             /* rows that were taken */
} WebhookCounts;

typedef struct Webhook Webhook;

/* Begins to post; all are borrowed until webhook_stop(). NULL without a URL in options: then the others do nothing. */
Webhook *webhook_start(const Options *options, const Ledger *ledger, const Timing *timing);

/* Ends the thread, in the midst of a request if need be, and frees it. */
void webhook_stop(Webhook *self);

/* The server's thread uses the ledger only between these two. */
void webhook_lock(Webhook *self);
void webhook_unlock(Webhook *self);

/* Between them. */
WebhookCounts webhook_counts(const Webhook *self);
