/* Fair between senders: each lane has a turn, the lane with the lowest is served next and gets one more. A lane
 * that becomes ready begins one above the lane served last, so that one entry waits for at most one of each other
 * sender, however many those have. The turns of a higher priority are lower numbers, all of them: of what is due
 * the highest priority goes first, but each leaves every fourth of its turns to those below it. Every step is a look-up
 * in an index. */
#include "queue/sqlite_verify.h"

typedef struct {
    char *name;
    gint64 turn;
} Lane;

enum { LEAVES_EVERY = 4 };

/* The turn of that number among those of a priority. */
static gint64
turn_of(int priority, gint64 number)
{
    return number - priority * SQLITE_LANE_TURNS;
}

static int
priority_of(gint64 turn)
{
    gint64 rank = turn >= 0 ? turn / SQLITE_LANE_TURNS : -((-(turn + 1)) / SQLITE_LANE_TURNS) - 1;

    return (int) -CLAMP(rank, -ENVELOPE_MAX_PRIORITY, ENVELOPE_MAX_PRIORITY);
}

static gint64 *
last_turn(SqliteStore *self, gint64 turn)
{
    return &self->turns[priority_of(turn) + ENVELOPE_MAX_PRIORITY];
}

/* SQL: the turn with which a lane gets in line that left it with this one. */
static void
run_lane_turn(sqlite3_context *context, int n, sqlite3_value **values)
{
    gint64 turn = sqlite3_value_int64(values[0]);

    sqlite3_result_int64(context, MAX(turn, *last_turn(sqlite3_user_data(context), turn) + 1));
}

/* Of those who are in line from then on, the next. */
static bool
read_lane(SqliteStore *self, gint64 from, Lane *lane, bool *found, GError **error)
{
    sqlite3_stmt *stmt =
        sqlite_prepare(self, "SELECT name, turn FROM lane WHERE ready = 1 AND turn >= ?1 ORDER BY turn LIMIT 1", error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "i", from);
    int rc = sqlite_step(self, stmt, error);
    if (rc < 0)
        return false;
    *found = rc > 0;
    if (*found) {
        lane->name = g_strdup((const char *) sqlite3_column_text(stmt, 0));
        lane->turn = sqlite3_column_int64(stmt, 1);
    }
    sqlite3_reset(stmt);
    return true;
}

bool
sqlite_begin_turns(SqliteStore *self, GError **error)
{
    if (sqlite3_create_function_v2(self->db, "lane_turn", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, self, run_lane_turn, NULL,
                                   NULL, NULL) != SQLITE_OK)
        return sqlite_fail(self, "cannot open the queue", error);
    for (int priority = -ENVELOPE_MAX_PRIORITY; priority <= ENVELOPE_MAX_PRIORITY; priority++) {
        gint64 first = turn_of(priority, 0);
        Lane lane = { .turn = first };
        bool found;
        if (!read_lane(self, first, &lane, &found, error))
            return false;
        *last_turn(self, first) = priority_of(lane.turn) == priority ? lane.turn : first;
        g_free(lane.name);
    }
    return true;
}

/* Who is served next: the highest priority, or, in its turn, one below it. */
static bool
next_lane(SqliteStore *self, Lane *lane, bool *found, GError **error)
{
    guint turn = self->served + 1;

    if (!read_lane(self, G_MININT64, lane, found, error))
        return false;
    for (; *found && turn % LEAVES_EVERY == 0; turn /= LEAVES_EVERY) {
        Lane below = { 0 };
        bool is_there;
        if (!read_lane(self, turn_of(priority_of(lane->turn) - 1, 0), &below, &is_there, error))
            return false;
        if (!is_there)
            break;
        g_free(lane->name);
        *lane = below;
    }
    return true;
}

/* The lanes that are due get in line, in that order; bounded, the rest come with the next claim. */
static bool
ready_lanes(SqliteStore *self, gint64 now_ms, gint64 limit, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self,
                                        "UPDATE lane SET ready = 1, turn = lane_turn(turn) WHERE name IN (SELECT name "
                                        "FROM lane WHERE ready = 0 AND due_ms <= ?1 ORDER BY due_ms LIMIT ?2)",
                                        error);
    if (!stmt)
        return false;
    sqlite_bind(stmt, "ii", now_ms, limit);
    return sqlite_run(self, stmt, error);
}

/* The clock went back: nobody waits longer than a fresh failure would make him wait. */
static bool
pull_in(SqliteStore *self, const char *sql, const StoreClaim *claim, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self, sql, error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "ii", claim->now_ms + claim->max_wait_ms, (gint64) SQLITE_BATCH);
    return sqlite_run(self, stmt, error);
}

