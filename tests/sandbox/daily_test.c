#include "sandbox/daily.h"

/* Questions in order; the most of a day is 2. */
static const struct {
    const char *user, *list;
    guint64 page;
    double hour;
    bool admitted;
} rows[] = {
    { "a", "bounces", 0, 0, true },
    { "a", "bounces", 1, 0, true },
    { "a", "bounces", 0, 1, true },
    { "a", "bounces", 0, 2, false },
    { "a", "bounces", 3, 2, true },   /* of the one before */
    { "b", "bounces", 0, 2, true },
    { "a", "statistics", 0, 2, true },
    { "a", "bounces", 0, 22.9, false },
    { "a", "bounces", 0, 23, true },
    { "a", "bounces", 0, 23.1, true },
    { "a", "bounces", 0, 24.5, false },
    { "c", "bounces", 1, 24.5, true }, /* of none */
    { "c", "bounces", 0, 24.5, true },
    { "c", "bounces", 0, 24.5, false },
};

static void
test_table(void)
{
    g_autoptr(Daily) daily = daily_new(2), any = daily_new(0);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        gint64 now_us = (gint64) (rows[i].hour * G_TIME_SPAN_HOUR);
        g_test_message("row %u", i);
        g_assert_cmpint(daily_admit(daily, rows[i].user, rows[i].list, rows[i].page, now_us), ==, rows[i].admitted);
        g_assert_true(daily_admit(any, rows[i].user, rows[i].list, rows[i].page, now_us));
    }
}

/* Memory has an end; whoever comes then is served. */
static void
test_many_users(void)
{
    g_autoptr(Daily) daily = daily_new(1);

    for (guint i = 0; i < 30000; i++) {
        g_autofree char *user = g_strdup_printf("user-%u", i);
        g_assert_true(daily_admit(daily, user, "bounces", 0, 0));
    }
    g_assert_false(daily_admit(daily, "user-29999", "bounces", 0, 0));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/daily/table", test_table);
    g_test_add_func("/daily/many users", test_many_users);
    return g_test_run();
}
