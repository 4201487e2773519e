/* Who keeps a mail that is not to go yet. */
#include "relay/hold.h"

#define NOW G_GINT64_CONSTANT(2000000000000)
#define MINUTE (60 * G_GINT64_CONSTANT(1000))
#define DAY (24 * 60 * MINUTE)

static const ProviderDriver holds = { .name = "holds", .hold_s = 32 * 24 * 3600 }, sends = { .name = "sends" };

static const struct {
    const ProviderDriver *main, *route, *fallback; /* of main */
    gint64 hold_ms;
    bool by_api;
} rows[] = {
    { &holds, NULL, NULL, DAY, true },
    { &holds, NULL, NULL, 4 * MINUTE, false },
    { &holds, NULL, NULL, 5 * MINUTE, true },
    { &holds, NULL, NULL, 32 * DAY - 60 * MINUTE, true },
    { &holds, NULL, NULL, 32 * DAY, false },
    { &sends, NULL, NULL, DAY, false },
    { &holds, &sends, NULL, DAY, false },
    { &holds, &holds, NULL, DAY, true },
    { &holds, NULL, &sends, DAY, false },
    { &sends, &holds, NULL, DAY, false },
};

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Provider fallback = { .driver = rows[i].fallback };
        Provider main = { .driver = rows[i].main, .fallback = rows[i].fallback ? &fallback : NULL };
        Provider routed = { .driver = rows[i].route };
        Route route = { .account = &routed };
        g_autoptr(GPtrArray) routes = g_ptr_array_new();
        g_autoptr(Envelope) envelope = envelope_new("a@x.test");
        RelaySettings settings = { .account = &main, .routes = routes };

        if (rows[i].route)
            g_ptr_array_add(routes, &route);
        envelope->hold_until_ms = NOW + rows[i].hold_ms;
        g_test_message("%u", i);
        g_assert_cmpint(hold_is_for_api(&settings, envelope, NOW), ==, rows[i].by_api);
    }
}

static void
test_send_at(void)
{
    g_assert_cmpint(hold_send_at(0, NOW), ==, 0);
    g_assert_cmpint(hold_send_at(NOW, NOW), ==, 0);
    g_assert_cmpint(hold_send_at(NOW + 1, NOW), ==, NOW + MINUTE);
    g_assert_cmpint(hold_send_at(NOW + DAY, NOW), ==, NOW + DAY);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hold/rows", test_rows);
    g_test_add_func("/hold/send-at", test_send_at);
    return g_test_run();
}
