/* Whether the database that is open is still the one that the next start will find. Where somebody has removed it, what
 * was promised is in a file without a name; it is written out again, to the old place, if nothing else is there. */
#include "queue/sqlite.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESCUE_MS = 60000 }; /* between two that failed: each reads the whole queue */

static const char *const companions[] = { "queue.db-wal", "queue.db-shm" };

static SqlitePlace
place_of(const SqliteStore *self, const char *name)
{
    g_autofree char *path = mail_folder_path(self->folder, name);
    struct stat st;

    return lstat(path, &st) == 0 ? (SqlitePlace) { st.st_dev, st.st_ino } : (SqlitePlace) { 0 };
}

static bool
is_same(SqlitePlace a, SqlitePlace b)
{
    return a.dev == b.dev && a.ino == b.ino;
}

void
sqlite_guard_start(SqliteStore *self)
{
    if (!self->folder)
        return;
    self->place = place_of(self, "queue.db");
    self->wal_place = place_of(self, companions[0]);
}

bool
sqlite_in_place(const SqliteStore *self)
{
    return !self->folder || (is_same(self->place, place_of(self, "queue.db")) &&
                             is_same(self->wal_place, place_of(self, companions[0])));
}

static bool
sync_name(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool fine = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return fine;
}

/* What has no name can still be read: a copy gets the name, unless somebody else has it. */
static bool
write_out(SqliteStore *self)
{
    g_autofree char *path = mail_folder_path(self->folder, "queue.db"), *fresh = g_strconcat(path, ".new", NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", fresh);

    unlink(fresh);
    int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool fine = fd >= 0 && close(fd) == 0 && sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK && sync_name(fresh) &&
                renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) == 0 && sync_name(folder);
    sqlite3_free(sql);
    if (!fine)
        unlink(fresh);
    return fine;
}

/* The log without a name goes into the database. */
static bool
write_back(SqliteStore *self)
{
    int left = -1, done = -2;

    return sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &left, &done) == SQLITE_OK &&
           left == done;
}

static bool
rescue(SqliteStore *self)
{
    SqlitePlace now = place_of(self, "queue.db"), wal = place_of(self, companions[0]);
    bool there = is_same(now, self->place), wal_there = is_same(wal, self->wal_place);

    if (self->rescue_ms > 0 && clock_monotonic() - self->rescue_ms < RESCUE_MS)
        return false;
    self->rescue_ms = clock_monotonic();
    if ((!there && now.ino != 0) || (!wal_there && wal.ino != 0) || !mail_folder_is_whole(self->folder) ||
        !(there ? write_back(self) : write_out(self)))
        return false;
    sqlite_disconnect(self);
    for (guint i = 0; !there && i < G_N_ELEMENTS(companions); i++) { /* of the old one */
        g_autofree char *path = mail_folder_path(self->folder, companions[i]);
        unlink(path);
    }
    if (!sqlite_connect(self, NULL)) {
        sqlite_disconnect(self);
        return false;
    }
    self->rescue_ms = 0;
    sqlite_warn(self, "%s", there ? "queue.db-wal was removed while in use; what was in it has been saved"
                                  : "queue.db was removed while in use; it has been written again. Do not put the "
                                    "old one back: its mail would go twice");
    return true;
}

bool
sqlite_guard(SqliteStore *self, GError **error)
{
    if (sqlite_in_place(self) || rescue(self))
        return true;
    g_autofree char *path = mail_folder_path(self->folder, "queue.db");
    g_set_error(error, STORE_ERROR, STORE_ERROR_CORRUPT,
                "%s or its queue.db-wal was removed or replaced while in use: nothing is queued until shimtad is "
                "started again with what belongs there", path);
    return false;
}
