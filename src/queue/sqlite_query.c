#include "queue/sqlite.h"

#include <stdarg.h>

/* What SQLite said last, as one of ours. Within a group nothing is certain any more, but where it is only the one
 * statement that cannot be. */
bool
sqlite_fail(SqliteStore *self, const char *what, GError **error)
{
    StoreError code = STORE_ERROR_IO;
    int said = self->db ? sqlite3_errcode(self->db) & 0xff : SQLITE_IOERR;

    if (said != SQLITE_CONSTRAINT && said != SQLITE_TOOBIG)
        self->spoiled = true;
    switch (said) {
    case SQLITE_CONSTRAINT:
        code = STORE_ERROR_EXISTS;
        break;
    case SQLITE_FULL:
        code = STORE_ERROR_FULL;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        code = STORE_ERROR_CORRUPT;
        break;
    }
    g_set_error(error, STORE_ERROR, code, "%s: %s", what,
                self->db ? sqlite3_errmsg(self->db) : "the queue's database could not be opened again");
    return false;
}

void
sqlite_warn(SqliteStore *self, const char *format, ...)
{
    g_autofree char *before = self->warning;
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    self->warning = before ? g_strconcat(before, "; ", text, NULL) : g_steal_pointer(&text);
}

sqlite3_stmt *
sqlite_prepare(SqliteStore *self, const char *sql, GError **error)
{
    sqlite3_stmt *stmt = self->db ? g_hash_table_lookup(self->statements, sql) : NULL;

    if (stmt)
        return stmt;
    if (!self->db || sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK) {
        sqlite_fail(self, "cannot read the queue", error);
        return NULL;
    }
    g_hash_table_insert(self->statements, (void *) sql, stmt);
    return stmt;
}

int
sqlite_step(SqliteStore *self, sqlite3_stmt *stmt, GError **error)
{
    int rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        sqlite_fail(self, sqlite3_stmt_readonly(stmt) ? "cannot read the queue" : "cannot write the queue", error);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? 0 : -1;
}

bool
sqlite_run(SqliteStore *self, sqlite3_stmt *stmt, GError **error)
{
    int rc;

    while ((rc = sqlite_step(self, stmt, error)) > 0)
        continue;
    return rc == 0;
}

bool
sqlite_do(SqliteStore *self, const char *sql, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self, sql, error);

    return stmt && sqlite_run(self, stmt, error);
}

bool
sqlite_number(SqliteStore *self, const char *sql, gint64 absent, gint64 *value, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self, sql, error);
    int rc = stmt ? sqlite_step(self, stmt, error) : -1;

    if (rc < 0)
        return false;
    bool is_there = rc > 0 && sqlite3_column_type(stmt, 0) == SQLITE_INTEGER;
    *value = is_there ? sqlite3_column_int64(stmt, 0) : absent;
    sqlite3_reset(stmt);
    return true;
}

/* A line as it is; control characters, which are refused on the way back, become spaces. */
static void
bind_line(sqlite3_stmt *stmt, int at, const char *text)
{
    const char *p = text;

    while (p && *p && !g_ascii_iscntrl(*p))
        p++;
    if (!p || !*p) {
        sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
        return;
    }
    char *clean = g_strdup(text);
    for (char *q = clean; *q; q++)
        if (g_ascii_iscntrl(*q))
            *q = ' ';
    sqlite3_bind_text(stmt, at, clean, -1, g_free);
}

void
sqlite_bind(sqlite3_stmt *stmt, const char *types, ...)
{
    va_list args;

    va_start(args, types);
    for (int i = 0; types[i]; i++)
        if (types[i] == 'i')
            sqlite3_bind_int64(stmt, i + 1, va_arg(args, gint64));
        else
            bind_line(stmt, i + 1, va_arg(args, const char *));
    va_end(args);
}
