/* The same rows in a database without a file, the bytes of large entries included: one code for both, so that
 * what is tested with this kind holds for the other. */
#include "queue/store.h"

#include "base/log.h"
#include "queue/sqlite.h"

enum { NAMED = 100 }; /* of the entries that end with the process */

static Store *
open_in_memory(const StoreConf *conf, GError **error)
{
    return sqlite_store_new(&store_memory, conf, NULL, error);
}

static bool
stage(const Store *self, const Entry *entry, GError **error)
{
    return true;
}

static void
unstage(const Store *self, const Entry *entry)
{
}

static void
report_lost(const StoreRow *row, void *user)
{
    const Entry *entry = row->entry;
    guint *n = user;

    ++*n;
    log_event(LOG_ERR, "lost", "id", entry->id, "from", *entry->envelope->sender ? entry->envelope->sender : "<>",
              "recipients", LOG_NUM(entry_open(entry)), "text", "the queue was in memory only", NULL);
}

/* What was promised and goes with the process is said, at least. */
static void
close_memory(Store *self)
{
    const StoreQuery query = { .max = NAMED, .held = -1 };
    StoreStats stats = { 0 };
    guint n = 0;

    sqlite_each(self, &query, report_lost, &n, NULL);
    if (n == NAMED && sqlite_stats(self, 0, &stats, NULL) && stats.entries > n)
        log_event(LOG_ERR, "lost", "others", LOG_NUM(stats.entries - n), NULL);
    sqlite_close(self);
}

const StoreOps store_memory = {
    .name = "memory",
    .open = open_in_memory,
    .close = close_memory,
    .stage = stage,
    .unstage = unstage,
    SQLITE_STORE_OPS,
};
