#include "queue/feedback_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCHEMA_VERSION = 4, BUSY_MS = 10000, READ_BUSY_MS = 50, FEEDBACK_ID = 0x73686662 /* application_id: "shfb" */ };

/* Each step leads from the version that is its index to the next; steps that were released never change.
 *
 * mail is a part of a mail that went in one call. recipient.address is its address_key(), shown what was written.
 * owed: the sender is to be told; notice: by a mail of that id. suppression.removed_ms: it was taken off the list. */
static const char *const schema_steps[SCHEMA_VERSION] = {
    "CREATE TABLE mail (row INTEGER PRIMARY KEY, account TEXT NOT NULL, id TEXT NOT NULL, remote_id TEXT NOT NULL,"
    " message_id TEXT NOT NULL, call TEXT NOT NULL, request TEXT NOT NULL, sender TEXT NOT NULL, header_from TEXT,"
    " ret TEXT, envid TEXT, listener TEXT, user TEXT, header TEXT, arrived_ms INTEGER NOT NULL,"
    " delivered_ms INTEGER NOT NULL, step INTEGER NOT NULL, next_ms INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX mail_part ON mail (id, account, call, remote_id);"
    "CREATE INDEX mail_remote_id ON mail (remote_id) WHERE remote_id <> '';"
    "CREATE INDEX mail_message_id ON mail (message_id) WHERE message_id <> '';"
    "CREATE INDEX mail_request ON mail (request) WHERE request <> '';"
    "CREATE INDEX mail_call ON mail (call) WHERE call <> '';"
    "CREATE INDEX mail_next ON mail (account, next_ms);"
    "CREATE INDEX mail_delivered ON mail (delivered_ms);"
    "CREATE TABLE recipient (mail INTEGER NOT NULL, address TEXT NOT NULL, shown TEXT NOT NULL, orcpt TEXT,"
    " notify TEXT, state INTEGER NOT NULL, owed INTEGER NOT NULL, notice TEXT, told_ms INTEGER NOT NULL, dsn TEXT,"
    " reason TEXT, failed_ms INTEGER NOT NULL, PRIMARY KEY (mail, address)) WITHOUT ROWID;"
    "CREATE INDEX recipient_owed ON recipient (mail) WHERE owed = 1;"
    "CREATE TABLE suppression (account TEXT NOT NULL, address TEXT NOT NULL, sender TEXT NOT NULL,"
    " shown TEXT NOT NULL, kind INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT, since_ms INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL, removed_ms INTEGER NOT NULL, PRIMARY KEY (account, address, sender)) WITHOUT ROWID;"
    "CREATE INDEX suppression_address ON suppression (address);"
    "CREATE TABLE cursor (account TEXT NOT NULL, what TEXT NOT NULL, value INTEGER NOT NULL,"
    " PRIMARY KEY (account, what)) WITHOUT ROWID;"
    "CREATE TABLE sender (account TEXT NOT NULL, address TEXT NOT NULL, last_ms INTEGER NOT NULL,"
    " PRIMARY KEY (account, address)) WITHOUT ROWID;"
    "CREATE TABLE rate (account TEXT NOT NULL, domain TEXT NOT NULL, day INTEGER NOT NULL, sent INTEGER NOT NULL,"
    " failed INTEGER NOT NULL, told INTEGER NOT NULL, PRIMARY KEY (account, domain, day)) WITHOUT ROWID;",
    /* early: events of mails that are not in mail yet; ids are '' where there is none. */
    "CREATE TABLE early (row INTEGER PRIMARY KEY, account TEXT NOT NULL, address TEXT NOT NULL, shown TEXT NOT NULL,"
    " remote_id TEXT NOT NULL, message_id TEXT NOT NULL, request TEXT NOT NULL, call TEXT NOT NULL,"
    " kind INTEGER NOT NULL, code TEXT NOT NULL, sender TEXT, source TEXT NOT NULL, reason TEXT,"
    " when_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX early_event ON early (account, address, remote_id, message_id, request, call, kind, code);",
    "CREATE INDEX mail_open ON mail (account, delivered_ms, next_ms) WHERE next_ms < 9223372036854775807;",
    "DROP INDEX mail_delivered; CREATE INDEX mail_age ON mail (account, delivered_ms);",
};

