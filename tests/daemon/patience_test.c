#include "daemon/patience.h"

static void
test_stress(void)
{
    static const struct {
        guint max, now;
        bool was, want;
    } rows[] = {
        { 10, 8, false, false }, { 10, 9, false, true },  { 10, 8, true, true },   { 10, 6, true, true },
        { 10, 5, true, false },  { 1, 0, true, false },   { 1, 1, false, true },   { 5000, 4000, false, false },
        { 5000, 4001, false, true }, { 5000, 2999, true, false }, { G_MAXUINT, G_MAXUINT, false, true },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Stress stress = { rows[i].max, rows[i].was };
        g_test_message("%u of %u", rows[i].now, rows[i].max);
        g_assert_cmpint(stress_turns(&stress, rows[i].now), ==, rows[i].was != rows[i].want);
        g_assert_cmpint(stress.on, ==, rows[i].want);
    }
}

static void
test_command(void)
{
    static const struct {
        gint64 command, session, age;
        bool stress;
        gint64 want;
    } rows[] = {
        { 300000, 0, 99999999, false, 300000 },    { 300000, 0, 0, true, 10000 },  { 4000, 0, 0, true, 4000 },
        { 300000, 7200000, 0, false, 300000 },     { 300000, 7200000, 7199000, false, 1000 },
        { 300000, 7200000, 7200000, false, 1 },    { 300000, 7200000, 9200000, true, 1 },
        { 300000, 7200000, 7000000, true, 10000 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const ListenConf conf = { .command_timeout_ms = rows[i].command, .session_timeout_ms = rows[i].session };
        g_test_message("row %u", i);
        g_assert_cmpint(patience_command_ms(&conf, rows[i].age, rows[i].stress), ==, rows[i].want);
    }
}

static void
test_data(void)
{
    static const struct {
        gint64 session, age, granted, want;
    } rows[] = {
        { 0, 99999999, 300000, 300000 },        { 7200000, 0, 300000, 300000 },     { 7200000, 7200000, 300000, 300000 },
        { 7200000, 14300000, 300000, 100000 },  { 7200000, 14400000, 300000, 1 },   { 7200000, 99999999, 300000, 1 },
        { 7200000, 14300000, 5000, 5000 },      { 7200000, 0, -3, 1 },              { 604800000, 0, 86400000, 86400000 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const ListenConf conf = { .session_timeout_ms = rows[i].session };
        g_test_message("row %u", i);
        g_assert_cmpint(patience_data_ms(&conf, rows[i].age, rows[i].granted), ==, rows[i].want);
    }
}

static void
test_error(void)
{
    static const struct {
        gint64 delay, command;
        guint errors, seen;
        bool stress;
        gint64 want;
    } rows[] = {
        { 1000, 300000, 0, 0, false, 0 },   { 1000, 300000, 5, 4, false, 0 },    { 1000, 300000, 6, 5, false, 1000 },
        { 1000, 300000, 6, 0, false, 1000 }, { 1000, 300000, 6, 6, false, 0 },   { 1000, 300000, 19, 18, false, 1000 },
        { 1000, 300000, 3, 9, false, 0 },   { 1000, 300000, 19, 18, true, 0 },   { 0, 300000, 19, 18, false, 0 },
        { 60000, 3000, 19, 18, false, 1500 }, { 1000, 300000, G_MAXUINT, 0, false, 1000 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Listen listen = { .conf.command_timeout_ms = rows[i].command, .limits.error_delay_ms = rows[i].delay };
        g_test_message("row %u", i);
        g_assert_cmpint(patience_error_ms(&listen, rows[i].errors, rows[i].seen, rows[i].stress), ==, rows[i].want);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/patience/stress", test_stress);
    g_test_add_func("/patience/command", test_command);
    g_test_add_func("/patience/data", test_data);
    g_test_add_func("/patience/error", test_error);
    return g_test_run();
}
