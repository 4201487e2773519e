#include "shimta/dates.h"

#include "query/time.h"

#include <string.h>

#define MINUTE_MS (60 * G_GINT64_CONSTANT(1000))
#define JAPAN_MS (9 * 60 * MINUTE_MS)

enum { EPOCH_JULIAN = 719163, MAX_LENGTH = 64, MAX_UNITS = 3660 };

static gint64
start_of(const GDate *date)
{
    return ((gint64) g_date_get_julian(date) - EPOCH_JULIAN) * QUERY_DAY_MS - JAPAN_MS;
}

static void
date_of(gint64 ms, GDate *date)
{
    g_date_clear(date, 1);
    g_date_set_julian(date, (guint32) ((query_time_day(ms) + JAPAN_MS) / QUERY_DAY_MS + EPOCH_JULIAN));
}

/* At least `least` digits, at most `most`. */
static bool
take_digits(const char **at, int least, int most, int *value)
{
    int n = 0;

    for (*value = 0; n < most && g_ascii_isdigit((*at)[n]); n++)
        *value = *value * 10 + ((*at)[n] - '0');
    *at += n;
    return n >= least;
}

static bool
take_one(const char **at, const char *set)
{
    if (!**at || !strchr(set, **at))
        return false;
    (*at)++;
    return true;
}

/* In capitals or not. */
static bool
is_word(const char *text, const char *a, const char *b)
{
    return g_ascii_strcasecmp(text, a) == 0 || g_ascii_strcasecmp(text, b) == 0;
}

static Period
days_from(gint64 day_ms, int n)
{
    return (Period) { day_ms, day_ms + n * QUERY_DAY_MS };
}

static Period
month_of(int year, int month)
{
    GDate date;

    g_date_clear(&date, 1);
    g_date_set_dmy(&date, 1, (GDateMonth) month, (GDateYear) year);
    Period period = { .since_ms = start_of(&date) };
    g_date_add_months(&date, 1);
    period.until_ms = start_of(&date);
    return period;
}

static bool
read_month_word(const char *text, gint64 now_ms, Period *period)
{
    GDate date;

    date_of(now_ms, &date);
    if (g_ascii_strcasecmp(text, "last month") == 0)
        g_date_subtract_months(&date, 1);
    else if (g_ascii_strcasecmp(text, "this month") != 0)
        return false;
    *period = month_of(g_date_get_year(&date), g_date_get_month(&date));
    return true;
}

/* "last 7 days", "last 12 hours". */
static bool
read_last(const char *text, gint64 now_ms, Period *period)
{
    int n;

    if (g_ascii_strncasecmp(text, "last ", 5) != 0)
        return false;
    text += 5;
    if (!take_digits(&text, 1, 4, &n) || !take_one(&text, " ") || n < 1 || n > MAX_UNITS)
        return false;
    gint64 today = query_time_day(now_ms);
    if (is_word(text, "day", "days"))
        *period = (Period) { today - (n - 1) * QUERY_DAY_MS, today + QUERY_DAY_MS };
    else if (is_word(text, "week", "weeks") && n <= MAX_UNITS / 7)
        *period = (Period) { today - (7 * n - 1) * QUERY_DAY_MS, today + QUERY_DAY_MS };
    else if (is_word(text, "hour", "hours"))
        *period = (Period) { now_ms - n * 60 * MINUTE_MS, now_ms };
    else
        return false;
    return true;
}

static bool
read_word(const char *text, gint64 now_ms, Period *period)
{
    gint64 today = query_time_day(now_ms);

    if (g_ascii_strcasecmp(text, "today") == 0)
        *period = days_from(today, 1);
    else if (g_ascii_strcasecmp(text, "yesterday") == 0)
        *period = days_from(today - QUERY_DAY_MS, 1);
    else
        return read_month_word(text, now_ms, period) || read_last(text, now_ms, period);
    return true;
}

static bool
take_clock(const char **at, gint64 *ms)
{
    int hours, minutes;

    if (!take_digits(at, 1, 2, &hours) || !take_one(at, ":") || !take_digits(at, 2, 2, &minutes))
        return false;
    *ms = (hours * 60 + minutes) * MINUTE_MS;
    return hours < 24 && minutes < 60;
}

/* A day, a month, or a moment, which is a period of no length. */
static bool
read_date(const char *text, Period *period)
{
    int year, month, day;
    gint64 clock;
    GDate date;

    if (!take_digits(&text, 4, 4, &year) || !take_one(&text, "-/") || !take_digits(&text, 1, 2, &month))
        return false;
    if (year < 1970 || month < 1 || month > 12)
        return false;
    *period = month_of(year, month);
    if (!*text)
        return true;
    if (!take_one(&text, "-/") || !take_digits(&text, 1, 2, &day) ||
        !g_date_valid_dmy((GDateDay) day, (GDateMonth) month, (GDateYear) year))
        return false;
    g_date_clear(&date, 1);
    g_date_set_dmy(&date, (GDateDay) day, (GDateMonth) month, (GDateYear) year);
    *period = days_from(start_of(&date), 1);
    if (!*text)
        return true;
    if (!take_one(&text, " Tt") || !take_clock(&text, &clock) || *text)
        return false;
    period->since_ms += clock;
    period->until_ms = period->since_ms;
    return true;
}

static bool
read_one(const char *text, gint64 now_ms, Period *period)
{
    return read_word(text, now_ms, period) || read_date(text, period);
}

/* What stands behind "..": nothing, a clock on the day before it, or anything else. */
static bool
read_end(const char *text, gint64 now_ms, Period *period)
{
    Period end;
    gint64 clock;
    const char *at = text;

    if (!*text) {
        period->until_ms = query_time_day(now_ms) + QUERY_DAY_MS;
        return true;
    }
    if (strlen(text) <= 5 && take_clock(&at, &clock) && !*at) {
        period->until_ms = query_time_day(period->since_ms) + clock;
        return true;
    }
    bool ok = read_one(text, now_ms, &end);
    period->until_ms = ok ? end.until_ms : 0;
    return ok;
}

bool
dates_period(const char *text, gint64 now_ms, Period *period)
{
    if (strlen(text) > MAX_LENGTH)
        return false;
    g_auto(GStrv) ends = g_strsplit(text, "..", 2);
    if (!ends[0])
        return false;
    if (!read_one(g_strstrip(ends[0]), now_ms, period))
        return false;
    if (ends[1] && !read_end(g_strstrip(ends[1]), now_ms, period))
        return false;
    return period->since_ms < period->until_ms;
}

bool
dates_month(const char *text, gint64 now_ms, Period *period)
{
    size_t n = strlen(text);

    if (n > MAX_LENGTH)
        return false;
    if (n > 5 && g_ascii_isdigit(*text)) /* a day has three parts */
        return !strpbrk(text + 5, "-/") && read_date(text, period);
    return read_month_word(text, now_ms, period);
}

char *
dates_day(const char *text, gint64 now_ms)
{
    Period day;

    if (g_ascii_strcasecmp(text, "tomorrow") == 0)
        day = days_from(query_time_day(now_ms) + QUERY_DAY_MS, 1);
    else if (!dates_period(text, now_ms, &day) || day.until_ms - day.since_ms != QUERY_DAY_MS ||
             query_time_day(day.since_ms) != day.since_ms)
        return NULL;
    return query_time_format(day.since_ms, "%Y-%m-%d");
}
