#include "queue/sqlite.h"

#include <string.h>
#include <unistd.h>

/* What a change needs to know of the row it is about. */
typedef struct {
    gint64 seq, size;
    RowState state;
    bool in_file, is_held;
} Row;

#define GI(x) ((gint64) (x))

static bool
find(SqliteStore *self, const char *id, Row *row, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(
        self, "SELECT seq, size, state, in_file, held IS NOT NULL FROM entry WHERE id = ?1", error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "s", id);
    int rc = sqlite_step(self, stmt, error);
    if (rc < 0)
        return false;
    if (rc == 0) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_GONE, "there is no entry %s", id);
        return false;
    }
    const char *state = (const char *) sqlite3_column_text(stmt, 2);
    *row = (Row) {
        .seq = sqlite3_column_int64(stmt, 0),
        .size = MAX(sqlite3_column_int64(stmt, 1), 0),
        .state = g_strcmp0(state, "leased") == 0 ? ROW_LEASED : g_strcmp0(state, "held") == 0 ? ROW_HELD : ROW_WAITING,
        .in_file = sqlite3_column_int64(stmt, 3) != 0,
        .is_held = sqlite3_column_int64(stmt, 4) != 0,
    };
    sqlite3_reset(stmt);
    return true;
}

static bool
is_gone(const GError *error)
{
    return g_error_matches(error, STORE_ERROR, STORE_ERROR_GONE);
}

static void
count(SqliteStore *self, RowState from, RowState to)
{
    self->totals.leased += (to == ROW_LEASED) - (from == ROW_LEASED);
    self->totals.held += (to == ROW_HELD) - (from == ROW_HELD);
}

bool
sqlite_wake_lane_of(SqliteStore *self, gint64 seq, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self,
                                        "INSERT INTO lane (name, ready, due_ms, turn) "
                                        "SELECT lane, 0, due_ms, -priority * ?2 FROM entry WHERE seq = ?1 AND state = 'waiting' "
                                        "ON CONFLICT (name) DO UPDATE SET due_ms = min(due_ms, excluded.due_ms)",
                                        error);
    if (!stmt)
        return false;
    sqlite_bind(stmt, "ii", seq, SQLITE_LANE_TURNS);
    return sqlite_run(self, stmt, error);
}

static bool
has_places(const SqliteStore *self, gint64 size, GError **error)
{
    const StoreConf *conf = &self->conf;

    if ((conf->max_entries && self->totals.entries >= conf->max_entries) ||
        (conf->max_bytes && self->totals.bytes + size > conf->max_bytes)) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_FULL, "the queue has as many %s as it may",
                    conf->max_entries && self->totals.entries >= conf->max_entries ? "entries" : "bytes");
        return false;
    }
    return true;
}

static bool
room_for(SqliteStore *self, const Entry *entry, gint64 size, GError **error)
{
    const StoreConf *conf = &self->conf;

    return entry->is_bounce ||
           (has_places(self, size, error) &&
            (!self->folder ||
             mail_folder_room(self->folder, size, conf->reserve_bytes, conf->reserve_inodes, error)));
}

bool
sqlite_has_room(Store *store, GError **error)
{
    const SqliteStore *self = (const SqliteStore *) store;
    const StoreConf *conf = &self->conf;

    return has_places(self, 1, error) &&
           (!self->folder ||
            (mail_folder_is_writable(self->folder, error) &&
             mail_folder_room_now(self->folder, 1, conf->reserve_bytes, conf->reserve_inodes, error)));
}

/* A file that store_stage() wrote is checked, not written. */
static bool
bytes_staged(SqliteStore *self, const Entry *entry, gint64 size, GError **error)
{
    int fd = mail_folder_read(self->folder, entry->id, size);

    if (fd >= 0)
        return close(fd) == 0;
    g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "the bytes of %s were not staged", entry->id);
    return false;
}

/* Of a small entry; copy is what the caller frees. */
static const char *
read_bytes(const Entry *entry, gint64 size, char **copy, GError **error)
{
    const char *bytes = spool_bytes(entry->spool);

    if (bytes)
        return bytes;
    *copy = g_malloc(size + 1);
    if (spool_read_at(entry->spool, 0, *copy, size, error) == size)
        return *copy;
    if (error && !*error)
        g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "the bytes of %s cannot be read", entry->id);
    return NULL;
}

