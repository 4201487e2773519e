#include "queue/store.h"

#include "base/crash_point.h"
#include "queue/sqlite_verify.h"

#include <errno.h>
#include <string.h>

enum { BUSY_MS = 10000 };

/* FULL: a commit is on the disk when it returns. A checkpoint each 4000 pages, because what was delivered by then never
 * reaches the database proper. */
static const char connection_setup[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 4000;"
    "PRAGMA journal_size_limit = 67108864;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -16384;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA mmap_size = 0;";

static void
finalize(void *stmt)
{
    sqlite3_finalize(stmt);
}

static bool
read_totals(SqliteStore *self, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self, "SELECT entries, bytes, leased, held FROM totals WHERE one = 1", error);
    int rc = stmt ? sqlite_step(self, stmt, error) : -1;

    if (rc < 0)
        return false;
    memset(&self->totals, 0, sizeof self->totals);
    if (rc > 0)
        self->totals = (SqliteTotals) {
            sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
            sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3),
        };
    sqlite3_reset(stmt);
    self->saved = self->totals;
    return true;
}

bool
sqlite_connect(SqliteStore *self, GError **error)
{
    g_autofree char *path = self->folder ? mail_folder_path(self->folder, "queue.db") : g_strdup(":memory:");

    self->statements = g_hash_table_new_full(NULL, NULL, NULL, finalize);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (self->folder ? 0 : SQLITE_OPEN_MEMORY);
    if (sqlite3_open_v2(path, &self->db, flags, NULL) != SQLITE_OK)
        return sqlite_fail(self, "cannot open the queue", error);
    sqlite3_extended_result_codes(self->db, 1);
    sqlite3_busy_timeout(self->db, BUSY_MS);
    sqlite3_db_config(self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (sqlite3_exec(self->db, connection_setup, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_fail(self, "cannot open the queue", error);
    if (!sqlite_upgrade(self, error) || !read_totals(self, error) || !sqlite_begin_turns(self, error))
        return false;
    sqlite_guard_start(self);
    return true;
}

void
sqlite_disconnect(SqliteStore *self)
{
    g_clear_pointer(&self->statements, g_hash_table_unref);
    sqlite3_close_v2(self->db);
    self->db = NULL;
}

/* Rows and their number may differ only after damage or another's hand. */
static bool
recount(SqliteStore *self, GError **error)
{
    gint64 n;

    if (!sqlite_number(self, "SELECT count(*) FROM entry", 0, &n, error))
        return false;
    if (n == self->totals.entries && self->totals.bytes >= 0 && self->totals.held >= 0)
        return true;
    self->totals.entries = n;
    return sqlite_number(self, "SELECT sum(size) FROM entry WHERE size >= 0", 0, &self->totals.bytes, error) &&
           sqlite_number(self, "SELECT count(*) FROM entry WHERE state = 'held'", 0, &self->totals.held, error);
}

/* No other process has the queue: whoever held a lease is dead. */
static bool
end_all_leases(SqliteStore *self, GError **error)
{
    gint64 left;

    do {
        if (!sqlite_begin(&self->base, error))
            return false;
        if (!sqlite_end_leases(self, G_MAXINT64, SQLITE_BATCH, error) ||
            !sqlite_number(self, "SELECT count(*) FROM (SELECT 1 FROM entry WHERE state = 'leased' LIMIT 1)", 0,
                           &left, error)) {
            sqlite_commit(&self->base, NULL);
            return false;
        }
        if (left == 0 && !recount(self, error)) {
            sqlite_commit(&self->base, NULL);
            return false;
        }
        if (left == 0)
            self->totals.leased = 0;
        if (!sqlite_commit(&self->base, error))
            return false;
    } while (left > 0);
    return true;
}

static bool
remove_orphan(const char *id, void *user, GError **error)
{
    SqliteStore *self = user;
    sqlite3_stmt *stmt = sqlite_prepare(self, "SELECT 1 FROM entry WHERE id = ?1 AND in_file <> 0", error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "s", id);
    int rc = sqlite_step(self, stmt, error);
    sqlite3_reset(stmt);
    if (rc == 0)
        mail_folder_remove(self->folder, id);
    return rc >= 0;
}

Store *
sqlite_store_new(const StoreOps *ops, const StoreConf *conf, MailFolder *folder, GError **error)
{
    SqliteStore *self = g_new0(SqliteStore, 1);

    self->base.ops = ops;
    self->conf = *conf;
    self->conf.folder = NULL;
    self->folder = folder;
    self->small_bytes = folder ? SQLITE_SMALL_BYTES : G_MAXINT64;
    self->gone = g_ptr_array_new_with_free_func(g_free);
    if (sqlite_connect(self, error) && (!folder || mail_folder_note(folder, MAIL_FOLDER_OPEN, error)) &&
        sqlite_verify_start(self, error) && end_all_leases(self, error) && (!folder || mail_folder_each(folder, remove_orphan, self, error))) {
        self->noted = folder != NULL;
        return &self->base;
    }
    sqlite_close(&self->base);
    return NULL;
}

static bool
fail_missing(const char *path, const char *though, GError **error)
{
    g_set_error(error, STORE_ERROR, STORE_ERROR_CORRUPT,
                "%s is missing, though %s; restore it, or move the folder away", path, though);
    return false;
}

/* An empty queue is never put over what may be left of an old one. wal: whether that is there. */
static bool
find_database(const MailFolder *folder, bool *wal, GError **error)
{
    static const char *const companions[] = { "queue.db-wal", "queue.db-shm", "queue.db-journal" };
    g_autofree char *path = mail_folder_path(folder, "queue.db");
    bool there, other = false;

    for (guint i = 0; i < G_N_ELEMENTS(companions); i++) {
        bool has;

        if (!mail_folder_check(folder, companions[i], &has, error))
            return false;
        other = other || has;
        *wal = i == 0 ? has : *wal;
    }
    if (!mail_folder_check(folder, "queue.db", &there, error))
        return false;
    if (there)
        return sqlite_check_header(path, error);
    if (other || mail_folder_has_mail(folder))
        return fail_missing(path, other ? "its queue.db-wal or -shm is there" : "mail/ beside it has queued mail", error);
    if (mail_folder_noted(folder) != MAIL_FOLDER_NEW)
        return fail_missing(path, "there was a queue in this folder", error);
    return sqlite_create(path, error);
}

static Store *
open_on_disk(const StoreConf *conf, GError **error)
{
    g_autoptr(MailFolder) folder = mail_folder_open(conf->folder, error);
    bool wal = false;

    if (!folder || !find_database(folder, &wal, error))
        return NULL;
    bool lost = !wal && mail_folder_noted(folder) == MAIL_FOLDER_OPEN;
    Store *self = sqlite_store_new(&store_sqlite, conf, g_steal_pointer(&folder), error);
    if (self && lost)
        sqlite_warn((SqliteStore *) self, "queue.db-wal is missing, though the last shimtad did not end well: mail it "
                                          "had accepted may be lost");
    return self;
}

void
sqlite_close(Store *store)
{
    SqliteStore *self = (SqliteStore *) store;

    if (self->noted && self->db && sqlite_in_place(self))
        mail_folder_note(self->folder, MAIL_FOLDER_CLOSED, NULL); /* before the log goes: it may not be missed */
    sqlite_disconnect(self);
    mail_folder_close(self->folder);
    g_ptr_array_unref(self->gone);
    g_free(self->warning);
    g_free(self);
}

static bool
stage(const Store *store, const Entry *entry, GError **error)
{
    const SqliteStore *self = (const SqliteStore *) store;
    gint64 size = spool_length(entry->spool);

    if (size <= self->small_bytes)
        return true;
    if ((!entry->is_bounce &&
         !mail_folder_room_now(self->folder, size, self->conf.reserve_bytes, self->conf.reserve_inodes, error)) ||
        !mail_folder_write(self->folder, entry->id, entry->spool, error))
        return false;
    crash_point("staged");
    return true;
}

static void
unstage(const Store *store, const Entry *entry)
{
    const SqliteStore *self = (const SqliteStore *) store;

    if (spool_length(entry->spool) > self->small_bytes)
        mail_folder_remove(self->folder, entry->id);
}

bool
sqlite_begin(Store *store, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;

    if (!self->db && !sqlite_connect(self, error)) {
        sqlite_disconnect(self);
        return false;
    }
    if (!sqlite_guard(self, error))
        return false;
    self->spoiled = self->marked = false;
    g_ptr_array_set_size(self->gone, 0);
    self->saved = self->totals;
    return sqlite_do(self, "BEGIN IMMEDIATE", error);
}

bool
sqlite_mark(Store *store, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;

    self->at_mark = self->totals;
    self->gone_at_mark = self->gone->len;
    if (self->marked && !sqlite_do(self, "RELEASE task", error))
        return false;
    self->marked = true;
    return sqlite_do(self, "SAVEPOINT task", error);
}

bool
sqlite_undo(Store *store, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;

    g_assert(self->marked);
    self->totals = self->at_mark;
    g_ptr_array_set_size(self->gone, self->gone_at_mark);
    return sqlite_do(self, "ROLLBACK TO task", error);
}

char *
sqlite_take_warning(Store *store)
{
    return g_steal_pointer(&((SqliteStore *) store)->warning);
}

static bool
save_totals(SqliteStore *self, GError **error)
{
    if (memcmp(&self->totals, &self->saved, sizeof self->totals) == 0)
        return true;
    sqlite3_stmt *stmt = sqlite_prepare(
        self, "REPLACE INTO totals (one, entries, bytes, leased, held) VALUES (1, ?1, ?2, ?3, ?4)", error);
    if (!stmt)
        return false;
    sqlite_bind(stmt, "iiii", self->totals.entries, self->totals.bytes, self->totals.leased, self->totals.held);
    return sqlite_run(self, stmt, error);
}

/* After an error of the disk nobody knows what the connection's pages are worth. */
static void
start_again(SqliteStore *self)
{
    if (self->db)
        sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    self->totals = self->saved;
    if (!self->folder || !sqlite_in_place(self)) /* what was removed can be read as long as it is open */
        return;
    sqlite_disconnect(self);
    if (!sqlite_connect(self, NULL))
        sqlite_disconnect(self);
}

bool
sqlite_commit(Store *store, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;

    if (self->spoiled)
        g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "the queue could not be written");
    if (self->spoiled || !save_totals(self, error) || !sqlite_do(self, "COMMIT", error)) {
        start_again(self);
        return false;
    }
    if (!sqlite_guard(self, error)) /* it is durable in files that nobody will find */
        return false;
    for (guint i = 0; self->folder && i < self->gone->len; i++) {
        crash_point("before-unlink");
        mail_folder_remove(self->folder, self->gone->pdata[i]);
    }
    return true;
}

const StoreOps store_sqlite = {
    .name = "sqlite",
    .open = open_on_disk,
    .close = sqlite_close,
    .stage = stage,
    .unstage = unstage,
    SQLITE_STORE_OPS,
};
