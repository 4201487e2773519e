/* What the deliveries of a relay share: settings and what belongs to them. A reload makes another world; deliveries
 * keep the one they began in. Loop thread, but for looking at it: a worker's delivery has a reference. */
#pragma once

#include "http/client.h"
#include "io/worker.h"
#include "relay/settings.h"
#include "relay/throttle.h"
#include "relay/token.h"

#include <uv.h>

typedef struct {
    guint refs;
    uv_loop_t *loop;
    RelaySettings *settings;
    HttpClient *http;      /* NULL: closed, or nothing is sent */
    WorkLane *lane;        /* for the preparation of small mails; borrowed */
    GHashTable *throttles; /* account's name -> Throttle */
    GHashTable *tokens;    /* account's name -> Token, for those that need one */
    bool (*is_wanted)(void *user); /* with that of delivery_start(): whether to begin to send it; NULL: always */
} DeliveryWorld;

/* Without anything but settings, of which it takes a reference: nothing can be sent. */
DeliveryWorld *world_new(RelaySettings *settings);

/* Makes it work. before, or NULL: the world whose throttles go on, for accounts of the same names. */
void world_open(DeliveryWorld *self, uv_loop_t *loop, const DeliveryWorld *before);

DeliveryWorld *world_ref(DeliveryWorld *self);

/* The last one closes everything; the loop must run on until its handles are closed. */
void world_unref(DeliveryWorld *self);

/* Ends the HTTP client now; nobody may wait for anything. */
void world_close(DeliveryWorld *self);
