/* How long the list of suppressed addresses is, for whoever watches the daemon. */
#pragma once

#include <glib.h>

/* Appends the gauge, by kind and source; folder has feedback.db, which need not be there. Blocks: on a worker. */
void list_figures(const char *folder, gint64 now_ms, GString *out);
