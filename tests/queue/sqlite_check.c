#include "sqlite_check.h"

#include "queue_mail.h"

#include <sqlite3.h>
#include <string.h>

void
sqlite_set_up(SqliteFixture *self, const void *unused)
{
    self->folder = queue_folder();
    self->db = g_build_filename(self->folder, "queue.db", NULL);
    self->mail = g_build_filename(self->folder, "mail", NULL);
}

void
sqlite_tear_down(SqliteFixture *self, const void *unused)
{
    queue_folder_remove(self->folder);
    g_free(self->folder);
    g_free(self->db);
    g_free(self->mail);
}

Store *
sqlite_try_open(const SqliteFixture *self, gint64 reserve_bytes, GError **error)
{
    StoreConf conf = { .folder = self->folder, .reserve_bytes = reserve_bytes, .spool_memory_bytes = 65536 };

    return store_open("sqlite", &conf, error);
}

void
sqlite_assert_refused(const SqliteFixture *self, StoreError code, const char *word)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = sqlite_try_open(self, 0, &error);

    g_assert_null(store);
    g_assert_error(error, STORE_ERROR, (int) code);
    if (!strstr(error->message, word))
        g_error("no \"%s\" in: %s", word, error->message);
}

void
sqlite_run_sql(const char *db, const char *sql)
{
    sqlite3 *other;

    g_assert_cmpint(sqlite3_open(db, &other), ==, SQLITE_OK);
    if (sqlite3_exec(other, sql, NULL, NULL, NULL) != SQLITE_OK)
        g_error("%s: %s", sql, sqlite3_errmsg(other));
    g_assert_cmpint(sqlite3_close(other), ==, SQLITE_OK);
}

GPtrArray *
sqlite_make_queue(const SqliteFixture *self, guint n, gint64 lease_ms)
{
    g_autoptr(Store) store = queue_open("sqlite", self->folder, 0);
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);

    g_assert_true(store_begin(store, NULL));
    for (guint i = 0; i <= n; i++) {
        g_autoptr(Entry) entry = queue_mail(i % 2 ? "a@here.test" : "b@here.test", i == n ? 100000 : 500, i);

        g_assert_true(store_stage(store, entry, NULL) && store_put(store, entry, lease_ms, NULL));
        g_ptr_array_add(ids, g_strdup(entry->id));
    }
    g_assert_true(store_commit(store, NULL));
    return ids;
}

GPtrArray *
sqlite_try_claim(Store *store, guint max, GError **error)
{
    StoreClaim wish = { .now_ms = 100000, .lease_ms = 200000, .max_wait_ms = 100000, .max = max };
    GPtrArray *entries;

    if (!store_begin(store, error))
        return NULL;
    entries = store_claim(store, &wish, error);
    if (store_commit(store, entries ? error : NULL))
        return entries;
    g_clear_pointer(&entries, g_ptr_array_unref);
    return NULL;
}

guint
sqlite_claimed(Store *store)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) entries = sqlite_try_claim(store, 1000, &error);

    g_assert_no_error(error);
    return entries->len;
}
