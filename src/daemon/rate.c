#include "daemon/rate.h"

#include "base/conf.h"

#include <string.h>

#define LITTLE 1e-6 /* what sums of fractions are off by */

static const struct {
    const char *name;
    double ms;
} units[RATE_UNITS] = { { "minute", 60e3 }, { "hour", 3600e3 }, { "day", 86400e3 } };

static int
find_unit(const char *name)
{
    for (int i = 0; i < RATE_UNITS; i++) {
        if (strcmp(units[i].name, name) == 0)
            return i;
    }
    return -1;
}

static bool
parse_one(const char *text, Rate *rate)
{
    const char *slash = strchr(text, '/');
    int unit = slash ? find_unit(slash + 1) : -1;
    g_autofree char *number = slash ? g_strndup(text, (size_t) (slash - text)) : NULL;
    guint64 most;

    if (unit < 0 || rate->most[unit] > 0 || !g_ascii_string_to_unsigned(number, 10, 1, RATE_MOST, &most, NULL))
        return false;
    rate->most[unit] = (guint) most;
    return true;
}

bool
rate_parse(char *const *texts, Rate *rate, GError **error)
{
    *rate = (Rate) { 0 };
    for (guint i = 0; texts[i]; i++) {
        if (parse_one(texts[i], rate))
            continue;
        g_set_error(error, CONF_ERROR, 0, "'%s' is not N/minute, N/hour or N/day, each once, N from 1 to %d", texts[i],
                    RATE_MOST);
        return false;
    }
    return true;
}

bool
rate_is_set(const Rate *self)
{
    for (guint i = 0; i < RATE_UNITS; i++) {
        if (self->most[i] > 0)
            return true;
    }
    return false;
}

void
rate_leak(const Rate *self, RateBuckets *buckets, gint64 ms)
{
    for (guint i = 0; i < RATE_UNITS; i++)
        buckets->level[i] = MAX(0, buckets->level[i] - (double) ms * self->most[i] / units[i].ms);
}

gint64
rate_wait(const Rate *self, const RateBuckets *buckets)
{
    double wait = 0;

    for (guint i = 0; i < RATE_UNITS; i++) {
        double over = buckets->level[i] + 1 - self->most[i];
        if (self->most[i] > 0 && over > LITTLE)
            wait = MAX(wait, over * units[i].ms / self->most[i]);
    }
    return wait > 0 ? (gint64) wait + 1 : 0;
}

void
rate_add(const Rate *self, RateBuckets *buckets, int n)
{
    for (guint i = 0; i < RATE_UNITS; i++)
        buckets->level[i] = self->most[i] > 0 ? MAX(0, buckets->level[i] + n) : 0;
}

gint64
rate_memory(const Rate *self, const RateBuckets *buckets)
{
    double memory = 0;

    for (guint i = 0; i < RATE_UNITS; i++) {
        if (self->most[i] > 0)
            memory = MAX(memory, buckets->level[i] * units[i].ms / self->most[i]);
    }
    return (gint64) memory + 1;
}

char *
rate_words(gint64 ms)
{
    static const struct {
        const char *one, *many;
        gint64 seconds, until;
    } rows[] = {
        { "second", "seconds", 1, 120 },
        { "minute", "minutes", 60, 7200 },
        { "hour", "hours", 3600, G_MAXINT64 },
    };
    gint64 seconds = MAX(1, (ms + 999) / 1000);
    guint row = 0;

    while (seconds > rows[row].until)
        row++;
    gint64 n = (seconds + rows[row].seconds - 1) / rows[row].seconds;
    return g_strdup_printf("in %" G_GINT64_FORMAT " %s", n, n == 1 ? rows[row].one : rows[row].many);
}
