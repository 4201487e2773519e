/* What the files of the feedback store share. Private to them. */
#pragma once

#include "queue/feedback_store.h"

#include <sqlite3.h>
#include <sys/types.h>

struct FeedbackStore {
    sqlite3 *db;
    char *path;
    GHashTable *statements; /* address of the SQL -> sqlite3_stmt */
    dev_t dev;
    ino_t ino; /* of the file that is open */
};

/* Sets error to what the database says; always false. */
bool feedback_sql_fail(FeedbackStore *self, GError **error);

/* A statement kept by the address of sql, which must be a literal, with values by types: i: gint64, s: text or NULL,
 * copied and made valid UTF-8. NULL: error is set. */
sqlite3_stmt *feedback_sql(FeedbackStore *self, GError **error, const char *sql, const char *types, ...);

/* 1: a row, 0: the end, -1: error. At the end, and on error, the statement is reset. */
int feedback_sql_step(FeedbackStore *self, sqlite3_stmt *statement, GError **error);

/* To its end; NULL is an error that was set before. */
bool feedback_sql_run(FeedbackStore *self, sqlite3_stmt *statement, GError **error);

/* The first column of the first row, or absent. */
bool feedback_sql_number(FeedbackStore *self, sqlite3_stmt *statement, gint64 absent, gint64 *value, GError **error);

/* A column's text; "" for NULL where none. */
const char *feedback_sql_text(sqlite3_stmt *statement, int column);

/* An id without its angle brackets; "" for none. Caller frees. */
char *feedback_sql_bare(const char *id);
