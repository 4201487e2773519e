#include "queue/sqlite.h"

#include <string.h>

/* ?1 the id, or what it follows; ?2 part of the lane, ?3 part of an open recipient, ?4 held. One statement for both
 * would search from the first id on for a single one. */
#define FILTERS \
    " AND (?2 IS NULL OR instr(lane, ?2)) AND (?4 < 0 OR (held IS NOT NULL) = ?4) AND (?3 IS NULL OR EXISTS " \
    "(SELECT 1 FROM recipient WHERE entry = seq AND NOT closed AND instr(lower(address), ?3)))"
#define WHERE_ONE " WHERE id = ?1" FILTERS
#define WHERE_PAGE " WHERE id > ?1" FILTERS

static void
bind_query(sqlite3_stmt *stmt, const StoreQuery *query)
{
    g_autofree char *lane = query->sender ? sqlite_lane(query->sender, 0) : NULL;
    g_autofree char *recipient = query->recipient ? g_ascii_strdown(query->recipient, -1) : NULL;

    sqlite_bind(stmt, "sssi", query->id ? query->id : query->after ? query->after : "", NULL, NULL,
                (gint64) CLAMP(query->held, -1, 1));
    sqlite3_bind_text(stmt, 2, lane, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(stmt, 3, recipient, -1, SQLITE_TRANSIENT);
}

Entry *
sqlite_load(Store *store, const char *id, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;
    sqlite3_stmt *stmt = sqlite_prepare(self, "SELECT " ENTRY_COLUMNS " FROM entry WHERE id = ?1", error);
    SqliteRow row = { 0 };

    if (!stmt)
        return NULL;
    sqlite_bind(stmt, "s", id);
    int rc = sqlite_step(self, stmt, error);
    if (rc == 0)
        g_set_error(error, STORE_ERROR, STORE_ERROR_GONE, "there is no entry %s", id);
    if (rc <= 0)
        return NULL;
    bool fine = sqlite_row_read(self, stmt, &row, error) && !row.damage && sqlite_row_spool(self, &row, error);
    sqlite3_reset(stmt);
    if (fine)
        return row.entry;
    if (row.damage)
        g_set_error(error, STORE_ERROR, STORE_ERROR_CORRUPT, "%s is damaged in the queue: %s", id, row.damage);
    sqlite_row_clear(&row);
    return NULL;
}

static void
show(SqliteRow *row, void (*visit)(const StoreRow *row, void *user), void *user)
{
    Entry *entry = row->entry;
    StoreRow shown = { .entry = entry, .bytes = row->size, .leased = row->state == ROW_LEASED };

    if (row->damage && !entry->held)
        entry->held = g_strconcat("damaged in the queue: ", row->damage, NULL);
    visit(&shown, user);
}

bool
sqlite_each(Store *store, const StoreQuery *query, void (*visit)(const StoreRow *row, void *user), void *user,
            GError **error)
{
    SqliteStore *self = (SqliteStore *) store;
    static const char one[] = "SELECT " ENTRY_COLUMNS " FROM entry" WHERE_ONE " LIMIT ?5";
    static const char page[] = "SELECT " ENTRY_COLUMNS " FROM entry" WHERE_PAGE " ORDER BY id LIMIT ?5";
    sqlite3_stmt *stmt = sqlite_prepare(self, query->id ? one : page, error);
    int rc;

    if (!stmt)
        return false;
    bind_query(stmt, query);
    sqlite3_bind_int64(stmt, 5, query->max ? (gint64) query->max : -1);
    while ((rc = sqlite_step(self, stmt, error)) > 0) {
        SqliteRow row = { 0 };

        if (!sqlite_row_read(self, stmt, &row, error)) {
            rc = -1;
            break;
        }
        show(&row, visit, user);
        sqlite_row_clear(&row);
    }
    sqlite3_reset(stmt);
    return rc == 0;
}

/* The lanes of what became due; a lane that is early is put right by the claim that finds it so. */
static bool
flush_lanes(SqliteStore *self, gint64 now_ms, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self,
                                        "UPDATE lane SET due_ms = ?1 WHERE ready = 0 AND due_ms > ?1 AND name IN "
                                        "(SELECT lane FROM flushed)", error);
    if (!stmt)
        return false;
    sqlite_bind(stmt, "i", now_ms);
    return sqlite_run(self, stmt, error);
}

/* What is due already is no longer in the way of the next page. */
static const char flush_later[] =
    "INSERT INTO temp.flushed SELECT seq, lane FROM main.entry INDEXED BY entry_due" WHERE_PAGE
    " AND state = 'waiting' AND hold_until_ms = 0 AND due_ms > ?5 ORDER BY due_ms LIMIT ?6";
static const char flush_one[] = "INSERT INTO temp.flushed SELECT seq, lane FROM main.entry" WHERE_ONE
                                " AND state = 'waiting' AND hold_until_ms = 0 AND due_ms > ?5 LIMIT ?6";

bool
sqlite_flush(Store *store, const StoreQuery *query, gint64 now_ms, guint *n, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;

    if (!sqlite_do(self, "CREATE TEMP TABLE IF NOT EXISTS flushed (seq INTEGER PRIMARY KEY, lane TEXT)", error) ||
        !sqlite_do(self, "DELETE FROM temp.flushed", error))
        return false;
    sqlite3_stmt *stmt = sqlite_prepare(self, query->id ? flush_one : flush_later, error);
    if (!stmt)
        return false;
    bind_query(stmt, query);
    sqlite3_bind_int64(stmt, 5, now_ms);
    sqlite3_bind_int64(stmt, 6, query->max ? (gint64) query->max : -1);
    if (!sqlite_run(self, stmt, error))
        return false;
    guint changed = sqlite3_changes(self->db);
    stmt = sqlite_prepare(self, "UPDATE main.entry SET due_ms = ?1 WHERE seq IN (SELECT seq FROM temp.flushed)", error);
    if (!stmt)
        return false;
    sqlite_bind(stmt, "i", now_ms);
    if (!sqlite_run(self, stmt, error) || !flush_lanes(self, now_ms, error))
        return false;
    *n = changed;
    return true;
}

bool
sqlite_stats(Store *store, gint64 now_ms, StoreStats *stats, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;
    sqlite3_stmt *stmt =
        sqlite_prepare(self,
                       "SELECT (SELECT count(*) FROM entry WHERE state = 'waiting' AND hold_until_ms = 0 AND "
                       "due_ms <= ?1) + (SELECT count(*) FROM entry WHERE state = 'waiting' AND hold_until_ms > 0 AND "
                       "due_ms <= ?1)", error);
    gint64 oldest_ms;

    if (!stmt)
        return false;
    sqlite_bind(stmt, "i", now_ms);
    int rc = sqlite_step(self, stmt, error);
    gint64 due = rc > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    if (rc < 0 || !sqlite_number(self, "SELECT arrived_ms FROM entry ORDER BY id LIMIT 1", 0, &oldest_ms, error))
        return false;
    *stats = (StoreStats) {
        .entries = self->totals.entries,
        .held = self->totals.held,
        .leased = self->totals.leased,
        .due = due,
        .bytes = self->totals.bytes,
        .oldest_ms = oldest_ms,
    };
    return true;
}
