/* Days and periods as people write them, in Japan's time whatever the machine's. */
#include "shimta/dates.h"

#include "query/time.h"

#include <string.h>

/* Written as Japan sees it. */
static gint64
at(const char *time)
{
    gint64 ms;
    bool ok = query_time_parse(time, &ms);

    g_assert_true(ok);
    return ms;
}

static const struct {
    const char *now, *text, *period; /* NULL: it is none */
} periods[] = {
    { "2026-11-22 12:00", "today", "2026-11-22 00:00 - 2026-11-23 00:00" },
    { "2026-11-22 12:00", "Yesterday", "2026-11-21 00:00 - 2026-11-22 00:00" },
    { "2026-11-22 12:00", "last 7 days", "2026-11-16 00:00 - 2026-11-23 00:00" },
    { "2026-11-22 12:00", "last 1 day", "2026-11-22 00:00 - 2026-11-23 00:00" },
    { "2026-11-22 12:00", "last 2 weeks", "2026-11-09 00:00 - 2026-11-23 00:00" },
    { "2026-11-22 12:00", "last 13 hours", "2026-11-21 23:00 - 2026-11-22 12:00" },
    { "2026-11-22 12:00", "this month", "2026-11-01 00:00 - 2026-12-01 00:00" },
    { "2026-11-22 12:00", "last month", "2026-10-01 00:00 - 2026-11-01 00:00" },
    { "2026-03-31 12:00", "last month", "2026-02-01 00:00 - 2026-03-01 00:00" },
    { "2027-01-01 00:00", "last month", "2026-12-01 00:00 - 2027-01-01 00:00" },
    { "2026-11-22 12:00", "2026-11", "2026-11-01 00:00 - 2026-12-01 00:00" },
    { "2026-11-22 12:00", "2026-12", "2026-12-01 00:00 - 2027-01-01 00:00" },
    { "2026-11-22 12:00", "2028/2", "2028-02-01 00:00 - 2028-03-01 00:00" },
    { "2026-11-22 12:00", "2026-11-01", "2026-11-01 00:00 - 2026-11-02 00:00" },
    { "2026-11-22 12:00", "2026/11/1", "2026-11-01 00:00 - 2026-11-02 00:00" },
    { "2026-11-22 12:00", "2028-02-29", "2028-02-29 00:00 - 2028-03-01 00:00" },
    { "2026-11-22 12:00", "2026-12-31", "2026-12-31 00:00 - 2027-01-01 00:00" },
    { "2026-11-22 12:00", "2026-11-01..2026-11-07", "2026-11-01 00:00 - 2026-11-08 00:00" },
    { "2026-11-22 12:00", " 2026-11-01 .. 2026-11-07 ", "2026-11-01 00:00 - 2026-11-08 00:00" },
    { "2026-11-22 12:00", "2026-02..2026-03", "2026-02-01 00:00 - 2026-04-01 00:00" },
    { "2026-11-22 12:00", "2026-11-01..", "2026-11-01 00:00 - 2026-11-23 00:00" },
    { "2026-11-22 12:00", "yesterday..today", "2026-11-21 00:00 - 2026-11-23 00:00" },
    { "2026-11-22 12:00", "2026-11-01 09:00..12:30", "2026-11-01 09:00 - 2026-11-01 12:30" },
    { "2026-11-22 12:00", "2026-11-01T22:00..2026-11-02", "2026-11-01 22:00 - 2026-11-03 00:00" },
    /* around midnight: Japan's day, though it is yesterday in UTC */
    { "2026-11-22 00:00", "today", "2026-11-22 00:00 - 2026-11-23 00:00" },
    { "2026-11-21 23:59", "today", "2026-11-21 00:00 - 2026-11-22 00:00" },
    { "2026-11-22 08:59", "today", "2026-11-22 00:00 - 2026-11-23 00:00" },
    { "2026-11-22 09:00", "yesterday", "2026-11-21 00:00 - 2026-11-22 00:00" },
    { "2028-03-01 00:30", "yesterday", "2028-02-29 00:00 - 2028-03-01 00:00" },
    { "2027-01-01 00:00", "yesterday", "2026-12-31 00:00 - 2027-01-01 00:00" },
    /* where others change their clocks, every day has 24 hours */
    { "2026-03-29 12:00", "today", "2026-03-29 00:00 - 2026-03-30 00:00" },
    { "2026-11-22 12:00", "", NULL },
    { "2026-11-22 12:00", "..", NULL },
    { "2026-11-22 12:00", "..2026-11-07", NULL },
    { "2026-11-22 12:00", "2026-11-07..2026-11-01", NULL },
    { "2026-11-22 12:00", "2026-11-01..2026-11-07..2026-11-08", NULL },
    { "2026-11-22 12:00", "2026-02-29", NULL },
    { "2026-11-22 12:00", "2100-02-29", NULL },
    { "2026-11-22 12:00", "2026-04-31", NULL },
    { "2026-11-22 12:00", "2026-13", NULL },
    { "2026-11-22 12:00", "2026-00-01", NULL },
    { "2026-11-22 12:00", "2026-11-0", NULL },
    { "2026-11-22 12:00", "0001-01-01", NULL },
    { "2026-11-22 12:00", "20261101", NULL }, /* an id */
    { "2026-11-22 12:00", "2026", NULL },
    { "2026-11-22 12:00", "884213", NULL },
    { "2026-11-22 12:00", "2026-11-01x", NULL },
    { "2026-11-22 12:00", "2026-11-01 09:00", NULL }, /* of no length */
    { "2026-11-22 12:00", "2026-11-01 24:00..2026-11-02", NULL },
    { "2026-11-22 12:00", "2026-11-01 12:00..09:00", NULL },
    { "2026-11-22 12:00", "last 0 days", NULL },
    { "2026-11-22 12:00", "last 99999 days", NULL },
    { "2026-11-22 12:00", "last -1 days", NULL },
    { "2026-11-22 12:00", "last days", NULL },
    { "2026-11-22 12:00", "last 7 dogs", NULL },
    { "2026-11-22 12:00", "tomorrow", NULL },
};

