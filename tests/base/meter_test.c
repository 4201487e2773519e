#include "base/meter.h"

#include <string.h>

static void
expect(const Meter *meter, const char *wanted)
{
    g_autoptr(GString) out = g_string_new(NULL);

    meter_print(meter, out);
    g_assert_cmpstr(out->str, ==, wanted);
}

static void
test_counter(void)
{
    static Meter plain = { "a_total", "A", METER_COUNTER, { NULL } };
    static Meter two = { "b_total", "B", METER_COUNTER, { "x", "y" } };

    expect(&plain, "# HELP a_total A\n# TYPE a_total counter\na_total 0\n");
    meter_add(&plain, 1, "not", "asked for");
    meter_add(&plain, 1e12, NULL, NULL);
    expect(&plain, "# HELP a_total A\n# TYPE a_total counter\na_total 1000000000001\n");
    expect(&two, "# HELP b_total B\n# TYPE b_total counter\n");
    meter_add(&two, 1, "1", "2");
    meter_add(&two, 1, "1", "3");
    meter_add(&two, 2, "1", "2");
    meter_add(&two, 1, NULL, NULL);
    expect(&two, "# HELP b_total B\n# TYPE b_total counter\nb_total{x=\"1\",y=\"2\"} 3\nb_total{x=\"1\",y=\"3\"} 1\n"
                 "b_total{x=\"\",y=\"\"} 1\n");
}

/* What would end the line or the label, and what is no UTF-8. */
static void
test_hostile_label(void)
{
    static Meter meter = { "c", "C", METER_GAUGE, { "x" } };

    meter_add(&meter, 1, "a\"} 7\nb\\\xff", NULL);
    meter_add(&meter, -2.5, "a\"} 7\nb\\\xff", NULL);
    expect(&meter, "# HELP c C\n# TYPE c gauge\nc{x=\"a\\\"} 7\\nb\\\\\xef\xbf\xbd\"} -1.5\n");
}

static void
test_histogram(void)
{
    static Meter meter = { "d", "D", METER_HISTOGRAM, { "x" } };
    g_autoptr(GString) out = g_string_new(NULL);

    meter_observe(&meter, 0.01, "k");
    meter_observe(&meter, 0.011, "k");
    meter_observe(&meter, 61, "k");
    meter_print(&meter, out);
    g_assert_nonnull(strstr(out->str, "d_bucket{x=\"k\",le=\"0.01\"} 1\nd_bucket{x=\"k\",le=\"0.025\"} 2\n"));
    g_assert_nonnull(strstr(out->str, "d_bucket{x=\"k\",le=\"60\"} 2\nd_bucket{x=\"k\",le=\"+Inf\"} 3\n"
                                      "d_sum{x=\"k\"} 61.021\nd_count{x=\"k\"} 3\n"));
}

/* However many there are to count, they take no more memory. */
static void
test_bound(void)
{
    static Meter meter = { "e_total", "E", METER_COUNTER, { "x" } };
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < METER_MAX_SERIES * 2; i++) {
        g_autofree char *value = g_strdup_printf("%u", i);
        meter_add(&meter, 1, value, NULL);
    }
    meter_add(&meter, 1, "0", NULL);
    g_assert_cmpuint(meter.series->len, ==, METER_MAX_SERIES);
    meter_print(&meter, out);
    g_assert_nonnull(strstr(out->str, "e_total{x=\"0\"} 2\n"));
    g_autofree char *rest = g_strdup_printf("e_total{x=\"other\"} %u\n", METER_MAX_SERIES + 1);
    g_assert_true(g_str_has_suffix(out->str, rest));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/meter/counter", test_counter);
    g_test_add_func("/meter/hostile-label", test_hostile_label);
    g_test_add_func("/meter/histogram", test_histogram);
    g_test_add_func("/meter/bound", test_bound);
    return g_test_run();
}
