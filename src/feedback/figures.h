/* What the feedback counts since the start, for whoever watches the daemon. Loop thread. */
#pragma once

#include "base/meter.h"

extern Meter *const feedback_figures[]; /* NULL-terminated */

/* Events of a kind ("bounced", …); addresses suppressed; notices to senders, and those that were given up; questions to the API by what came of them
 * ("well", "failed"). */
void figures_event(const char *account, const char *kind);
void figures_suppressed(const char *account, const char *kind);
void figures_told(const char *account);
void figures_lost(const char *account);
void figures_asked(const char *account, const char *result);
