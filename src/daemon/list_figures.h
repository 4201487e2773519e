/* How long the list of suppressed addresses is, and how many notices are owed, for whoever watches the daemon. */
#pragma once

#include <glib.h>

/* Appends the gauges; folder has feedback.db, which need not be there. Blocks: on a worker. */
void list_figures(const char *folder, gint64 now_ms, GString *out);
