/* The same rows in a database without a file, the bytes of large entries included: one code for both, so that
 * what is tested with this kind holds for the other. */
#include "queue/store.h"

#include "queue/sqlite.h"

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

const StoreOps store_memory = {
    .name = "memory",
    .open = open_in_memory,
    .close = sqlite_close,
    .stage = stage,
    .unstage = unstage,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .mark = sqlite_mark,
    .undo = sqlite_undo,
    .take_warning = sqlite_take_warning,
    .put = sqlite_put,
    .update = sqlite_update,
    .progress = sqlite_progress,
    .remove = sqlite_remove,
    .claim = sqlite_claim,
    .renew = sqlite_renew,
    .next_due = sqlite_next_due,
    .load = sqlite_load,
    .each = sqlite_each,
    .change = sqlite_change,
    .flush = sqlite_flush,
    .defer = sqlite_defer,
    .stats = sqlite_stats,
};
