/* Makes a decision durable: the row of an entry and the notices to its sender, all in one transaction. Loop thread; the
 * notices are written on a worker. */
#pragma once

#include "relay/runner.h"
#include "relay/settle.h"

typedef struct Booking Booking;

typedef struct {
    Relay *relay;
    const Entry *entry; /* with the settlement applied; only read, and must live until done */
    Settlement *settlement; /* likewise; told is set before done */
    bool leased;        /* the entry is worked on at once, or still */
} BookingJob;

/* error NULL: it is durable; without a store the notices are on their way. Comes once, never before booking_start()
 * has returned. */
typedef void (*BookingDone)(void *user, const GError *error);

/* For an entry that is stored already it is tried until it works, or the relay is closing: what has been done to it
 * must not be done again. One that is not fails at once. */
Booking *booking_start(const BookingJob *job, BookingDone done, void *user);

/* Tries those again that did not work. over: for the last time, none is left. */
void booking_retry_all(Relay *relay, bool over);
