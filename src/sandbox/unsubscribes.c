#include "sandbox/unsubscribes.h"

enum { ENABLED_MAX = 10000 };

struct Unsubscribes {
    GPtrArray *list;            /* of Unsubscribe */
    GHashTable *newest;         /* "scope LF address" -> Unsubscribe, borrowed from list */
    GHashTable *enabled;        /* a set */
    guint max;
};

static void
entry_free(void *data)
{
    Unsubscribe *self = data;

    g_free(self->scope);
    g_free(self->address);
    g_free(self->message_id);
    g_free(self->appended);
    g_free(self);
}

Unsubscribes *
unsubscribes_new(guint max)
{
    Unsubscribes *self = g_new0(Unsubscribes, 1);

    self->list = g_ptr_array_new_with_free_func(entry_free);
    self->newest = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->enabled = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->max = max;
    return self;
}

void
unsubscribes_free(Unsubscribes *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->newest);
    g_hash_table_unref(self->enabled);
    g_ptr_array_unref(self->list);
    g_free(self);
}

static char *
key_of(const char *scope, const char *address)
{
    g_autofree char *key = g_strdup_printf("%s\n%s", scope, address);

    return g_ascii_strdown(key, -1);
}

static Unsubscribe *
find(const Unsubscribes *self, const char *scope, const char *address)
{
    g_autofree char *key = key_of(scope, address);

    return g_hash_table_lookup(self->newest, key);
}

static void
drop_oldest(Unsubscribes *self, guint n)
{
    for (guint i = 0; i < n; i++) {
        const Unsubscribe *entry = self->list->pdata[i];
        g_autofree char *key = key_of(entry->scope, entry->address);
        if (g_hash_table_lookup(self->newest, key) == entry)
            g_hash_table_remove(self->newest, key);
    }
    g_ptr_array_remove_range(self->list, 0, n);
}

void
unsubscribes_add(Unsubscribes *self, const Unsubscribe *entry)
{
    Unsubscribe *own = g_new0(Unsubscribe, 1);

    if (self->list->len >= self->max)
        drop_oldest(self, self->max / 16 + 1);
    own->scope = g_strdup(entry->scope);
    own->address = g_strdup(entry->address);
    own->message_id = g_strdup(entry->message_id);
    own->appended = g_strdup(entry->appended);
    own->time_us = entry->time_us;
    own->lifted = entry->appended != NULL;
    g_ptr_array_add(self->list, own);
    g_hash_table_replace(self->newest, key_of(own->scope, own->address), own);
}

bool
unsubscribes_exclude(const Unsubscribes *self, const char *scope, const char *address, gint64 now_us)
{
    const Unsubscribe *entry = find(self, scope, address);

    return entry && !entry->lifted && now_us - entry->time_us < UNSUBSCRIBED_DAYS * G_TIME_SPAN_DAY;
}

bool
unsubscribes_lift(Unsubscribes *self, const char *scope, const char *address)
{
    Unsubscribe *entry = find(self, scope, address);

    if (!entry || entry->lifted)
        return false;
    entry->lifted = true;
    return true;
}

const GPtrArray *
unsubscribes_all(const Unsubscribes *self)
{
    return self->list;
}

bool
unsubscribes_enable(Unsubscribes *self, const char *header_from)
{
    if (g_hash_table_size(self->enabled) >= ENABLED_MAX)
        return unsubscribes_is_enabled(self, header_from);
    g_hash_table_add(self->enabled, g_ascii_strdown(header_from, -1));
    return true;
}

bool
unsubscribes_is_enabled(const Unsubscribes *self, const char *header_from)
{
    g_autofree char *key = g_ascii_strdown(header_from, -1);

    return g_hash_table_contains(self->enabled, key);
}
