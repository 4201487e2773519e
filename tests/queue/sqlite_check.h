/* For the tests of the SQLite store: a folder, and what others do to it. */
#pragma once

#include "queue/store.h"

typedef struct {
    char *folder, *db, *mail; /* paths; nothing is there yet */
} SqliteFixture;

void sqlite_set_up(SqliteFixture *self, const void *unused);
void sqlite_tear_down(SqliteFixture *self, const void *unused);

Store *sqlite_try_open(const SqliteFixture *self, gint64 reserve_bytes, GError **error);
void sqlite_assert_refused(const SqliteFixture *self, StoreError code, const char *word);

/* As another program does it. */
void sqlite_run_sql(const char *db, const char *sql);

/* A queue with n small entries and a large one; their ids, as they were put. */
GPtrArray *sqlite_make_queue(const SqliteFixture *self, guint n, gint64 lease_ms);

/* In a group of its own; NULL if that fails. */
GPtrArray *sqlite_try_claim(Store *store, guint max, GError **error);
guint sqlite_claimed(Store *store);