static bool
put_bytes(SqliteStore *self, const char *bytes, gint64 seq, gint64 size, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self, "INSERT INTO message (entry, bytes) VALUES (?1, ?2)", error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "i", seq);
    sqlite3_bind_blob64(stmt, 2, bytes, size, SQLITE_STATIC);
    bool fine = sqlite_run(self, stmt, error);
    sqlite3_clear_bindings(stmt);
    return fine;
}

static bool
put_row(SqliteStore *self, const Entry *entry, RowState state, gint64 lease_ms, gint64 size, GError **error)
{
    const Envelope *envelope = entry->envelope;
    g_autofree char *lane = sqlite_lane(envelope->sender, envelope->priority);
    sqlite3_stmt *stmt = sqlite_prepare(
        self,
        "INSERT INTO entry (id, state, sender, lane, size, arrived_ms, due_ms, lease_ms, expires_ms, attempts, last, "
        "held, message_id, delay_told, is_bounce, expanded, in_file, ret, envid, smtputf8, submission, "
        "from_headers, gateway, no_aliases, hops, delivery, full_name, listener, client, helo, user, cut_off, auth, "
        "tls, tls_client, tag, via, chosen_account, hold_until_ms, by_ms, by_flags, priority) VALUES "
        "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, "
        "?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42)",
        error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "ssssiiiiiisssiiiissiiiiiiisssssissssssiiii", entry->id, sqlite_state_name(state), envelope->sender, lane,
                size, entry->arrived_ms, entry->due_ms, lease_ms, entry->expires_ms, GI(entry->attempts),
                sqlite_last_text(entry), entry->held, entry_message_id(entry),
                GI(entry->delay_told), GI(entry->is_bounce), GI(entry->expanded), GI(size > self->small_bytes),
                envelope->ret, envelope->envid, GI(envelope->smtputf8), GI(envelope->submission),
                GI(envelope->from_headers), GI(envelope->gateway), GI(envelope->no_aliases), GI(envelope->hops),
                GI(envelope->delivery), envelope->full_name, envelope->listener, envelope->client, envelope->helo,
                envelope->user, GI(entry->cut_off), envelope->auth, envelope->tls, envelope->tls_client, envelope->tag,
                envelope->via, envelope->account, envelope->hold_until_ms, envelope->by_ms, GI(envelope->by_flags),
                GI(envelope->priority));
    bool fine = sqlite_run(self, stmt, error);
    sqlite3_clear_bindings(stmt);
    return fine;
}

static bool
put_recipient(SqliteStore *self, const Entry *entry, guint i, gint64 seq, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(
        self,
        "REPLACE INTO recipient (entry, n, address, orcpt, notify, closed, maybe_taken, account, call_key, verdict, "
        "code, dsn, text, remote_id, retry_after_ms, flags) VALUES "
        "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)", error);
    const EnvelopeRecipient *recipient = entry->envelope->recipients->pdata[i];
    const EntryTry *try = &g_array_index(entry->tries, EntryTry, i);
    const Outcome *outcome = &g_array_index(entry->outcomes, Outcome, i);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "iisssiisssisssii", seq, GI(i), recipient->address, recipient->orcpt, recipient->notify,
                GI(try->closed), GI(try->maybe_taken || try->calling), try->account, try->call_key,
                outcome_verdict_name(outcome->verdict), GI(CLAMP(outcome->code, 0, 599)), outcome->dsn,
                outcome->text, outcome->remote_id, MAX(outcome->retry_after_ms, 0),
                GI(outcome->flags & (OUTCOME_BACK_OFF | OUTCOME_ALARM)));
    bool fine = sqlite_run(self, stmt, error);
    sqlite3_clear_bindings(stmt);
    return fine;
}

static bool
put_recipients(SqliteStore *self, const Entry *entry, gint64 seq, GError **error)
{
    for (guint i = 0; i < entry->envelope->recipients->len; i++) {
        if (!put_recipient(self, entry, i, seq, error))
            return false;
    }
    return true;
}