static void
test_periods(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(periods); i++) {
        Period period;
        g_autofree char *shown = NULL;
        g_test_message("%s at %s", periods[i].text, periods[i].now);
        if (dates_period(periods[i].text, at(periods[i].now), &period)) {
            g_autofree char *since = query_time_format(period.since_ms, "%Y-%m-%d %H:%M");
            g_autofree char *until = query_time_format(period.until_ms, "%Y-%m-%d %H:%M");
            shown = g_strdup_printf("%s - %s", since, until);
        }
        g_assert_cmpstr(shown, ==, periods[i].period);
    }
}

static void
test_every_day_follows_another(void)
{
    gint64 last = 0;

    for (int year = 1970; year < 2101; year++) {
        for (int month = 1; month < 13; month++) {
            g_autofree char *text = g_strdup_printf("%d-%02d", year, month);
            Period period;
            bool ok = dates_month(text, 0, &period);
            g_assert_true(ok);
            gint64 days = (period.until_ms - period.since_ms) / QUERY_DAY_MS;
            g_assert_cmpint(days, ==, g_date_get_days_in_month((GDateMonth) month, (GDateYear) year));
            g_assert_true(last == 0 || last == period.since_ms);
            last = period.until_ms;
        }
    }
}

static void
test_months(void)
{
    static const char *const none[] = { "", "2026", "2026-11-01", "2026-13", "today", "2026-11x", "last 7 days", "11" };
    gint64 now = at("2026-11-22 12:00");
    Period period;

    for (guint i = 0; i < G_N_ELEMENTS(none); i++)
        g_assert_false(dates_month(none[i], now, &period));
    g_assert_true(dates_month("last month", now, &period));
    g_assert_cmpint(period.since_ms, ==, at("2026-10-01"));
    g_assert_true(dates_month("2026/11", now, &period));
    g_assert_cmpint(period.since_ms, ==, at("2026-11-01"));
}

static void
test_days(void)
{
    static const struct {
        const char *text, *day;
    } days[] = {
        { "2026-12-01", "2026-12-01" }, { "2026/12/1", "2026-12-01" }, { "today", "2026-11-22" },
        { "tomorrow", "2026-11-23" },   { "2026-12", NULL },           { "last 24 hours", NULL },
        { "last 1 day", "2026-11-22" }, { "", NULL },                  { "2026-11-01..2026-11-02", NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(days); i++) {
        g_autofree char *day = dates_day(days[i].text, at("2026-11-22 12:00"));
        g_assert_cmpstr(day, ==, days[i].day);
    }
}

static void
test_long_text(void)
{
    g_autofree char *text = g_strnfill(100000, '1');
    Period period;

    g_assert_false(dates_period(text, 0, &period));
    g_assert_false(dates_month(text, 0, &period));
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "America/New_York", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dates/periods", test_periods);
    g_test_add_func("/dates/every-day-follows-another", test_every_day_follows_another);
    g_test_add_func("/dates/months", test_months);
    g_test_add_func("/dates/days", test_days);
    g_test_add_func("/dates/long-text", test_long_text);
    return g_test_run();
}
