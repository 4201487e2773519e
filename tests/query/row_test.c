/* Rows, what they say of a recipient, and the times in them. */
#include "query/row.h"
#include "query/time.h"

static void
test_times(void)
{
    static const struct {
        const char *text, *japan; /* NULL: not understood */
    } times[] = {
        { "2021/05/01 16:34", "2021-05-01T16:34:00" },
        { "2021/5/1 6:34", "2021-05-01T06:34:00" },
        { "2021-05-01T16:34+09:00", "2021-05-01T16:34:00" },
        { "2021-05-01T16:34:56.789Z", "2021-05-02T01:34:56" },
        { "2021-05-01T16:34:56 -0500", "2021-05-02T06:34:56" },
        { "2021-05-01", "2021-05-01T00:00:00" },
        { "2025-02-07+09:00", NULL },
        { "20250207T09:30:00", "2025-02-07T09:30:00" },
        { "20250207", "2025-02-07T00:00:00" },
        { "Fri, 07 Feb 2025 09:15:00 +0000", "2025-02-07T18:15:00" },
        { "7 feb 2025 09:15 JST", "2025-02-07T09:15:00" },
        { " 2021-05-01 ", "2021-05-01T00:00:00" },
        { "2021-02-30", NULL },
        { "2021-13-01", NULL },
        { "2021-05-01 25:00", NULL },
        { "2021-05-01 10:00 +09:00 x", NULL },
        { "0000-00-00 00:00:00", NULL },
        { "yesterday", NULL },
        { "7 Xxx 2025 09:15", NULL },
        { "7 anf 2025 09:15", NULL },
        { "2021-05-", NULL },
        { "", NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
        gint64 ms = -1;
        bool understood = query_time_parse(times[i].text, &ms);
        g_test_message("%s", times[i].text);
        g_assert_cmpint(understood, ==, times[i].japan != NULL);
        g_autofree char *japan = understood ? query_time_format(ms, "%Y-%m-%dT%H:%M:%S") : NULL;
        g_assert_cmpstr(japan, ==, times[i].japan);
    }
}

static void
test_days(void)
{
    gint64 ms = 0;

    g_assert_true(query_time_parse("2026-11-01T00:00+09:00", &ms));
    g_assert_cmpint(query_time_day(ms), ==, ms);
    g_assert_cmpint(query_time_day(ms - 1), ==, ms - QUERY_DAY_MS);
    g_assert_cmpint(query_time_day(ms + QUERY_DAY_MS - 1), ==, ms);
    g_assert_cmpint(query_time_day(-QUERY_DAY_MS), ==, -QUERY_DAY_MS - 9 * 3600 * 1000);
}

static void
test_event(void)
{
    g_autoptr(QueryRow) row = query_row_new();
    QueryEvent event;

    query_row_add(row, QUERY_FIELD_ADDRESS, "ann@example.org");
    g_assert_false(query_row_event(row, &event));
    query_row_set(row, QUERY_FIELD_EVENT, query_event_name(QUERY_EVENT_BOUNCED));
    query_row_set(row, QUERY_FIELD_TIME, "1970-01-01T09:00:01+09:00");
    query_row_set(row, QUERY_FIELD_ADDRESS, "bob@example.org");
    query_row_add(row, QUERY_FIELD_ADDRESS, "carol@example.org");
    g_assert_true(query_row_event(row, &event));
    g_assert_cmpint(event.kind, ==, QUERY_EVENT_BOUNCED);
    g_assert_cmpstr(event.address, ==, "bob@example.org");
    g_assert_cmpint(event.when_ms, ==, 1000);
    g_assert_null(event.reason);
    query_row_set(row, QUERY_FIELD_TIME, "soon");
    query_row_set(row, QUERY_FIELD_ADDRESS, "");
    g_assert_false(query_row_event(row, &event));
    g_assert_cmpint(event.when_ms, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/query/row/times", test_times);
    g_test_add_func("/query/row/days", test_days);
    g_test_add_func("/query/row/event", test_event);
    return g_test_run();
}
