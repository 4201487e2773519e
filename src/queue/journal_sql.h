/* What the files of the journal's store share. Private to them. */
#pragma once

#include "queue/journal_store.h"

#include <sqlite3.h>

typedef enum {
    JOURNAL_INSERT,
    JOURNAL_INSERT_KEY,
    JOURNAL_RECORD,
    JOURNAL_OLD,
    JOURNAL_DELETE_KEY,
    JOURNAL_DELETE,
    JOURNAL_SINCE,
    JOURNAL_AFTER,
    JOURNAL_FIND,
    JOURNAL_STATEMENTS
} JournalStatement;

struct JournalStore {
    sqlite3 *db;
    char *folder;
    sqlite3_stmt *statements[JOURNAL_STATEMENTS];
};

/* Sets error to what the database says; always returns false. */
bool journal_sql_fail(JournalStore *self, GError **error);

/* Statements without values. */
bool journal_sql_run(JournalStore *self, const char *sql, GError **error);
bool journal_sql_number(JournalStore *self, const char *sql, gint64 *value, GError **error);

/* Prepares it the first time; NULL on error. */
sqlite3_stmt *journal_sql_prepare(JournalStore *self, JournalStatement which, const char *sql);

/* A string for as long as the statement is not reset; made valid UTF-8. */
void journal_sql_bind(sqlite3_stmt *statement, int at, const char *value);

/* The line of a result whose columns are those of JournalLine, then its row; returned. Borrowed from the statement. */
gint64 journal_sql_line(sqlite3_stmt *statement, JournalLine *line);