bool
sqlite_put(Store *store, const Entry *entry, gint64 lease_ms, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;
    gint64 size = spool_length(entry->spool);
    RowState state = lease_ms > 0 ? ROW_LEASED : entry->held ? ROW_HELD : ROW_WAITING;

    g_assert(mail_folder_is_id(entry->id) && entry->envelope->recipients->len > 0);
    if (!room_for(self, entry, size, error))
        return false;
    bool small = size <= self->small_bytes;
    g_autofree char *copy = NULL;
    const char *bytes = small ? read_bytes(entry, size, &copy, error) : NULL;
    if (small ? !bytes : !bytes_staged(self, entry, size, error))
        return false;
    if (!put_row(self, entry, state, lease_ms, size, error))
        return false;
    gint64 seq = sqlite3_last_insert_rowid(self->db);
    if ((small && !put_bytes(self, bytes, seq, size, error)) ||
        !put_recipients(self, entry, seq, error))
        return false;
    self->totals.entries++;
    self->totals.bytes += size;
    self->totals.leased += state == ROW_LEASED;
    self->totals.held += state == ROW_HELD;
    return state != ROW_WAITING || sqlite_wake_lane_of(self, seq, error);
}

bool
sqlite_update(Store *store, const Entry *entry, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;
    Row row;

    if (!find(self, entry->id, &row, error))
        return false;
    RowState state = entry->held || (row.state == ROW_LEASED && row.is_held) ? ROW_HELD : ROW_WAITING;
    sqlite3_stmt *stmt = sqlite_prepare(
        self,
        "UPDATE entry SET state = ?2, lease_ms = 0, held = iif(?2 = 'held', coalesce(?3, held), NULL), attempts = ?4, "
        "due_ms = ?5, expires_ms = ?6, delay_told = ?7, last = ?8, cut_off = ?9, by_ms = ?10 WHERE seq = ?1",
        error);
    if (!stmt)
        return false;
    sqlite_bind(stmt, "issiiiisii", row.seq, sqlite_state_name(state), entry->held, GI(entry->attempts),
                entry->due_ms, entry->expires_ms, GI(entry->delay_told),
                sqlite_last_text(entry), GI(entry->cut_off), entry->envelope->by_ms);
    if (!sqlite_run(self, stmt, error) || !put_recipients(self, entry, row.seq, error))
        return false;
    count(self, row.state, state);
    return state != ROW_WAITING || sqlite_wake_lane_of(self, row.seq, error);
}

bool
sqlite_progress(Store *store, const Entry *entry, const GArray *places, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;
    Row row;

    if (!find(self, entry->id, &row, error))
        return false;
    for (guint i = 0; i < places->len; i++) {
        if (!put_recipient(self, entry, g_array_index(places, guint, i), row.seq, error))
            return false;
    }
    return true;
}

static bool
run_on(SqliteStore *self, const char *sql, gint64 seq, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self, sql, error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "i", seq);
    return sqlite_run(self, stmt, error);
}

bool
sqlite_remove(Store *store, const char *id, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;
    g_autoptr(GError) cause = NULL;
    Row row;

    if (!find(self, id, &row, &cause)) {
        if (is_gone(cause))
            return true;
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
    }
    if (!run_on(self, "DELETE FROM entry WHERE seq = ?1", row.seq, error) ||
        !run_on(self, "DELETE FROM recipient WHERE entry = ?1", row.seq, error) ||
        (!row.in_file && !run_on(self, "DELETE FROM message WHERE entry = ?1", row.seq, error)))
        return false;
    if (row.in_file && mail_folder_is_id(id))
        g_ptr_array_add(self->gone, g_strdup(id));
    self->totals.entries--;
    self->totals.bytes -= row.size;
    self->totals.leased -= row.state == ROW_LEASED;
    self->totals.held -= row.state == ROW_HELD;
    return true;
}

bool
sqlite_renew(Store *store, const char *const *ids, gint64 lease_ms, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;

    for (; *ids; ids++) {
        Row row;

        if (!find(self, *ids, &row, error))
            return false;
        sqlite3_stmt *stmt =
            sqlite_prepare(self, "UPDATE entry SET state = 'leased', lease_ms = ?2 WHERE seq = ?1", error);
        if (!stmt)
            return false;
        sqlite_bind(stmt, "ii", row.seq, lease_ms);
        if (!sqlite_run(self, stmt, error))
            return false;
        count(self, row.state, ROW_LEASED);
    }
    return true;
}

