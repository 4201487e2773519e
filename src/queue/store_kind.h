/* What a kind of store implements: the functions of store.h, one to one. Private to queue/. */
#pragma once

#include "queue/store.h"

typedef struct {
    const char *name;
    Store *(*open)(const StoreConf *conf, GError **error);
    void (*close)(Store *self);
    bool (*stage)(const Store *self, const Entry *entry, GError **error);
    void (*unstage)(const Store *self, const Entry *entry);
    bool (*begin)(Store *self, GError **error);
    bool (*commit)(Store *self, GError **error);
    bool (*mark)(Store *self, GError **error);
    bool (*undo)(Store *self, GError **error);
    char *(*take_warning)(Store *self);
    bool (*put)(Store *self, const Entry *entry, gint64 lease_ms, GError **error);
    bool (*update)(Store *self, const Entry *entry, GError **error);
    bool (*progress)(Store *self, const Entry *entry, const GArray *places, GError **error);
    bool (*remove)(Store *self, const char *id, GError **error);
    GPtrArray *(*claim)(Store *self, const StoreClaim *claim, GError **error);
    bool (*renew)(Store *self, const char *const *ids, gint64 lease_ms, GError **error);
    bool (*next_due)(Store *self, gint64 *due_ms, GError **error);
    bool (*next_late)(Store *self, gint64 *late_ms, GError **error);
    Entry *(*load)(Store *self, const char *id, GError **error);
    bool (*each)(Store *self, const StoreQuery *query, void (*visit)(const StoreRow *row, void *user), void *user,
                 GError **error);
    bool (*change)(Store *self, const char *id, StoreAction action, gint64 now_ms, GError **error);
    bool (*flush)(Store *self, const StoreQuery *query, gint64 now_ms, guint *n, GError **error);
    bool (*defer)(Store *self, const char *const *ids, gint64 due_ms, GError **error);
    bool (*has_room)(Store *self, GError **error);
    bool (*stats)(Store *self, gint64 now_ms, StoreStats *stats, GError **error);
} StoreOps;

/* First member of each kind's own. */
struct Store {
    const StoreOps *ops;
    bool in_group;
};

extern const StoreOps store_sqlite;
extern const StoreOps store_memory;
