/* Every entry must be found by the index that leads to it: one that is in the table alone would wait for ever, and
 * nobody would notice. So all rows are looked up, a slice at a time; where one cannot be found, what is made from the
 * table is made again. */
#include "queue/sqlite_verify.h"

#include "base/clock.h"

enum {
    START_ROWS = 20000, /* looked up before the first claim: some 20 us each */
    SLICE_ROWS = 1000,
    SLICE_MS = 5000, /* between two slices */
    REPAIR_MS = 60 * 60000, /* between two repairs: each reads the whole queue */
};

typedef enum { FAULT_NONE, FAULT_LOST, FAULT_ODD, FAULT_LATE } Fault;

typedef struct {
    gint64 first, last; /* seq before the first, seq of the last; 0: there was none */
    guint n, lost;
    GArray *odd;  /* of gint64: rows with values that we never write */
    GArray *late; /* of gint64: their lanes would come too late, which a clock that was set back can do, too */
    bool broken;  /* it could not be read to its end */
    bool whole;   /* these are all rows */
} Slice;

/* ?1: rows after this one; ?2: how many. */
static const char look_up[] =
    "SELECT e.seq, CASE"
    " WHEN typeof(e.id) <> 'text' OR typeof(e.lane) <> 'text' OR typeof(e.due_ms) <> 'integer'"
    " OR typeof(e.lease_ms) <> 'integer' OR typeof(e.hold_until_ms) <> 'integer' OR typeof(e.by_ms) <> 'integer'"
    " OR e.state NOT IN ('waiting', 'leased', 'held') THEN 2"
    " WHEN NOT EXISTS (SELECT 1 FROM entry i INDEXED BY sqlite_autoindex_entry_1"
    "  WHERE i.id = e.id AND i.seq = e.seq) THEN 1"
    " WHEN e.state = 'leased' THEN NOT EXISTS (SELECT 1 FROM entry i INDEXED BY entry_leased"
    "  WHERE i.state = 'leased' AND i.lease_ms = e.lease_ms AND i.seq = e.seq)"
    " WHEN e.state = 'held' THEN 0"
    " WHEN NOT EXISTS (SELECT 1 FROM entry i INDEXED BY entry_waiting"
    "  WHERE i.state = 'waiting' AND i.lane = e.lane AND i.due_ms = e.due_ms AND i.seq = e.seq) THEN 1"
    " WHEN e.hold_until_ms = 0 AND NOT EXISTS (SELECT 1 FROM entry i INDEXED BY entry_due"
    "  WHERE i.state = 'waiting' AND i.hold_until_ms = 0 AND i.due_ms = e.due_ms AND i.seq = e.seq) THEN 1"
    " WHEN e.hold_until_ms > 0 AND NOT EXISTS (SELECT 1 FROM entry i INDEXED BY entry_on_hold"
    "  WHERE i.state = 'waiting' AND i.hold_until_ms > 0 AND i.due_ms = e.due_ms AND i.seq = e.seq) THEN 1"
    " WHEN e.by_ms > 0 AND NOT EXISTS (SELECT 1 FROM entry i INDEXED BY entry_late"
    "  WHERE i.state = 'waiting' AND i.by_ms > 0 AND max(i.due_ms, i.by_ms) = max(e.due_ms, e.by_ms)"
    "  AND i.seq = e.seq) THEN 1"
    " WHEN NOT EXISTS (SELECT 1 FROM lane l WHERE l.name = e.lane AND CASE l.ready"
    "  WHEN 0 THEN EXISTS (SELECT 1 FROM lane x INDEXED BY lane_due"
    "   WHERE x.ready = 0 AND x.due_ms = l.due_ms AND x.name = l.name)"
    "  WHEN 1 THEN EXISTS (SELECT 1 FROM lane x INDEXED BY lane_turn"
    "   WHERE x.ready = 1 AND x.turn = l.turn AND x.name = l.name) END) THEN 1"
    " WHEN EXISTS (SELECT 1 FROM lane l WHERE l.name = e.lane AND l.ready = 0 AND l.due_ms > e.due_ms) THEN 3"
    " ELSE 0 END"
    " FROM entry e NOT INDEXED WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2";

/* What cannot be read here must not fail the group: other entries may be fine. */
static void
read_slice(SqliteStore *self, gint64 limit, Slice *slice)
{
    bool was_spoiled = self->spoiled;
    sqlite3_stmt *stmt = sqlite_prepare(self, look_up, NULL);
    int rc = SQLITE_ERROR;

    if (stmt) {
        sqlite_bind(stmt, "ii", slice->first, limit);
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
            Fault fault = sqlite3_column_int(stmt, 1);
            slice->last = sqlite3_column_int64(stmt, 0);
            slice->n++;
            slice->lost += fault == FAULT_LOST;
            if (fault == FAULT_ODD || fault == FAULT_LATE)
                g_array_append_val(fault == FAULT_ODD ? slice->odd : slice->late, slice->last);
        }
        sqlite3_reset(stmt);
    }
    slice->broken = (rc & 0xff) == SQLITE_CORRUPT;
    slice->whole = rc == SQLITE_DONE && slice->first == 0 && slice->n < limit;
    self->spoiled = was_spoiled;
}