static bool
change_row(SqliteStore *self, const Row *row, StoreAction action, gint64 now_ms, GError **error)
{
    static const char hold[] =
        "UPDATE entry SET held = coalesce(held, 'by the operator'), "
        "state = iif(state = 'leased', state, 'held') WHERE seq = ?1 AND ?2 >= 0";
    static const char retry[] = "UPDATE entry SET due_ms = max(?2, hold_until_ms) WHERE seq = ?1";
    static const char release[] =
        "UPDATE entry SET held = NULL, due_ms = ?2, hold_until_ms = 0, "
        "state = iif(state = 'leased', state, 'waiting') WHERE seq = ?1";
    sqlite3_stmt *stmt =
        sqlite_prepare(self, action == STORE_HOLD ? hold : action == STORE_RETRY ? retry : release, error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "ii", row->seq, now_ms);
    return sqlite_run(self, stmt, error);
}

bool
sqlite_change(Store *store, const char *id, StoreAction action, gint64 now_ms, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;
    Row row;

    if (!find(self, id, &row, error) || !change_row(self, &row, action, now_ms, error))
        return false;
    RowState state = row.state;
    if (state != ROW_LEASED && action != STORE_RETRY)
        state = action == STORE_HOLD ? ROW_HELD : ROW_WAITING;
    count(self, row.state, state);
    return state != ROW_WAITING || sqlite_wake_lane_of(self, row.seq, error);
}

bool
sqlite_hold(SqliteStore *self, gint64 seq, const char *why, GError **error)
{
    sqlite3_stmt *stmt =
        sqlite_prepare(self, "UPDATE entry SET state = 'held', held = ?2, lease_ms = 0 WHERE seq = ?1", error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "is", seq, why);
    return sqlite_run(self, stmt, error);
}

/* To waiting, or to held if the operator said so meanwhile. due_ms 0: as it was; and cut off,
 * whoever had it is gone. */
static bool
end_lease(SqliteStore *self, gint64 seq, gint64 due_ms, bool is_held, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(
        self,
        "UPDATE entry SET state = iif(held IS NULL, 'waiting', 'held'), lease_ms = 0, "
        "due_ms = iif(?2, iif(by_ms > 0, min(?2, by_ms), ?2), due_ms), cut_off = iif(?2, cut_off, 1) WHERE seq = ?1", error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "ii", seq, due_ms);
    return sqlite_run(self, stmt, error) && (is_held || sqlite_wake_lane_of(self, seq, error));
}

bool
sqlite_defer(Store *store, const char *const *ids, gint64 due_ms, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;

    for (; *ids; ids++) {
        g_autoptr(GError) cause = NULL;
        Row row;

        if (find(self, *ids, &row, &cause)) {
            if (!end_lease(self, row.seq, due_ms, row.is_held, error))
                return false;
            count(self, row.state, row.is_held ? ROW_HELD : ROW_WAITING);
        } else if (!is_gone(cause)) {
            g_propagate_error(error, g_steal_pointer(&cause));
            return false;
        }
    }
    return true;
}

bool
sqlite_end_leases(SqliteStore *self, gint64 now_ms, gint64 limit, GError **error)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Row));
    sqlite3_stmt *stmt = sqlite_prepare(
        self, "SELECT seq, held IS NOT NULL FROM entry WHERE state = 'leased' AND lease_ms <= ?1 "
              "ORDER BY lease_ms LIMIT ?2", error);
    int rc = -1;

    if (!stmt)
        return false;
    sqlite_bind(stmt, "ii", now_ms, limit);
    while ((rc = sqlite_step(self, stmt, error)) > 0) {
        Row row = { .seq = sqlite3_column_int64(stmt, 0), .is_held = sqlite3_column_int64(stmt, 1) };

        g_array_append_val(found, row);
    }
    for (guint i = 0; rc == 0 && i < found->len; i++) {
        const Row *row = &g_array_index(found, Row, i);

        if (!end_lease(self, row->seq, 0, row->is_held, error))
            return false;
        count(self, ROW_LEASED, row->is_held ? ROW_HELD : ROW_WAITING);
    }
    return rc == 0;
}
