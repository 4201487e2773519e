#include "sandbox/fate.h"

#include <string.h>

#include "sandbox/role.h"

static const char *const words[] = {
    [FATE_QUEUED] = "queued", [FATE_DEFERRED] = "deferred", [FATE_SUCCEEDED] = "succeeded", [FATE_FAILED] = "failed",
};

unsigned
fate_steps(const Timing *timing, const LedgerRow *row, guint place, Fate steps[FATE_STEPS])
{
    Role role = (Role) row->roles[place];
    gint64 then_us = row->due_us + timing->event_us;
    unsigned n = 0;

    /* Customers Mail Cloud tells of those it stops, Arara drops them. */
    if (row->cancelled || role == ROLE_FILTERED || (role == ROLE_EXCLUDED && strcmp(row->api, "arara") == 0))
        return 0;
    steps[n++] = (Fate) { FATE_QUEUED, row->due_us, 0, "" };
    unsigned bounce_class = role_bounce_class(role, row->to[place]);
    if (bounce_class) {
        steps[n++] = (Fate) { FATE_FAILED, then_us, bounce_class, role_bounce_reason(bounce_class) };
    } else if (role == ROLE_SLOW) {
        steps[n++] = (Fate) { FATE_DEFERRED, then_us, 0, "451 4.7.1 Try again later" };
        steps[n++] = (Fate) { FATE_SUCCEEDED, then_us + timing->slow_us, 0, "" };
    } else {
        steps[n++] = (Fate) { FATE_SUCCEEDED, then_us, 0, "" };
    }
    return n;
}

bool
fate_at(const Timing *timing, const LedgerRow *row, guint place, gint64 now_us, Fate *fate)
{
    Fate steps[FATE_STEPS];
    unsigned n = fate_steps(timing, row, place, steps);

    for (; n > 0; n--)
        if (steps[n - 1].time_us <= now_us) {
            *fate = steps[n - 1];
            return true;
        }
    return false;
}

const char *
fate_word(FateKind kind)
{
    return words[kind];
}