/* In the order in which nothing old is needed: the lanes are told by the rows. */
static bool
run_repair(SqliteStore *self)
{
    static const char *const steps[] = {
        "SAVEPOINT repair",
        "DELETE FROM lane",
        "REINDEX",
        ("INSERT INTO lane (name, ready, due_ms, turn) SELECT lane, 0, min(due_ms), -priority * 1099511627776"
         " FROM entry WHERE state = 'waiting' AND typeof(lane) = 'text' AND typeof(due_ms) = 'integer' GROUP BY lane"),
        "RELEASE repair",
    };
    G_STATIC_ASSERT(SQLITE_LANE_TURNS == G_GINT64_CONSTANT(1099511627776));

    for (guint i = 0; i < G_N_ELEMENTS(steps); i++)
        if (sqlite3_exec(self->db, steps[i], NULL, NULL, NULL) != SQLITE_OK) {
            sqlite_warn(self, "queue.db is damaged, and its indexes cannot be made again (%s): mail may wait in it "
                              "unseen", sqlite3_errmsg(self->db));
            sqlite3_exec(self->db, "ROLLBACK TO repair; RELEASE repair", NULL, NULL, NULL);
            self->spoiled = self->spoiled || sqlite3_get_autocommit(self->db);
            return false;
        }
    return true;
}

static bool
repair(SqliteStore *self, const char *why)
{
    if (self->repair_ms > 0 && clock_monotonic() - self->repair_ms < REPAIR_MS)
        return false;
    self->repair_ms = clock_monotonic();
    if (!run_repair(self))
        return false;
    sqlite_warn(self, "queue.db was damaged (%s); its indexes have been made again", why);
    return true;
}

/* Each may fail where the database is damaged; the group does not, as long as there is one. */
static guint
change_each(SqliteStore *self, const GArray *rows, bool (*change)(SqliteStore *self, gint64 seq, GError **error))
{
    bool was_spoiled = self->spoiled;
    guint n = 0;

    for (guint i = 0; i < rows->len; i++)
        n += change(self, g_array_index(rows, gint64, i), NULL);
    if (!sqlite3_get_autocommit(self->db))
        self->spoiled = was_spoiled;
    return n;
}

static bool
hold_odd(SqliteStore *self, gint64 seq, GError **error)
{
    self->totals.held++;
    return sqlite_hold(self, seq, "damaged in the queue: its state", error);
}

static void
compare_count(SqliteStore *self, const Slice *slice)
{
    if (!slice->whole || slice->n == self->totals.entries)
        return;
    sqlite_warn(self, "queue.db is damaged: it should have %" G_GINT64_FORMAT " entries, and has %u",
                self->totals.entries, slice->n);
    self->totals.entries = slice->n;
}

static void
verify(SqliteStore *self, gint64 limit)
{
    g_autoptr(GArray) odd = g_array_new(false, false, sizeof(gint64)), late = g_array_new(false, false, sizeof(gint64));
    Slice slice = { .first = self->verified, .odd = odd, .late = late };

    read_slice(self, limit, &slice);
    self->verified = slice.n == limit ? slice.last : 0;
    if (slice.broken && !repair(self, "some rows cannot be read"))
        sqlite_warn(self, "queue.db is damaged: not all of it can be read, and mail may wait in it unseen");
    else if (slice.lost > 0 || odd->len > 0)
        repair(self, slice.lost > 0 ? "an index did not have all its rows" : "a row has no valid state");
    if (odd->len > 0)
        sqlite_warn(self, "%u entries of queue.db have no valid state; %u of them are held for it", odd->len,
                    change_each(self, odd, hold_odd));
    change_each(self, late, sqlite_wake_lane_of);
    compare_count(self, &slice);
    self->verify_ms = clock_monotonic();
}

bool
sqlite_verify_start(SqliteStore *self, GError **error)
{
    if (!sqlite_begin(&self->base, error))
        return false;
    verify(self, START_ROWS);
    return sqlite_commit(&self->base, error);
}

void
sqlite_verify_more(SqliteStore *self)
{
    if (self->suspect)
        repair(self, "an index leads to a row that is not there");
    self->suspect = false;
    if (clock_monotonic() - self->verify_ms >= SLICE_MS && !self->spoiled)
        verify(self, SLICE_ROWS);
}
