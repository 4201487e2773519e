/* One mail on its way out: its recipients shared out among accounts, each share translated and sent, and what failed
 * for the moment tried through the accounts' fallbacks; then settled. Loop thread. */
#pragma once

#include "mail/reply.h"
#include "relay/share.h"

typedef struct Delivery Delivery;

/* The mail is settled and logged. reply is what a client that waits is told; the delivery may be freed in here. */
typedef void (*DeliveryDone)(Delivery *delivery, const Reply *reply, void *user);

/* Takes entry. world is borrowed until delivery_free(). done comes exactly once, never
 * before this has returned. */
Delivery *delivery_start(const DeliveryWorld *world, Entry *entry, DeliveryDone done, void *user);

/* Ends it now with what is known; calls done. */
void delivery_abort(Delivery *self);

/* After done only. */
void delivery_free(Delivery *self);
