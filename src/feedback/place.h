/* A place among an account's calls (relay/throttle.h) for one that asks instead of sending: an API that serves one call
 * at a time is never asked beside a mail. Mails come first, but leave every fourth turn. Loop thread. */
#pragma once

#include "relay/throttle.h"

typedef struct Place {
    void (*got)(struct Place *self);
    void (*refused)(struct Place *self); /* the account is paused */
    Ticket ticket; /* the rest is this file's */
    Throttle *throttle;
    bool taken;
} Place;

/* Of the account whose calls throttle counts; takes a reference. */
void place_init(Place *self, Throttle *throttle);

/* got() or refused() comes once, maybe before this returns, unless place_leave() is called first. */
void place_enter(Place *self);

/* Gives the place back, or waits for none any more; nothing happens if neither is its state. */
void place_leave(Place *self);

/* Leaves, and gives the reference back. */
void place_clear(Place *self);
