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

/* Does what comes before the first call, and no more: who gets what through which account. Blocks; for explaining.
 * Only delivery_error(), delivery_shares() and delivery_free() may follow. */
Delivery *delivery_prepare(const DeliveryWorld *world, Entry *entry);
const GError *delivery_error(const Delivery *self);     /* the mail as a whole is refused; or NULL */
const GPtrArray *delivery_shares(const Delivery *self); /* of Share */

/* Ends it now with what is known; calls done. */
void delivery_abort(Delivery *self);

/* is_wanted has become false: if no call has begun, ends it now; calls done. */
void delivery_unwanted(Delivery *self);

/* After done, or delivery_prepare(). */
void delivery_free(Delivery *self);
