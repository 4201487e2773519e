#include "queue/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Each step leads from the version that is its index to the next; steps that were released never change.
 *
 * entry.lane is the sender in lower case, and a priority; lane has a row for each with waiting entries, ready once one of
 * them is due. lane.due_ms is at most the due_ms of the lane's first entry: whoever finds it too early puts it right. */
static const char *const schema_steps[SQLITE_STORE_VERSION] = {
    "CREATE TABLE entry ("
    " seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, sender TEXT NOT NULL,"
    " lane TEXT NOT NULL, size INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL,"
    " lease_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, last TEXT, held TEXT,"
    " message_id TEXT, shares_made INTEGER NOT NULL, delay_told INTEGER NOT NULL, is_bounce INTEGER NOT NULL,"
    " expanded INTEGER NOT NULL, in_file INTEGER NOT NULL, ret TEXT, envid TEXT, smtputf8 INTEGER NOT NULL,"
    " submission INTEGER NOT NULL, from_headers INTEGER NOT NULL, gateway INTEGER NOT NULL,"
    " no_aliases INTEGER NOT NULL, hops INTEGER NOT NULL, delivery INTEGER NOT NULL, full_name TEXT, listener TEXT,"
    " client TEXT, helo TEXT, user TEXT);"
    "CREATE INDEX entry_waiting ON entry (lane, due_ms) WHERE state = 'waiting';"
    "CREATE INDEX entry_due ON entry (due_ms) WHERE state = 'waiting';"
    "CREATE INDEX entry_leased ON entry (lease_ms) WHERE state = 'leased';"
    "CREATE TABLE recipient ("
    " entry INTEGER NOT NULL, n INTEGER NOT NULL, address TEXT NOT NULL, orcpt TEXT, notify TEXT,"
    " closed INTEGER NOT NULL, maybe_taken INTEGER NOT NULL, account TEXT, call_key TEXT, verdict TEXT NOT NULL,"
    " code INTEGER NOT NULL, dsn TEXT, text TEXT, remote_id TEXT, retry_after_ms INTEGER NOT NULL,"
    " flags INTEGER NOT NULL, PRIMARY KEY (entry, n)) WITHOUT ROWID;"
    "CREATE TABLE message (entry INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE lane (name TEXT NOT NULL PRIMARY KEY, ready INTEGER NOT NULL, due_ms INTEGER NOT NULL,"
    " turn INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX lane_due ON lane (due_ms) WHERE ready = 0;"
    "CREATE INDEX lane_turn ON lane (turn) WHERE ready = 1;"
    "CREATE TABLE totals (one INTEGER PRIMARY KEY CHECK (one = 1), entries INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " leased INTEGER NOT NULL, held INTEGER NOT NULL);"
    "INSERT INTO totals VALUES (1, 0, 0, 0, 0);",
    "ALTER TABLE entry ADD COLUMN cut_off INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE entry ADD COLUMN auth TEXT; ALTER TABLE entry ADD COLUMN tls TEXT;"
    "ALTER TABLE entry ADD COLUMN tls_client TEXT; ALTER TABLE entry ADD COLUMN tag TEXT;"
    "ALTER TABLE entry ADD COLUMN via TEXT;",
    "ALTER TABLE entry ADD COLUMN chosen_account TEXT; ALTER TABLE entry DROP COLUMN shares_made;",
    /* What may not go yet lies in an index of its own: whoever makes mail due passes it by. */
    "ALTER TABLE entry ADD COLUMN hold_until_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE entry ADD COLUMN by_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE entry ADD COLUMN by_flags INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE entry ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX entry_due;"
    "CREATE INDEX entry_due ON entry (due_ms) WHERE state = 'waiting' AND hold_until_ms = 0;"
    "CREATE INDEX entry_on_hold ON entry (due_ms) WHERE state = 'waiting' AND hold_until_ms > 0;",
    "CREATE INDEX entry_late ON entry (max(due_ms, by_ms)) WHERE state = 'waiting' AND by_ms > 0;",
};

static bool
fail_path(GError **error, StoreError code, const char *path, const char *why)
{
    g_set_error(error, STORE_ERROR, code, "%s %s", path, why);
    return false;
}

static bool
sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool fine = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return fine;
}

static bool
fill_new(const char *path)
{
    sqlite3 *db = NULL;
    char mark[80];

    g_snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = 0", SQLITE_STORE_ID);
    bool fine = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                sqlite3_exec(db, "PRAGMA page_size = 4096", NULL, NULL, NULL) == SQLITE_OK &&
                sqlite3_exec(db, mark, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_close(db);
    return fine;
}

/* Under another name until it is whole: a file without our mark is never one of ours that a crash left. */
bool
sqlite_create(const char *path, GError **error)
{
    g_autofree char *fresh = g_strconcat(path, ".new", NULL);
    g_autofree char *folder = g_path_get_dirname(path);

    unlink(fresh);
    int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && fill_new(fresh) && sync_path(fresh) && rename(fresh, path) == 0 && sync_path(folder))
        return true;
    unlink(fresh);
    return fail_path(error, errno == ENOSPC ? STORE_ERROR_FULL : STORE_ERROR_IO, path, "cannot be made");
}

static guint32
big_endian(const guint8 *at)
{
    return (guint32) at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/* Before SQLite touches the file: what is not ours stays as it is. */
bool
sqlite_check_header(const char *path, GError **error)
{
    guint8 head[100];
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);

    if (fd >= 0)
        close(fd);
    if (n < 0)
        return fail_path(error, STORE_ERROR_IO, path, "cannot be read");
    if (n < (ssize_t) sizeof head || memcmp(head, "SQLite format 3", 16) != 0)
        return fail_path(error, STORE_ERROR_CORRUPT, path, "is not a database; restore it, or move it away");
    if (big_endian(head + 68) != SQLITE_STORE_ID)
        return fail_path(error, STORE_ERROR_CORRUPT, path, "is a database of another program");
    if (big_endian(head + 60) > SQLITE_STORE_VERSION)
        return fail_path(error, STORE_ERROR_NEWER, path, "was written by a later version of shimtad");
    return true;
}

static bool
run_steps(SqliteStore *self, gint64 version, GError **error)
{
    char mark[40];

    for (; version < SQLITE_STORE_VERSION; version++)
        if (sqlite3_exec(self->db, schema_steps[version], NULL, NULL, NULL) != SQLITE_OK)
            return sqlite_fail(self, "cannot upgrade the queue", error);
    g_snprintf(mark, sizeof mark, "PRAGMA user_version = %d", SQLITE_STORE_VERSION);
    return sqlite3_exec(self->db, mark, NULL, NULL, NULL) == SQLITE_OK ||
           sqlite_fail(self, "cannot upgrade the queue", error);
}

bool
sqlite_upgrade(SqliteStore *self, GError **error)
{
    gint64 version;

    if (!sqlite_number(self, "PRAGMA user_version", -1, &version, error))
        return false;
    if (version > SQLITE_STORE_VERSION) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_NEWER, "the queue was written by a later version of shimtad");
        return false;
    }
    if (version < 0) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_CORRUPT, "the queue has no valid version");
        return false;
    }
    if (version == SQLITE_STORE_VERSION)
        return true;
    if (!sqlite_do(self, "BEGIN IMMEDIATE", error))
        return false;
    if (run_steps(self, version, error) && sqlite_do(self, "COMMIT", error))
        return true;
    sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
