#include "base/clock.h"

#include <stdatomic.h>

static _Atomic gint64 clock_frozen = -1;
static _Atomic gint64 clock_skipped;

gint64
clock_now(void)
{
    gint64 frozen = atomic_load_explicit(&clock_frozen, memory_order_relaxed);

    return frozen >= 0 ? frozen : g_get_real_time() / 1000;
}

gint64
clock_monotonic(void)
{
    return g_get_monotonic_time() / 1000 + atomic_load_explicit(&clock_skipped, memory_order_relaxed);
}

gint64
clock_monotonic_us(void)
{
    return g_get_monotonic_time();
}

void
clock_freeze(gint64 ms)
{
    atomic_store_explicit(&clock_frozen, ms, memory_order_relaxed);
}

void
clock_skip(gint64 ms)
{
    atomic_fetch_add_explicit(&clock_skipped, ms, memory_order_relaxed);
}
