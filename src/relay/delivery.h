/* One mail on its way out: translated, split into calls, sent in turn, settled. Loop thread. */
#pragma once

#include "http/client.h"
#include "mail/reply.h"
#include "queue/entry.h"
#include "relay/settings.h"
#include "relay/throttle.h"
#include "relay/token.h"

#include <uv.h>

typedef struct Delivery Delivery;

/* What the deliveries of a relay share. The settings must outlive the loop's last run. */
typedef struct {
    uv_loop_t *loop;
    const RelaySettings *settings;
    HttpClient *http;
    GHashTable *throttles; /* Provider -> Throttle */
    GHashTable *tokens;    /* Provider -> Token, for those that need one */
} DeliveryWorld;

/* The mail is settled and logged. reply is what a client that waits is told; the delivery may be freed in here. */
typedef void (*DeliveryDone)(Delivery *delivery, const Reply *reply, void *user);

/* Takes entry. done comes exactly once, never before this has returned. */
Delivery *delivery_start(const DeliveryWorld *world, Entry *entry, DeliveryDone done, void *user);

/* Ends it now with what is known; calls done. */
void delivery_abort(Delivery *self);

/* After done only. */
void delivery_free(Delivery *self);
