/* The times of the APIs: Japan's, where they say none. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define QUERY_DAY_MS (24 * 3600 * G_GINT64_CONSTANT(1000))

/* Understands RFC 3339 with or without seconds and offset, RFC 2822, "2021/05/01 16:34", "20250207T09:30:00",
 * "20250207", also with "-" between date and time. Milliseconds since the epoch. */
bool query_time_parse(const char *text, gint64 *ms);

/* By strftime(3)'s letters as g_date_time_format() has them, in Japan's time. Caller frees. */
char *query_time_format(gint64 ms, const char *format);

/* The start of the day in Japan that ms lies in. */
gint64 query_time_day(gint64 ms);
