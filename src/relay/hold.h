/* Mail that is not to go yet (FUTURERELEASE, RFC 4865): whether an API keeps it, or the queue. Pure. */
#pragma once

#include "relay/settings.h"

enum {
    HOLD_LEAST_MS = 5 * 60 * 1000, /* what goes sooner is not worth an API's clock */
    HOLD_AHEAD_MS = 60 * 1000,     /* of a time that an API is told: it must not be past when it arrives */
    HOLD_SLACK_MS = 60 * 60 * 1000, /* below the longest time that an API takes: clocks differ */
};

/* Whether the mail goes to an API at once, which keeps it until then: every account can that it may go through, the
 * retries included. Its recipients need not be known. */
bool hold_is_for_api(const RelaySettings *settings, const Envelope *envelope, gint64 now_ms);

/* The time an API is told; 0: none. */
gint64 hold_send_at(gint64 hold_until_ms, gint64 now_ms);
