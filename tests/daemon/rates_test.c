#include "daemon/rates.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const RateLimits ten = { { { { 0, 10, 0 } }, { { 0, 0, 0 } } } };

static RateSource
numbered(const Rates *rates, guint n)
{
    return rates_source(rates, "tcp", 'c', &n, sizeof n);
}

static gint64
fill(Rates *rates, const RateSource *source, const RateLimits *limits, guint n)
{
    for (guint i = 0; i < n; i++) {
        g_assert_cmpint(rates_wait(rates, source, limits, RATED_MESSAGES), ==, 0);
        rates_add(rates, source, limits, RATED_MESSAGES, 1);
    }
    return rates_wait(rates, source, limits, RATED_MESSAGES);
}

/* 0 under AddressSanitizer, whose own memory makes figures meaningless. */
static gint64
resident_bytes(void)
{
    g_autofree char *text = NULL;
    gint64 pages;

#ifdef __SANITIZE_ADDRESS__
    return 0;
#endif
    g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
    g_assert_cmpint(sscanf(text, "%*d %" G_GINT64_FORMAT, &pages), ==, 1);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Listener, kind of source and name each make another one. */
static void
test_sources(void)
{
    Rates *rates = rates_new();
    const RateSource sources[] = {
        rates_source(rates, "a", 'c', "x", 1), rates_source(rates, "b", 'c', "x", 1),
        rates_source(rates, "a", 'u', "x", 1), rates_source(rates, "a", 'c', "y", 1),
        rates_source(rates, "a", 'c', "", 0),  rates_source(rates, "ac", 'x', "", 0),
    };
    const RateSource again = rates_source(rates, "a", 'c', "x", 1);

    for (guint i = 0; i < G_N_ELEMENTS(sources); i++)
        g_assert_cmpint(fill(rates, &sources[i], &ten, 10), >, 300000);
    g_assert_cmpint(rates_wait(rates, &again, &ten, RATED_MESSAGES), >, 300000);
    clock_skip(360001);
    g_assert_cmpint(fill(rates, &again, &ten, 1), >, 300000);
    rates_free(rates);
}

static void
test_kinds(void)
{
    static const RateLimits both = { { { { 2, 0, 0 } }, { { 0, 5, 0 } } } };
    Rates *rates = rates_new();
    const RateSource source = numbered(rates, 1);

    rates_add(rates, &source, &both, RATED_MESSAGES, 1);
    rates_add(rates, &source, &both, RATED_RECIPIENTS, 5);
    g_assert_cmpint(rates_wait(rates, &source, &both, RATED_MESSAGES), ==, 0);
    g_assert_cmpint(rates_wait(rates, &source, &both, RATED_RECIPIENTS), >, 700000);
    rates_add(rates, &source, &both, RATED_RECIPIENTS, -1);
    g_assert_cmpint(rates_wait(rates, &source, &both, RATED_RECIPIENTS), ==, 0);
    rates_free(rates);
}

/* A limit that has changed holds for what was counted before. */
static void
test_changed_limits(void)
{
    static const RateLimits more = { { { { 0, 20, 0 } } } }, fewer = { { { { 0, 5, 0 } } } }, none = { 0 };
    Rates *rates = rates_new();
    const RateSource source = numbered(rates, 1);

    g_assert_cmpint(fill(rates, &source, &ten, 10), >, 0);
    g_assert_cmpint(rates_wait(rates, &source, &none, RATED_MESSAGES), ==, 0);
    g_assert_cmpint(rates_wait(rates, &source, &fewer, RATED_MESSAGES), >, 60000);
    g_assert_cmpint(fill(rates, &source, &more, 9), ==, 0);
    rates_free(rates);
}

/* A million strangers cost no more than the table, and do not make it forget who has sent most. */
static void
test_million(void)
{
    Rates *rates = rates_new();
    gint64 before = resident_bytes();
    const RateSource heavy = numbered(rates, G_MAXUINT);

    for (guint i = 0; i < 1000; i++) {
        const RateSource source = numbered(rates, i);
        g_assert_cmpint(rates_wait(rates, &source, &ten, RATED_MESSAGES), ==, 0);
    }
    g_assert_cmpint(resident_bytes() - before, <, 1024 * 1024); /* who asks is not remembered */
    fill(rates, &heavy, &ten, 10);
    for (guint i = 0; i < 1000000; i++) {
        const RateSource source = numbered(rates, i);
        rates_add(rates, &source, &ten, RATED_MESSAGES, 1);
    }
    gint64 grown = resident_bytes() - before;
    g_test_message("%" G_GINT64_FORMAT " KiB", grown / 1024);
    g_assert_cmpint(grown, <=, 8 * 1024 * 1024);
    g_assert_cmpint(rates_wait(rates, &heavy, &ten, RATED_MESSAGES), >, 0);
    rates_free(rates);
}

/* Nearly as many as there is room for are all remembered. */
static void
test_room(void)
{
    static const RateLimits daily = { { { { 0, 0, 1 } } } };
    Rates *rates = rates_new();
    guint forgotten = 0;

    for (guint i = 0; i < 40000; i++) {
        const RateSource source = numbered(rates, i);
        rates_add(rates, &source, &daily, RATED_MESSAGES, 1);
    }
    for (guint i = 0; i < 40000; i++) {
        const RateSource source = numbered(rates, i);
        forgotten += rates_wait(rates, &source, &daily, RATED_MESSAGES) == 0;
    }
    g_test_message("%u forgotten", forgotten);
    g_assert_cmpuint(forgotten, <, 800);
    rates_free(rates);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rates/million", test_million); /* first: what others free would hide what it takes */
    g_test_add_func("/rates/sources", test_sources);
    g_test_add_func("/rates/kinds", test_kinds);
    g_test_add_func("/rates/changed-limits", test_changed_limits);
    g_test_add_func("/rates/room", test_room);
    return g_test_run();
}
