#include "relay/hold.h"

static bool
can_hold(const Provider *account, gint64 for_ms)
{
    for (const Provider *one = account; one; one = one->fallback)
        if (for_ms > one->driver->hold_s * 1000 - HOLD_SLACK_MS)
            return false;
    return true;
}

bool
hold_is_for_api(const RelaySettings *settings, const Envelope *envelope, gint64 now_ms)
{
    gint64 for_ms = envelope->hold_until_ms - now_ms;
    const Provider *chosen = envelope->account ? relay_settings_account(settings, envelope->account) : NULL;
    bool can = can_hold(chosen ? chosen : settings->account, for_ms);

    if (for_ms < HOLD_LEAST_MS)
        return false;
    for (guint i = 0; !chosen && can && i < settings->routes->len; i++)
        can = can_hold(((const Route *) settings->routes->pdata[i])->account, for_ms);
    return can;
}

gint64
hold_send_at(gint64 hold_until_ms, gint64 now_ms)
{
    return hold_until_ms > now_ms ? MAX(hold_until_ms, now_ms + HOLD_AHEAD_MS) : 0;
}