static bool
pull_in_far(SqliteStore *self, const StoreClaim *claim, GError **error)
{
    static const char entries[] =
        "UPDATE entry SET due_ms = ?1 WHERE seq IN (SELECT seq FROM entry WHERE state = 'waiting' AND hold_until_ms = 0 "
        "AND due_ms > ?1 ORDER BY due_ms LIMIT ?2)";
    static const char lanes[] =
        "UPDATE lane SET due_ms = ?1 WHERE name IN (SELECT name FROM lane WHERE ready = 0 AND due_ms > ?1 "
        "ORDER BY due_ms LIMIT ?2)";

    if (claim->max_wait_ms <= 0 || claim->max_wait_ms > G_MAXINT64 - claim->now_ms)
        return true;
    return pull_in(self, entries, claim, error) && pull_in(self, lanes, claim, error);
}

/* The lane has nothing due: it waits for its first entry, or goes with its last. */
static bool
rest_lane(SqliteStore *self, const Lane *lane, gint64 due_ms, GError **error)
{
    static const char rest[] = "UPDATE lane SET ready = 0, due_ms = ?2 WHERE name = ?1";
    static const char end[] = "DELETE FROM lane WHERE name = ?1 AND ?2 = ?2";
    sqlite3_stmt *stmt = sqlite_prepare(self, due_ms == G_MAXINT64 ? end : rest, error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "si", lane->name, due_ms);
    return sqlite_run(self, stmt, error);
}

static bool
serve_lane(SqliteStore *self, const Lane *lane, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(self, "UPDATE lane SET turn = ?2 WHERE name = ?1", error);

    if (!stmt)
        return false;
    self->served++;
    *last_turn(self, lane->turn) = lane->turn;
    sqlite_bind(stmt, "si", lane->name, lane->turn + 1);
    return sqlite_run(self, stmt, error);
}

static bool
lease(SqliteStore *self, SqliteRow *row, gint64 lease_ms, GError **error)
{
    sqlite3_stmt *stmt =
        sqlite_prepare(self, "UPDATE entry SET state = 'leased', lease_ms = ?2, hold_until_ms = 0 WHERE seq = ?1", error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "ii", row->seq, lease_ms);
    if (!sqlite_run(self, stmt, error))
        return false;
    self->totals.leased++;
    return true;
}

static bool
set_aside(SqliteStore *self, const SqliteRow *row, const char *id, const StoreClaim *claim, GError **error)
{
    g_autofree char *why = g_strconcat("damaged in the queue: ", row->damage, NULL);

    self->totals.held++;
    if (!sqlite_hold(self, row->seq, why, error))
        return false;
    if (claim->damaged)
        claim->damaged(id, why, claim->user);
    return true;
}

/* The page of a damaged row must not stop the others. */
static bool
is_damage(SqliteStore *self, const GError *error)
{
    return error && (self->db ? (sqlite3_errcode(self->db) & 0xff) == SQLITE_CORRUPT : false);
}

/* Whatever is wrong with the row alone ends in row->damage. */
static bool
read_row(SqliteStore *self, sqlite3_stmt *stmt, SqliteRow *row, GError **error)
{
    g_autoptr(GError) cause = NULL;
    gint64 seq = sqlite3_column_int64(stmt, ENTRY_COLUMN_SEQ);
    bool was_spoiled = self->spoiled;

    if (sqlite_row_read(self, stmt, row, &cause) && (row->damage || sqlite_row_spool(self, row, &cause)))
        return true;
    if (row->damage)
        return true;
    if (is_damage(self, cause)) {
        self->spoiled = was_spoiled;
        row->seq = seq;
        row->damage = "the database is damaged there";
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&cause));
    return false;
}

/* The row that stmt stands on, which is reset; lane: whose turn it is, or NULL. */
static bool
take_row(SqliteStore *self, sqlite3_stmt *stmt, const Lane *lane, const StoreClaim *claim, GPtrArray *taken,
         GError **error)
{
    g_autofree char *id = g_strdup((const char *) sqlite3_column_text(stmt, ENTRY_COLUMN_ID));
    SqliteRow row = { 0 };
    bool fine = read_row(self, stmt, &row, error);

    sqlite3_reset(stmt);
    if (fine && row.damage)
        fine = set_aside(self, &row, id, claim, error);
    else if (fine && (fine = (!lane || serve_lane(self, lane, error)) && lease(self, &row, claim->lease_ms, error)))
        g_ptr_array_add(taken, g_steal_pointer(&row.entry));
    sqlite_row_clear(&row);
    return fine;
}

