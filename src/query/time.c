#include "query/time.h"

#include <string.h>

#define JAPAN_MS (9 * 3600 * G_GINT64_CONSTANT(1000))

enum { TIME_MAX_LENGTH = 64 };

/* n digits; false where there are others. */
static bool
take_digits(const char **at, int n, int *value)
{
    *value = 0;
    for (int i = 0; i < n; i++) {
        if (!g_ascii_isdigit((*at)[i]))
            return false;
        *value = *value * 10 + ((*at)[i] - '0');
    }
    *at += n;
    return true;
}

static bool
take_one(const char **at, const char *set)
{
    if (!**at || !strchr(set, **at))
        return false;
    (*at)++;
    return true;
}

/* "2026-11-01", "2026/11/1", "20261101". */
static bool
take_date(const char **at, int date[3])
{
    if (!take_digits(at, 4, &date[0]))
        return false;
    bool parted = take_one(at, "-/.");
    for (int i = 1; i < 3; i++) {
        if (parted && i == 2 && !take_one(at, "-/."))
            return false;
        if (take_digits(at, 2, &date[i]))
            continue;
        if (!parted || !take_digits(at, 1, &date[i]))
            return false;
    }
    return true;
}

/* "", or " 16:34", "T09:30:00", "T09:30:00.123". */
static bool
take_clock(const char **at, int clock[3])
{
    int unused;

    if (!**at || !take_one(at, " T-t"))
        return !**at;
    while (take_one(at, " "))
        ;
    if (!take_digits(at, 2, &clock[0]) && !take_digits(at, 1, &clock[0]))
        return false;
    if (!take_one(at, ":") || !take_digits(at, 2, &clock[1]))
        return false;
    if (take_one(at, ":") && !take_digits(at, 2, &clock[2]))
        return false;
    if (take_one(at, ".,")) {
        while (take_digits(at, 1, &unused))
            ;
    }
    return true;
}

/* "", "Z", "+09:00", " +0900", " JST": what must be taken off. */
static bool
take_offset(const char **at, gint64 *ms)
{
    int hours, minutes = 0;

    while (take_one(at, " "))
        ;
    *ms = JAPAN_MS;
    if (!**at)
        return true;
    if (g_str_equal(*at, "Z") || g_str_equal(*at, "z") || g_str_equal(*at, "UTC") || g_str_equal(*at, "GMT")) {
        *ms = 0;
        return true;
    }
    if (g_str_equal(*at, "JST"))
        return true;
    gint64 sign = **at == '-' ? -1 : 1;
    if (!take_one(at, "+-") || !take_digits(at, 2, &hours))
        return false;
    take_one(at, ":");
    if (**at && !take_digits(at, 2, &minutes))
        return false;
    *ms = sign * (hours * 60 + minutes) * 60000;
    return !**at;
}

static bool
make_time(const int date[3], const int clock[3], gint64 offset_ms, gint64 *ms)
{
    g_autoptr(GDateTime) time = g_date_time_new_utc(date[0], date[1], date[2], clock[0], clock[1], MIN(clock[2], 59));

    if (time)
        *ms = g_date_time_to_unix(time) * 1000 - offset_ms;
    return time != NULL;
}

/* "Fri, 07 Feb 2025 09:15:00 +0900", the day of the week optional. */
static bool
parse_mail_time(const char *at, gint64 *ms)
{
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    int date[3], clock[3] = { 0 };
    gint64 offset;
    const char *comma = strchr(at, ',');

    at = comma ? comma + 1 : at;
    while (take_one(&at, " "))
        ;
    if (!take_digits(&at, 2, &date[2]) && !take_digits(&at, 1, &date[2]))
        return false;
    if (!take_one(&at, " ") || strlen(at) < 3)
        return false;
    g_autofree char *word = g_ascii_strdown(at, 3);
    const char *month = strstr(months, word);
    if (!month || (month - months) % 3)
        return false;
    date[1] = (int) (month - months) / 3 + 1;
    at += 3;
    return take_one(&at, " ") && take_digits(&at, 4, &date[0]) && take_clock(&at, clock) && take_offset(&at, &offset) &&
           make_time(date, clock, offset, ms);
}

bool
query_time_parse(const char *text, gint64 *ms)
{
    int date[3], clock[3] = { 0 };
    gint64 offset;

    if (strlen(text) > TIME_MAX_LENGTH)
        return false;
    g_autofree char *copy = g_strstrip(g_strdup(text));
    const char *at = copy;
    if (take_date(&at, date) && take_clock(&at, clock) && take_offset(&at, &offset))
        return make_time(date, clock, offset, ms);
    return parse_mail_time(copy, ms);
}

char *
query_time_format(gint64 ms, const char *format)
{
    g_autoptr(GTimeZone) japan = g_time_zone_new_offset(JAPAN_MS / 1000);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(ms / 1000);
    g_autoptr(GDateTime) time = utc ? g_date_time_to_timezone(utc, japan) : NULL;

    return time ? g_date_time_format(time, format) : g_strdup("");
}

gint64
query_time_day(gint64 ms)
{
    gint64 local = ms + JAPAN_MS;
    gint64 days = local / QUERY_DAY_MS - (local % QUERY_DAY_MS < 0);

    return days * QUERY_DAY_MS - JAPAN_MS;
}
