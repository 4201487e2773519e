#include "queue/journal_store.h"

#include "base/crash_point.h"
#include "base/error.h"
#include "queue/journal_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* keys is an index by what journal_line_keys() says, as one number for things of all kinds: a fifth of the size of an
 * index for each column. */
static const char schema[] =
    "CREATE TABLE lines (row INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, event TEXT NOT NULL, id TEXT, sender TEXT,"
    " recipient TEXT, message_id TEXT, remote_id TEXT, account TEXT, call TEXT, dsn TEXT, text TEXT, digest TEXT);"
    "CREATE INDEX lines_at ON lines (at_ms);"
    "CREATE TABLE keys (hash INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (hash, row)) WITHOUT ROWID;"
    "CREATE TABLE loaded (number INTEGER NOT NULL);"
    "INSERT INTO loaded VALUES (0);"
    "PRAGMA user_version = 1;";

enum { SCHEMA_VERSION = 1 };

/* --- files --------------------------------------------------------------------------------------- */

char *
journal_file(const char *folder, guint64 number)
{
    return g_strdup_printf("%s/%" G_GUINT64_FORMAT ".log", folder, number);
}

static int
compare_numbers(const void *a, const void *b)
{
    guint64 x = *(const guint64 *) a, y = *(const guint64 *) b;

    return x < y ? -1 : x > y;
}

GArray *
journal_files(const char *folder)
{
    GArray *numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);

    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *digits = g_str_has_suffix(name, ".log") ? g_strndup(name, strlen(name) - 4) : NULL;
        guint64 number;
        if (digits && g_ascii_string_to_unsigned(digits, 10, 1, G_MAXINT64 / 2, &number, NULL))
            g_array_append_val(numbers, number);
    }
    g_array_sort(numbers, compare_numbers);
    return numbers;
}

/* --- opening ------------------------------------------------------------------------------------- */

static bool
migrate(JournalStore *self, GError **error)
{
    gint64 version = -1, tables = 0;

    if (!journal_sql_number(self, "PRAGMA user_version", &version, error)
        || !journal_sql_number(self, "SELECT count(*) FROM sqlite_master", &tables, error))
        return false;
    if (version == SCHEMA_VERSION)
        return true;
    if (version > SCHEMA_VERSION || tables > 0) {
        g_set_error(error, STORE_ERROR, version > SCHEMA_VERSION ? STORE_ERROR_NEWER : STORE_ERROR_CORRUPT,
                    "'%s/journal.db' has the unknown version %" G_GINT64_FORMAT, self->folder, version);
        return false;
    }
    if (!journal_sql_run(self, "BEGIN IMMEDIATE", error))
        return false;
    /* Two processes may have come here at once. */
    if (!journal_sql_number(self, "PRAGMA user_version", &version, error)
        || (version == 0 && !journal_sql_run(self, schema, error)) || !journal_sql_run(self, "COMMIT", error)) {
        journal_sql_run(self, "ROLLBACK", NULL);
        return false;
    }
    return true;
}

/* SQLite would let others read it. */
static bool
make_file(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd >= 0)
        return close(fd) == 0;
    g_set_error(error, STORE_ERROR, errno == ENOSPC ? STORE_ERROR_FULL : STORE_ERROR_IO, "cannot open '%s': %s", path,
                g_strerror(errno));
    return false;
}

