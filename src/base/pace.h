/* Lines of a kind that may come by the thousand: one, or some, and after a minute the next. Zero at first. One thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    gint64 told_ms; /* 0: never */
    guint64 others; /* since then */
} Pace;

typedef struct {
    gint64 since_ms; /* 0: never */
    guint n;
} PaceMinute;

/* Whether a line is due at now_ms; then others is how many have been left out since the last. */
bool pace_allows(Pace *self, gint64 now_ms, guint64 *others);

/* Whether another one is: at most max from the first of them on for a minute. */
bool pace_has_room(PaceMinute *self, gint64 now_ms, guint max);
