/* The inside of the SQLite store, shared by its files: the connection with its kept statements, the groups, the rows.
 * Private to queue/; the store's thread. */
#pragma once

#include "queue/mail_folder.h"
#include "queue/store_kind.h"

#include <sqlite3.h>
#include <sys/types.h>

enum {
    SQLITE_STORE_VERSION = 6,
    SQLITE_STORE_ID = 0x7368696d, /* application_id: "shim" */
    SQLITE_SMALL_BYTES = 64 * 1024,
    SQLITE_BATCH = 1000, /* rows that one call may move besides what it was asked for */
};

/* Turns of one priority; those of the next higher are as many less. */
#define SQLITE_LANE_TURNS (G_GINT64_CONSTANT(1) << 40)

typedef enum { ROW_WAITING, ROW_LEASED, ROW_HELD } RowState;

/* Kept beside the rows, so that nobody has to count a million. */
typedef struct {
    gint64 entries, bytes, leased, held;
} SqliteTotals;

typedef struct {
    dev_t dev;
    ino_t ino; /* 0: there is none */
} SqlitePlace;

typedef struct {
    Store base;
    StoreConf conf;
    MailFolder *folder; /* NULL: all is in memory */
    gint64 small_bytes; /* what goes into the row */
    sqlite3 *db;        /* NULL after an error, until the next group */
    GHashTable *statements; /* address of the SQL -> sqlite3_stmt */
    bool spoiled;           /* the group cannot be committed any more */
    SqliteTotals totals, saved, at_mark;
    GPtrArray *gone;    /* ids whose files go when the group is durable */
    guint gone_at_mark;
    bool marked;
    gint64 turns[2 * ENVELOPE_MAX_PRIORITY + 1]; /* of the lanes served last, by priority */
    guint served;       /* entries, since the queue was opened */
    SqlitePlace place, wal_place; /* of the files that are open */
    gint64 rescue_ms;   /* monotonic, of the last try that failed */
    char *warning;      /* for the operator; NULL: none */
    bool noted;         /* the folder says that we have it open */
    gint64 verified;    /* seq of the last row that was looked up; 0: from the first again */
    gint64 verify_ms, repair_ms; /* monotonic, of the last slice and the last repair */
    bool suspect;       /* a claim met damage */
} SqliteStore;

/* sqlite_query.c. Statements are kept by the address of sql, which must be a literal. */
sqlite3_stmt *sqlite_prepare(SqliteStore *self, const char *sql, GError **error);
int sqlite_step(SqliteStore *self, sqlite3_stmt *stmt, GError **error); /* 1: a row, 0: the end, -1: error */
bool sqlite_run(SqliteStore *self, sqlite3_stmt *stmt, GError **error);
bool sqlite_do(SqliteStore *self, const char *sql, GError **error);