/* The first entry of the lane, if it is due. */
static bool
take_first(SqliteStore *self, const Lane *lane, const StoreClaim *claim, GPtrArray *taken, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(
        self, "SELECT " ENTRY_COLUMNS " FROM entry WHERE state = 'waiting' AND lane = ?1 ORDER BY due_ms LIMIT 1",
        error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "s", lane->name);
    int rc = sqlite_step(self, stmt, error);
    if (rc < 0)
        return false;
    gint64 due_ms = rc > 0 ? sqlite3_column_int64(stmt, 6) : G_MAXINT64;
    if (due_ms > claim->now_ms) {
        sqlite3_reset(stmt);
        return rest_lane(self, lane, due_ms, error);
    }
    return take_row(self, stmt, lane, claim, taken, error);
}

/* Whoever's turn it is: each is to hear in time, and no API is asked. */
static bool
take_late(SqliteStore *self, const StoreClaim *claim, GPtrArray *taken, bool *found, GError **error)
{
    sqlite3_stmt *stmt = sqlite_prepare(
        self, "SELECT " ENTRY_COLUMNS " FROM entry WHERE state = 'waiting' AND by_ms > 0 "
              "AND max(due_ms, by_ms) <= ?1 ORDER BY max(due_ms, by_ms) LIMIT 1", error);

    if (!stmt)
        return false;
    sqlite_bind(stmt, "i", claim->now_ms);
    int rc = sqlite_step(self, stmt, error);
    *found = rc > 0;
    if (rc > 0)
        return take_row(self, stmt, NULL, claim, taken, error);
    return rc == 0;
}

/* found: there was one to serve. */
static bool
take_next(SqliteStore *self, const StoreClaim *claim, GPtrArray *taken, bool *found, GError **error)
{
    Lane lane = { 0 };

    if (claim->late)
        return take_late(self, claim, taken, found, error);
    bool fine = next_lane(self, &lane, found, error) && (!*found || take_first(self, &lane, claim, taken, error));
    g_free(lane.name);
    return fine;
}

static GPtrArray *
take_due(SqliteStore *self, const StoreClaim *claim, GError **error)
{
    g_autoptr(GPtrArray) taken = g_ptr_array_new_with_free_func((GDestroyNotify) entry_free);
    bool found = true;

    if (!sqlite_end_leases(self, claim->now_ms, SQLITE_BATCH, error) || !pull_in_far(self, claim, error))
        return NULL;
    for (guint steps = 0; found && taken->len < claim->max && steps < claim->max + SQLITE_BATCH; steps++) {
        g_autoptr(GError) cause = NULL;

        if (steps % 64 == 0 && !claim->late && !ready_lanes(self, claim->now_ms, 2 * 64, error))
            return NULL;
        if (take_next(self, claim, taken, &found, &cause))
            continue;
        if (taken->len > 0 && !self->spoiled)
            break; /* out of descriptors, say: what there is will do */
        g_propagate_error(error, g_steal_pointer(&cause));
        return NULL;
    }
    return g_steal_pointer(&taken);
}

GPtrArray *
sqlite_claim(Store *store, const StoreClaim *claim, GError **error)
{
    SqliteStore *self = (SqliteStore *) store;
    GError *cause = NULL;

    sqlite_verify_more(self);
    GPtrArray *taken = take_due(self, claim, &cause);
    if (taken)
        return taken;
    self->suspect = g_error_matches(cause, STORE_ERROR, STORE_ERROR_CORRUPT);
    g_propagate_error(error, cause);
    return NULL;
}

bool
sqlite_next_due(Store *store, gint64 *due_ms, GError **error)
{
    static const char free[] = "SELECT min(due_ms) FROM entry WHERE state = 'waiting' AND hold_until_ms = 0";
    static const char on_hold[] = "SELECT min(due_ms) FROM entry WHERE state = 'waiting' AND hold_until_ms > 0";
    SqliteStore *self = (SqliteStore *) store;
    gint64 one, other;

    if (!sqlite_number(self, free, G_MAXINT64, &one, error) || !sqlite_number(self, on_hold, G_MAXINT64, &other, error))
        return false;
    *due_ms = MIN(one, other);
    return true;
}

bool
sqlite_next_late(Store *store, gint64 *late_ms, GError **error)
{
    static const char next[] = "SELECT max(due_ms, by_ms) FROM entry WHERE state = 'waiting' AND by_ms > 0 "
                               "ORDER BY max(due_ms, by_ms) LIMIT 1";

    return sqlite_number((SqliteStore *) store, next, G_MAXINT64, late_ms, error);
}
