/* Times as Arara writes them. Used by arara.c and arara_letter.c. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* yyyy-mm-ddThh:mm and an offset such as +09:00, to microseconds since the epoch; false for any
 * other form and for days that don't exist. */
bool arara_time_read(const char *text, gint64 *time_us);

/* True for hh:mm+09:00, 00:00 to 23:59, with any offset. */
bool arara_is_time_of_day(const char *text);