/* The first column of the first row; absent if there is none. */
bool sqlite_number(SqliteStore *self, const char *sql, gint64 absent, gint64 *value, GError **error);
void sqlite_bind(sqlite3_stmt *stmt, const char *types, ...); /* i: gint64, s: text or NULL, borrowed */
bool sqlite_fail(SqliteStore *self, const char *what, GError **error); /* always false */
/* What the operator should know, after what he was not told yet. */
void sqlite_warn(SqliteStore *self, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* sqlite_schema.c */
bool sqlite_create(const char *path, GError **error);
bool sqlite_check_header(const char *path, GError **error);
bool sqlite_upgrade(SqliteStore *self, GError **error);

/* sqlite_guard.c. The files that are open now are those that must stay. */
void sqlite_guard_start(SqliteStore *self);
bool sqlite_in_place(const SqliteStore *self);
/* In place, or put there again; outside of a group. CORRUPT where that fails. */
bool sqlite_guard(SqliteStore *self, GError **error);

/* store_sqlite.c */
Store *sqlite_store_new(const StoreOps *ops, const StoreConf *conf, MailFolder *folder, GError **error);
bool sqlite_connect(SqliteStore *self, GError **error);
void sqlite_disconnect(SqliteStore *self);
void sqlite_close(Store *store);
bool sqlite_begin(Store *store, GError **error);
bool sqlite_commit(Store *store, GError **error);
bool sqlite_mark(Store *store, GError **error);
bool sqlite_undo(Store *store, GError **error);
char *sqlite_take_warning(Store *store);

/* What the kinds share: all but opening, closing and where large entries lie. */
#define SQLITE_STORE_OPS \
    .begin = sqlite_begin, .commit = sqlite_commit, .mark = sqlite_mark, .undo = sqlite_undo, \
    .take_warning = sqlite_take_warning, .put = sqlite_put, .update = sqlite_update, \
    .progress = sqlite_progress, .remove = sqlite_remove, .claim = sqlite_claim, .renew = sqlite_renew, \
    .next_due = sqlite_next_due, .next_late = sqlite_next_late, .load = sqlite_load, .each = sqlite_each, \
    .change = sqlite_change, .flush = sqlite_flush, .defer = sqlite_defer, .has_room = sqlite_has_room, .stats = sqlite_stats

/* sqlite_row.c */
#define ENTRY_COLUMNS \
    "seq, id, state, sender, size, arrived_ms, due_ms, expires_ms, attempts, delay_told, is_bounce, " \
    "expanded, held, message_id, ret, envid, smtputf8, submission, from_headers, gateway, no_aliases, hops, " \
    "delivery, full_name, listener, client, helo, user, auth, tls, tls_client, tag, via, in_file, cut_off, chosen_account, " \
    "hold_until_ms, by_ms, by_flags, priority"
enum { ENTRY_COLUMN_SEQ, ENTRY_COLUMN_ID, ENTRY_COLUMN_STATE, ENTRY_COLUMN_IN_FILE = 33 };

typedef struct {
    gint64 seq, size;
    RowState state;
    bool in_file;
    Entry *entry;
    const char *damage; /* what cannot be right; NULL: all is well. Static. */
} SqliteRow;

/* From a statement that stands on ENTRY_COLUMNS; recipients are read too. False: SQLite failed. */
bool sqlite_row_read(SqliteStore *self, sqlite3_stmt *stmt, SqliteRow *row, GError **error);
bool sqlite_row_spool(SqliteStore *self, SqliteRow *row, GError **error); /* false without error: damage is set */
void sqlite_row_clear(SqliteRow *row);
/* Of a sender's mail of one priority. Caller frees. */
char *sqlite_lane(const char *sender, int priority);
const char *sqlite_state_name(RowState state);
const char *sqlite_last_text(const Entry *entry);

/* sqlite_write.c */
bool sqlite_put(Store *store, const Entry *entry, gint64 lease_ms, GError **error);
bool sqlite_update(Store *store, const Entry *entry, GError **error);
bool sqlite_progress(Store *store, const Entry *entry, const GArray *places, GError **error);
bool sqlite_remove(Store *store, const char *id, GError **error);
bool sqlite_renew(Store *store, const char *const *ids, gint64 lease_ms, GError **error);
bool sqlite_change(Store *store, const char *id, StoreAction action, gint64 now_ms, GError **error);
bool sqlite_defer(Store *store, const char *const *ids, gint64 due_ms, GError **error);
bool sqlite_hold(SqliteStore *self, gint64 seq, const char *why, GError **error);
/* The lane has one more waiting entry; its name and time are read from the row. */
bool sqlite_wake_lane_of(SqliteStore *self, gint64 seq, GError **error);
/* Ends leases that ran out before now, at most limit. */
bool sqlite_end_leases(SqliteStore *self, gint64 now_ms, gint64 limit, GError **error);

/* sqlite_claim.c. For a new connection. */
bool sqlite_begin_turns(SqliteStore *self, GError **error);
GPtrArray *sqlite_claim(Store *store, const StoreClaim *claim, GError **error);
bool sqlite_next_due(Store *store, gint64 *due_ms, GError **error);
bool sqlite_next_late(Store *store, gint64 *late_ms, GError **error);

/* sqlite_list.c */
Entry *sqlite_load(Store *store, const char *id, GError **error);
bool sqlite_each(Store *store, const StoreQuery *query, void (*visit)(const StoreRow *row, void *user), void *user,
                 GError **error);
bool sqlite_flush(Store *store, const StoreQuery *query, gint64 now_ms, guint *n, GError **error);
bool sqlite_has_room(Store *store, GError **error);
bool sqlite_stats(Store *store, gint64 now_ms, StoreStats *stats, GError **error);
