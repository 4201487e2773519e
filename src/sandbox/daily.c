#include "sandbox/daily.h"

enum { USERS_MAX = 10000, HOURS = 23 }; /* "about" a day: who asks each night is not always as punctual */

typedef struct {
    gint64 begun_us;            /* of the first of n questions */
    unsigned n;
} Day;

struct Daily {
    unsigned most;
    GHashTable *days;           /* "LIST USER" -> Day */
};

Daily *
daily_new(unsigned most)
{
    Daily *self = g_new0(Daily, 1);

    self->most = most;
    self->days = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

void
daily_free(Daily *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->days);
    g_free(self);
}

/* Of users that anybody can make up only so many are remembered. */
static Day *
find_day(Daily *self, const char *user, const char *list)
{
    g_autofree char *key = g_strdup_printf("%s %s", list, user);
    Day *day = g_hash_table_lookup(self->days, key);

    if (day)
        return day;
    if (g_hash_table_size(self->days) >= USERS_MAX)
        g_hash_table_remove_all(self->days);
    day = g_new0(Day, 1);
    g_hash_table_insert(self->days, g_steal_pointer(&key), day);
    return day;
}

bool
daily_admit(Daily *self, const char *user, const char *list, guint64 page, gint64 now_us)
{
    Day *day = find_day(self, user, list);

    if (day->n > 0 && now_us - day->begun_us >= HOURS * G_TIME_SPAN_HOUR)
        day->n = 0;
    if (self->most == 0 || (page > 0 && day->n > 0))
        return true;
    if (day->n >= self->most)
        return false;
    if (day->n++ == 0)
        day->begun_us = now_us;
    return true;
}
