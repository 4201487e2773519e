#include "queue/store.h"

#include "queue/store_kind.h"

#include <string.h>

static const StoreOps *const store_kinds[] = { &store_sqlite, &store_memory };

Store *
store_open(const char *kind, const StoreConf *conf, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(store_kinds); i++)
        if (strcmp(kind, store_kinds[i]->name) == 0)
            return store_kinds[i]->open(conf, error);
    g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "there is no store of the kind \"%s\"", kind);
    return NULL;
}

void
store_close(Store *self)
{
    if (self)
        self->ops->close(self);
}

bool
store_stage(const Store *self, const Entry *entry, GError **error)
{
    return self->ops->stage(self, entry, error);
}

void
store_unstage(const Store *self, const Entry *entry)
{
    self->ops->unstage(self, entry);
}

bool
store_begin(Store *self, GError **error)
{
    g_assert(!self->in_group);
    self->in_group = self->ops->begin(self, error);
    return self->in_group;
}

bool
store_commit(Store *self, GError **error)
{
    g_assert(self->in_group);
    self->in_group = false;
    return self->ops->commit(self, error);
}

bool
store_mark(Store *self, GError **error)
{
    g_assert(self->in_group);
    return self->ops->mark(self, error);
}

bool
store_undo(Store *self, GError **error)
{
    g_assert(self->in_group);
    return self->ops->undo(self, error);
}

char *
store_take_warning(Store *self)
{
    return self->ops->take_warning(self);
}

bool
store_put(Store *self, const Entry *entry, gint64 lease_ms, GError **error)
{
    g_assert(self->in_group);
    return self->ops->put(self, entry, lease_ms, error);
}

bool
store_update(Store *self, const Entry *entry, GError **error)
{
    g_assert(self->in_group);
    return self->ops->update(self, entry, error);
}

bool
store_progress(Store *self, const Entry *entry, const GArray *places, GError **error)
{
    g_assert(self->in_group);
    return self->ops->progress(self, entry, places, error);
}

bool
store_remove(Store *self, const char *id, GError **error)
{
    g_assert(self->in_group);
    return self->ops->remove(self, id, error);
}

GPtrArray *
store_claim(Store *self, const StoreClaim *claim, GError **error)
{
    g_assert(self->in_group);
    return self->ops->claim(self, claim, error);
}

bool
store_renew(Store *self, const char *const *ids, gint64 lease_ms, GError **error)
{
    g_assert(self->in_group);
    return self->ops->renew(self, ids, lease_ms, error);
}

bool
store_next_due(Store *self, gint64 *due_ms, GError **error)
{
    return self->ops->next_due(self, due_ms, error);
}

bool
store_next_late(Store *self, gint64 *late_ms, GError **error)
{
    return self->ops->next_late(self, late_ms, error);
}

Entry *
store_load(Store *self, const char *id, GError **error)
{
    return self->ops->load(self, id, error);
}

bool
store_each(Store *self, const StoreQuery *query, void (*visit)(const StoreRow *row, void *user), void *user,
           GError **error)
{
    return self->ops->each(self, query, visit, user, error);
}

bool
store_change(Store *self, const char *id, StoreAction action, gint64 now_ms, GError **error)
{
    g_assert(self->in_group);
    return self->ops->change(self, id, action, now_ms, error);
}

bool
store_flush(Store *self, const StoreQuery *query, gint64 now_ms, guint *n, GError **error)
{
    g_assert(self->in_group);
    return self->ops->flush(self, query, now_ms, n, error);
}

bool
store_defer(Store *self, const char *const *ids, gint64 due_ms, GError **error)
{
    g_assert(self->in_group);
    return self->ops->defer(self, ids, due_ms, error);
}

bool
store_has_room(Store *self, GError **error)
{
    return self->ops->has_room(self, error);
}

bool
store_stats(Store *self, gint64 now_ms, StoreStats *stats, GError **error)
{
    return self->ops->stats(self, now_ms, stats, error);
}
