/* The two clocks. Wall time is for people and the queue, monotonic time for
 * deadlines: a step of the wall clock must not end a session. Any thread. */
#pragma once

#include <glib.h>

gint64 clock_now(void);       /* milliseconds since the epoch */
gint64 clock_monotonic(void); /* milliseconds since some start */
gint64 clock_monotonic_us(void);

/* Tests: wall time stands at ms until called with -1. */
void clock_freeze(gint64 ms);

/* Tests: clock_monotonic() is ms later from now on. */
void clock_skip(gint64 ms);
