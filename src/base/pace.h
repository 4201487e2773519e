/* Log lines of a kind that may come by the thousand: one, and after a minute the next. Zero at first. One thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    gint64 told_ms; /* 0: never */
    guint64 others; /* since then */
} Pace;

/* Whether a line is due at now_ms; then others is how many have been left out since the last. */
bool pace_allows(Pace *self, gint64 now_ms, guint64 *others);
