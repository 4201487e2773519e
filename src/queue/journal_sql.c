#include "queue/journal_sql.h"

bool
journal_sql_fail(JournalStore *self, GError **error)
{
    int code = self->db ? sqlite3_errcode(self->db) & 0xff : SQLITE_NOMEM;
    StoreError kind = STORE_ERROR_IO;

    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        kind = STORE_ERROR_CORRUPT;
    if (code == SQLITE_FULL)
        kind = STORE_ERROR_FULL;
    g_set_error(error, STORE_ERROR, kind, "'%s/journal.db': %s", self->folder,
                self->db ? sqlite3_errmsg(self->db) : sqlite3_errstr(code));
    return false;
}

bool
journal_sql_run(JournalStore *self, const char *sql, GError **error)
{
    return sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK || journal_sql_fail(self, error);
}

bool
journal_sql_number(JournalStore *self, const char *sql, gint64 *value, GError **error)
{
    sqlite3_stmt *statement = NULL;
    bool found = sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL) == SQLITE_OK
                 && sqlite3_step(statement) == SQLITE_ROW;

    if (found)
        *value = sqlite3_column_int64(statement, 0);
    else
        journal_sql_fail(self, error);
    sqlite3_finalize(statement);
    return found;
}

sqlite3_stmt *
journal_sql_prepare(JournalStore *self, JournalStatement which, const char *sql)
{
    sqlite3_stmt **statement = &self->statements[which];

    if (!*statement)
        sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return *statement;
}

void
journal_sql_bind(sqlite3_stmt *statement, int at, const char *value)
{
    if (!value || g_utf8_validate(value, -1, NULL))
        sqlite3_bind_text(statement, at, value, -1, SQLITE_STATIC);
    else
        sqlite3_bind_text(statement, at, g_utf8_make_valid(value, -1), -1, g_free);
}

gint64
journal_sql_line(sqlite3_stmt *statement, JournalLine *line)
{
    line->at_ms = sqlite3_column_int64(statement, 0);
    for (guint i = 0; i < JOURNAL_STRINGS; i++)
        journal_line_set(line, i, (const char *) sqlite3_column_text(statement, (int) i + 1));
    return sqlite3_column_int64(statement, JOURNAL_STRINGS + 1);
}
