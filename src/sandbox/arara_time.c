#include "sandbox/arara_time.h"

#include <string.h>

enum { OFFSET_HOURS = 14 };

/* "0" in the pattern stands for a digit, all else for itself; "+" for a minus as well. */
static bool
has_form(const char *text, const char *pattern)
{
    if (strlen(text) != strlen(pattern))
        return false;
    for (; *text; text++, pattern++)
        if (*pattern == '0' ? !g_ascii_isdigit(*text)
                            : *text != *pattern && !(*pattern == '+' && *text == '-'))
            return false;
    return true;
}

static int
two_digits(const char *text)
{
    return (text[0] - '0') * 10 + (text[1] - '0');
}

static bool
is_clock(const char *text)
{
    return two_digits(text) < 24 && two_digits(text + 3) < 60;
}

static bool
is_offset(const char *text)
{
    int hours = two_digits(text + 1);
    int minutes = two_digits(text + 4);

    return minutes < 60 && hours * 60 + minutes <= OFFSET_HOURS * 60;
}

bool
arara_is_time_of_day(const char *text)
{
    return has_form(text, "00:00+00:00") && is_clock(text) && is_offset(text + 5);
}

bool
arara_time_read(const char *text, gint64 *time_us)
{
    if (!has_form(text, "0000-00-00T00:00+00:00") || !is_clock(text + 11) || !is_offset(text + 16))
        return false;
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(text + 16);
    g_autoptr(GDateTime) time = NULL;
    if (zone)
        time = g_date_time_new(zone, two_digits(text) * 100 + two_digits(text + 2), two_digits(text + 5),
                               two_digits(text + 8), two_digits(text + 11), two_digits(text + 14), 0);
    if (time)
        *time_us = g_date_time_to_unix(time) * G_USEC_PER_SEC;
    return time != NULL;
}
