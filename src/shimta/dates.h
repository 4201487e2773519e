/* Days and periods as people write them. All in Japan's time, as the APIs count days. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* [since, until), in milliseconds since the epoch. */
typedef struct {
    gint64 since_ms, until_ms;
} Period;

/* "today", "yesterday", "this month", "last month", "last 7 days" (today is the last of them), "last 12 hours",
 * "2026-11-01", "2026/11/1", "2026-11", and from one to another: "2026-11-01..2026-11-07", whose last day belongs to it,
 * "2026-11-01.." until the end of today, "2026-11-01 09:00..12:30", "2026-11-01T09:00..2026-11-02". */
bool dates_period(const char *text, gint64 now_ms, Period *period);

/* "2026-11", "2026/11", "this month", "last month". */
bool dates_month(const char *text, gint64 now_ms, Period *period);

/* "2026-11-01" of what dates_period() takes for one day, and of "tomorrow". Caller frees; NULL: it is none. */
char *dates_day(const char *text, gint64 now_ms);