static JournalStore *
open_store(const char *folder, int flags, const char *setup, GError **error)
{
    g_autoptr(JournalStore) self = g_new0(JournalStore, 1);
    g_autofree char *path = g_build_filename(folder, "journal.db", NULL);

    self->folder = g_strdup(folder);
    if (!(flags & SQLITE_OPEN_READONLY) && !make_file(path, error))
        return NULL;
    if (sqlite3_open_v2(path, &self->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        journal_sql_fail(self, error);
        return NULL;
    }
    sqlite3_extended_result_codes(self->db, 1);
    sqlite3_busy_timeout(self->db, 5000);
    return journal_sql_run(self, setup, error) ? g_steal_pointer(&self) : NULL;
}

JournalStore *
journal_store_open(const char *folder, GError **error)
{
    g_autoptr(JournalStore) self = open_store(folder, SQLITE_OPEN_READWRITE,
                                              "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                                              "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8192;", error);

    return self && migrate(self, error) ? g_steal_pointer(&self) : NULL;
}

JournalStore *
journal_store_open_read(const char *folder, GError **error)
{
    g_autoptr(JournalStore) self = open_store(folder, SQLITE_OPEN_READONLY, "PRAGMA trusted_schema = OFF;", error);
    gint64 version = -1;

    if (!self || !journal_sql_number(self, "PRAGMA user_version", &version, error))
        return NULL;
    if (version == SCHEMA_VERSION)
        return g_steal_pointer(&self);
    g_set_error(error, STORE_ERROR, STORE_ERROR_NEWER, "'%s/journal.db' has the unknown version %" G_GINT64_FORMAT,
                folder, version);
    return NULL;
}

int
journal_lock(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

void
journal_store_close(JournalStore *self)
{
    if (!self)
        return;
    for (guint i = 0; i < JOURNAL_STATEMENTS; i++)
        sqlite3_finalize(self->statements[i]);
    sqlite3_close(self->db);
    g_free(self->folder);
    g_free(self);
}

/* --- loading ------------------------------------------------------------------------------------- */

typedef struct {
    JournalStore *store;
    const char *sql;
    JournalStatement statement;
    gint64 row;
    bool failed;
} KeyWrite;

static void
write_key(gint64 key, void *user)
{
    KeyWrite *write = user;
    sqlite3_stmt *statement = write->failed ? NULL : journal_sql_prepare(write->store, write->statement, write->sql);

    write->failed = true;
    if (!statement)
        return;
    sqlite3_bind_int64(statement, 1, key);
    sqlite3_bind_int64(statement, 2, write->row);
    write->failed = sqlite3_step(statement) != SQLITE_DONE;
    sqlite3_reset(statement);
}

static bool
insert_line(JournalStore *self, const JournalLine *line)
{
    sqlite3_stmt *statement = journal_sql_prepare(self, JOURNAL_INSERT,
        "INSERT INTO lines (at_ms, event, id, sender, recipient, message_id, remote_id, account, call, dsn, text,"
        " digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

    if (!statement)
        return false;
    sqlite3_bind_int64(statement, 1, line->at_ms);
    for (guint i = 0; i < JOURNAL_STRINGS; i++)
        journal_sql_bind(statement, (int) i + 2, journal_line_get(line, i));
    bool done = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    KeyWrite write = { self, "INSERT INTO keys VALUES (?, ?)", JOURNAL_INSERT_KEY, sqlite3_last_insert_rowid(self->db),
                       !done };
    journal_line_keys(line, write_key, &write);
    return done && !write.failed;
}

/* fgets() cannot tell a NUL from the line's end; getline() would take a line of any length into memory. */
static bool
insert_lines(JournalStore *self, FILE *file)
{
    g_autofree char *buffer = g_malloc(JOURNAL_LINE_BYTES);
    gsize n = 0;
    bool too_long = false;

    for (int c; (c = getc_unlocked(file)) != EOF;) {
        JournalLine line;
        if (c != '\n') {
            too_long |= n == JOURNAL_LINE_BYTES - 1;
            if (!too_long)
                buffer[n++] = (char) c;
            continue;
        }
        buffer[n] = '\0';
        if (!too_long && journal_line_parse(buffer, n, &line) && !insert_line(self, &line))
            return false;
        n = 0;
        too_long = false;
    }
    return true;
}

bool
journal_store_loaded(JournalStore *self, guint64 *number, GError **error)
{
    gint64 value;

    if (!journal_sql_number(self, "SELECT number FROM loaded", &value, error))
        return false;
    *number = (guint64) value;
    return true;
}

static bool
load_file(JournalStore *self, FILE *file, guint64 number, GError **error)
{
    sqlite3_stmt *statement;

    if (!insert_lines(self, file)
        || !(statement = journal_sql_prepare(self, JOURNAL_RECORD, "UPDATE loaded SET number = ?"))) {
        journal_sql_fail(self, error);
        return false;
    }
    if (ferror(file)) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "cannot read a file of the journal: %s", g_strerror(errno));
        return false;
    }
    sqlite3_bind_int64(statement, 1, (gint64) number);
    bool done = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_reset(statement);
    crash_point("journal-run");
    return done ? journal_sql_run(self, "COMMIT", error) : journal_sql_fail(self, error);
}

bool
journal_store_load(JournalStore *self, guint64 number, GError **error)
{
    g_autofree char *path = journal_file(self->folder, number);
    guint64 loaded;

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return true;
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (!file) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "cannot open '%s': %s", path, g_strerror(errno));
        return false;
    }
    bool begun = journal_sql_run(self, "BEGIN IMMEDIATE", error);
    bool read = begun && journal_store_loaded(self, &loaded, error);
    bool done = read && (number <= loaded || load_file(self, file, number, error));
    if (begun && !sqlite3_get_autocommit(self->db))
        journal_sql_run(self, "ROLLBACK", NULL);
    fclose(file);
    if (done) {
        crash_point("journal-done");
        unlink(path);
    }
    return done;
}

/* --- pruning ------------------------------------------------------------------------------------- */

static bool
remove_keys(JournalStore *self, gint64 before_ms, guint max, GArray *rows)
{
    sqlite3_stmt *old = journal_sql_prepare(self, JOURNAL_OLD,
        "SELECT at_ms, event, id, sender, recipient, message_id, remote_id, account, call, dsn, text, digest, row"
        " FROM lines WHERE at_ms < ? ORDER BY at_ms LIMIT ?");
    KeyWrite write = { self, "DELETE FROM keys WHERE hash = ? AND row = ?", JOURNAL_DELETE_KEY, 0, old == NULL };
    int step = SQLITE_DONE;

    if (old) {
        sqlite3_bind_int64(old, 1, before_ms);
        sqlite3_bind_int64(old, 2, max);
    }
    while (!write.failed && (step = sqlite3_step(old)) == SQLITE_ROW) {
        JournalLine line;
        write.row = journal_sql_line(old, &line);
        g_array_append_val(rows, write.row);
        journal_line_keys(&line, write_key, &write);
    }
    sqlite3_reset(old);
    return !write.failed && step == SQLITE_DONE;
}

static bool
remove_lines(JournalStore *self, const GArray *rows)
{
    sqlite3_stmt *delete = journal_sql_prepare(self, JOURNAL_DELETE, "DELETE FROM lines WHERE row = ?");

    for (guint i = 0; delete && i < rows->len; i++) {
        sqlite3_bind_int64(delete, 1, g_array_index(rows, gint64, i));
        int step = sqlite3_step(delete);
        sqlite3_reset(delete);
        if (step != SQLITE_DONE)
            return false;
    }
    return delete != NULL;
}

bool
journal_store_prune(JournalStore *self, gint64 before_ms, guint max, guint *n, GError **error)
{
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(gint64));

    if (!journal_sql_run(self, "BEGIN IMMEDIATE", error))
        return false;
    bool done = remove_keys(self, before_ms, max, rows) && remove_lines(self, rows);
    if (!done)
        journal_sql_fail(self, error);
    done = done && journal_sql_run(self, "COMMIT", error);
    if (!done)
        journal_sql_run(self, "ROLLBACK", NULL);
    *n = rows->len;
    return done;
}
