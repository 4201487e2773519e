#include "sandbox/error_filter.h"

enum { TENTHS_MAX = 990 };

struct ErrorFilter {
    GHashTable *counts;         /* address -> FilterCount */
    guint max;
};

ErrorFilter *
error_filter_new(guint max)
{
    ErrorFilter *self = g_new0(ErrorFilter, 1);

    self->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->max = max;
    return self;
}

void
error_filter_free(ErrorFilter *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->counts);
    g_free(self);
}

const FilterCount *
error_filter_get(const ErrorFilter *self, const char *address)
{
    g_autofree char *key = g_ascii_strdown(address, -1);

    return g_hash_table_lookup(self->counts, key);
}

bool
error_filter_set(ErrorFilter *self, const char *address, guint tenths, gint64 now_us)
{
    g_autofree char *key = g_ascii_strdown(address, -1);
    FilterCount *count = g_hash_table_lookup(self->counts, key);

    if (!count) {
        if (g_hash_table_size(self->counts) >= self->max)
            return false;
        count = g_new0(FilterCount, 1);
        count->registered_us = now_us;
        g_hash_table_insert(self->counts, g_steal_pointer(&key), count);
    }
    count->tenths = tenths;
    count->updated_us = now_us;
    return true;
}

void
error_filter_raise(ErrorFilter *self, const char *address, guint tenths, gint64 now_us)
{
    const FilterCount *count = error_filter_get(self, address);

    error_filter_set(self, address, MIN((count ? count->tenths : 0) + tenths, TENTHS_MAX), now_us);
}
