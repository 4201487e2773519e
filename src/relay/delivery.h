/* One mail on its way out: who gets it; its recipients shared out among accounts, each share translated and sent; what
 * failed for the moment tried through the accounts' fallbacks, what failed because of other recipients of a call without
 * them. Owns its entry, which others may read, and write where
 * it says so. Loop thread. */
#pragma once

#include "mail/reply.h"
#include "relay/share.h"

typedef struct Delivery Delivery;

typedef struct {
    /* After delivery_expand(): the recipients are final, or there is an error. */
    void (*expanded)(Delivery *self, void *user);

    /* While it is sent: the recipients are final, and the entry may be stored from now on. NULL: nobody asks. */
    void (*prepared)(Delivery *self, void *user);

    /* Other calls are to be made for who is open in the entry, perhaps through other accounts. False: not now, but at delivery_go_on(). NULL: at
     * once. */
    bool (*switches)(Delivery *self, void *user);

    /* A call was delivered while others are left: delivery_progress() would tell of it. NULL: nobody asks. */
    void (*delivered)(Delivery *self, void *user);

    /* All that can be done now is done. The delivery may be freed in here. */
    void (*done)(Delivery *self, void *user);
} DeliveryOps;

/* Takes entry, and a reference to world. ops is borrowed for ever. Nothing is called before what starts it has
 * returned. */
Delivery *delivery_new(DeliveryWorld *world, Entry *entry, const DeliveryOps *ops, void *user);

/* Makes the recipients final: aliases, and for `sendmail -t` the header. */
void delivery_expand(Delivery *self);

/* Tries all recipients that are open, those that were tried before as they were. */
void delivery_send(Delivery *self);

/* After `switches` was false. */
void delivery_go_on(Delivery *self);

/* Why nothing can be done with the mail as a whole; or NULL. */
const GError *delivery_error(const Delivery *self);

/* The entry learns what is known by now, while calls are on their way: what is certain, and who may get the mail by
 * which call. Only after `prepared`. */
void delivery_note(Delivery *self);

/* The entry, of which nothing is being written, learns who was delivered since the last time; their places, of guint.
 * Caller unrefs. */
GArray *delivery_progress(Delivery *self);

/* Calls that waited for what is durable now may begin; done may come in here. */
void delivery_resume(Delivery *self);

/* After `done`: the entry learns what has become of those who are open in it. */
void delivery_results(Delivery *self);

/* Who tried, parallel to the entry's outcomes; or NULL. */
const GArray *delivery_services(const Delivery *self);

/* Does what comes before the first call, and no more: who gets what through which account. Blocks; for explaining.
 * Only delivery_error(), delivery_shares() and delivery_free() may follow. */
Delivery *delivery_prepare(DeliveryWorld *world, Entry *entry);
const GPtrArray *delivery_shares(const Delivery *self); /* of Share */

/* True: a call was made, or may be any moment. */
bool delivery_begun(const Delivery *self);

/* Ends it now with what is known; calls done. False: nothing is known, as a worker has it; done does not come. */
bool delivery_abort(Delivery *self);

/* is_wanted has become false: if no call has begun, ends it now; calls done. */
void delivery_unwanted(Delivery *self);

/* Any time. */
void delivery_free(Delivery *self);