/* --- statements ---------------------------------------------------------------------------------- */

bool
feedback_sql_fail(FeedbackStore *self, GError **error)
{
    int code = self->db ? sqlite3_errcode(self->db) & 0xff : SQLITE_NOMEM;
    StoreError kind = STORE_ERROR_IO;

    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        kind = STORE_ERROR_CORRUPT;
    if (code == SQLITE_FULL)
        kind = STORE_ERROR_FULL;
    if (error && !*error)
        g_set_error(error, STORE_ERROR, kind, "'%s': %s", self->path,
                    self->db ? sqlite3_errmsg(self->db) : sqlite3_errstr(code));
    return false;
}

static void
bind_text(sqlite3_stmt *statement, int at, const char *value)
{
    if (!value || g_utf8_validate(value, -1, NULL))
        sqlite3_bind_text(statement, at, value, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_text(statement, at, g_utf8_make_valid(value, -1), -1, g_free);
}

sqlite3_stmt *
feedback_sql(FeedbackStore *self, GError **error, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = g_hash_table_lookup(self->statements, sql);
    va_list values;

    if (!statement) {
        if (sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
            feedback_sql_fail(self, error);
            return NULL;
        }
        g_hash_table_insert(self->statements, (void *) sql, statement);
    }
    sqlite3_reset(statement);
    va_start(values, types);
    for (int i = 0; types[i]; i++) {
        if (types[i] == 'i')
            sqlite3_bind_int64(statement, i + 1, va_arg(values, gint64));
        else
            bind_text(statement, i + 1, va_arg(values, const char *));
    }
    va_end(values);
    return statement;
}

int
feedback_sql_step(FeedbackStore *self, sqlite3_stmt *statement, GError **error)
{
    int step = sqlite3_step(statement);

    if (step == SQLITE_ROW)
        return 1;
    if (step != SQLITE_DONE)
        feedback_sql_fail(self, error);
    sqlite3_reset(statement);
    return step == SQLITE_DONE ? 0 : -1;
}

bool
feedback_sql_run(FeedbackStore *self, sqlite3_stmt *statement, GError **error)
{
    int step = statement ? 1 : -1;

    while (step > 0)
        step = feedback_sql_step(self, statement, error);
    return step == 0;
}

bool
feedback_sql_number(FeedbackStore *self, sqlite3_stmt *statement, gint64 absent, gint64 *value, GError **error)
{
    int step = statement ? feedback_sql_step(self, statement, error) : -1;

    *value = absent;
    if (step < 0)
        return false;
    if (step > 0) {
        *value = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return true;
}

const char *
feedback_sql_text(sqlite3_stmt *statement, int column)
{
    return (const char *) sqlite3_column_text(statement, column);
}

char *
feedback_sql_bare(const char *id)
{
    gsize n = id ? strlen(id) : 0;

    if (n >= 2 && id[0] == '<' && id[n - 1] == '>')
        return g_strndup(id + 1, n - 2);
    return g_strdup(id ? id : "");
}

/* --- opening ------------------------------------------------------------------------------------- */

static bool
execute(FeedbackStore *self, const char *sql, GError **error)
{
    return sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK || feedback_sql_fail(self, error);
}

static bool
fail_file(const char *path, StoreError code, const char *why, GError **error)
{
    g_set_error(error, STORE_ERROR, code, "'%s' %s", path, why);
    return false;
}

/* Ours alone to write: whoever could would say which mails never go. */
static bool
is_safe(const char *path, const struct stat *st, GError **error)
{
    if (S_ISREG(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & 022))
        return true;
    return fail_file(path, STORE_ERROR_UNSAFE, "must be a file of this user that no other may write to", error);
}

static bool
make_file(const char *path, GError **error)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return fail_file(path, errno == ENOSPC ? STORE_ERROR_FULL : errno == ELOOP ? STORE_ERROR_UNSAFE : STORE_ERROR_IO,
                         g_strerror(errno), error);
    bool safe = fstat(fd, &st) == 0 && is_safe(path, &st, error);
    close(fd);
    return safe;
}

static bool
numbers(FeedbackStore *self, gint64 *id, gint64 *version, gint64 *tables, GError **error)
{
    return feedback_sql_number(self, feedback_sql(self, error, "PRAGMA application_id", ""), 0, id, error) &&
           feedback_sql_number(self, feedback_sql(self, error, "PRAGMA user_version", ""), 0, version, error) &&
           feedback_sql_number(self, feedback_sql(self, error, "SELECT count(*) FROM sqlite_master", ""), 0, tables,
                               error);
}

static bool
is_ours(FeedbackStore *self, gint64 *version, GError **error)
{
    gint64 id, tables;

    if (!numbers(self, &id, version, &tables, error))
        return false;
    if (id != FEEDBACK_ID && (tables > 0 || id != 0))
        return fail_file(self->path, STORE_ERROR_CORRUPT, "is a database of another program", error);
    if (*version > SCHEMA_VERSION)
        return fail_file(self->path, STORE_ERROR_NEWER, "was written by a later version of shimtad", error);
    if (*version < 0 || (*version == 0) != (tables == 0))
        return fail_file(self->path, STORE_ERROR_CORRUPT, "has no valid version", error);
    return true;
}

static bool
upgrade(FeedbackStore *self, GError **error)
{
    gint64 version;
    char mark[100];

    if (!execute(self, "BEGIN IMMEDIATE", error))
        return false;
    bool done = is_ours(self, &version, error);
    for (; done && version < SCHEMA_VERSION; version++)
        done = execute(self, schema_steps[version], error);
    g_snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d", FEEDBACK_ID, SCHEMA_VERSION);
    if (done && execute(self, mark, error) && execute(self, "COMMIT", error))
        return true;
    sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static void
finalize(void *statement)
{
    sqlite3_finalize(statement);
}

static FeedbackStore *
open_store(char *path, int flags, const char *setup, GError **error)
{
    g_autoptr(FeedbackStore) self = g_new0(FeedbackStore, 1);
    struct stat st;

    self->path = path;
    self->statements = g_hash_table_new_full(NULL, NULL, NULL, finalize);
    if (sqlite3_open_v2(path, &self->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK) {
        feedback_sql_fail(self, error);
        return NULL;
    }
    sqlite3_extended_result_codes(self->db, 1);
    sqlite3_busy_timeout(self->db, flags & SQLITE_OPEN_READONLY ? READ_BUSY_MS : BUSY_MS);
    sqlite3_db_config(self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!execute(self, setup, error))
        return NULL;
    if (lstat(path, &st) == 0) {
        self->dev = st.st_dev;
        self->ino = st.st_ino;
    }
    return g_steal_pointer(&self);
}

FeedbackStore *
feedback_store_open(const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "feedback.db", NULL);

    if (!make_file(path, error))
        return NULL;
    g_autoptr(FeedbackStore) self = open_store(g_steal_pointer(&path), SQLITE_OPEN_READWRITE,
        "PRAGMA trusted_schema = OFF; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;"
        "PRAGMA cell_size_check = ON;", error);
    return self && upgrade(self, error) ? g_steal_pointer(&self) : NULL;
}

FeedbackStore *
feedback_store_open_read(const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "feedback.db", NULL);
    gint64 version;

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return NULL;
    g_autoptr(FeedbackStore) self = open_store(g_steal_pointer(&path), SQLITE_OPEN_READONLY,
                                               "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -2048;", error);
    return self && is_ours(self, &version, error) && version > 0 ? g_steal_pointer(&self) : NULL;
}

void
feedback_store_close(FeedbackStore *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->statements);
    sqlite3_close_v2(self->db);
    g_free(self->path);
    g_free(self);
}

/* --- groups -------------------------------------------------------------------------------------- */

bool
feedback_store_begin(FeedbackStore *self, GError **error)
{
    struct stat st;

    if (lstat(self->path, &st) < 0 || st.st_dev != self->dev || st.st_ino != self->ino)
        return fail_file(self->path, STORE_ERROR_CORRUPT, "was removed or replaced while in use", error);
    return execute(self, "BEGIN IMMEDIATE", error);
}

bool
feedback_store_commit(FeedbackStore *self, GError **error)
{
    if (execute(self, "COMMIT", error))
        return true;
    feedback_store_undo(self);
    return false;
}

void
feedback_store_undo(FeedbackStore *self)
{
    if (!sqlite3_get_autocommit(self->db))
        sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
}
