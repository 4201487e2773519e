#include "queue/feedback_early.h"

#include "mail/address.h"
#include "queue/feedback_sql.h"

enum { MOST = 20000, SLACK = 1000 };

static const gint64 lifetime_ms = 24 * 3600 * G_GINT64_CONSTANT(1000);

/* --- keeping ------------------------------------------------------------------------------------- */

/* Others may send through the same account: of theirs nothing ever comes, and they must not fill the disk. */
static bool
drop_oldest(FeedbackStore *self, GError **error)
{
    if (sqlite3_changes(self->db) == 0 || sqlite3_last_insert_rowid(self->db) % SLACK != 0)
        return true;
    return feedback_sql_run(self, feedback_sql(self, error,
        "DELETE FROM early WHERE row <= (SELECT max(row) FROM early) - ?", "i", (gint64) MOST), error);
}

bool
feedback_early_keep(FeedbackStore *self, const FeedbackEarly *early, gint64 now_ms, GError **error)
{
    const FeedbackMatch *match = &early->match;
    g_autofree char *key = address_key(match->address), *remote = feedback_sql_bare(match->remote_id);
    g_autofree char *message = feedback_sql_bare(match->message_id), *request = feedback_sql_bare(match->request);
    g_autofree char *call = feedback_sql_bare(match->call);

    if (!*remote && !*message && !*request && !*call)
        return true;
    return feedback_sql_run(self, feedback_sql(self, error,
               "INSERT OR IGNORE INTO early (account, address, shown, remote_id, message_id, request, call, kind, code,"
               " sender, source, reason, when_ms, at_ms)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, coalesce(?, ''), ?, ?, ?, ?, ?)", "sssssssissssii", match->account,
               key, match->address, remote, message, request, call, (gint64) early->kind, early->code, early->sender,
               early->source, early->reason, early->when_ms, now_ms), error) &&
           drop_oldest(self, error);
}

/* --- taking -------------------------------------------------------------------------------------- */

/* The ways of feedback_store_find(). */
#define ABOUT \
    " FROM early WHERE account = ?1 AND address = ?2 AND ((?3 <> '' AND ?3 IN (remote_id, message_id))" \
    " OR (?4 <> '' AND message_id = ?4) OR (?5 <> '' AND request = ?5) OR (?6 <> '' AND call = ?6))"

static guint
visit_all(FeedbackStore *self, sqlite3_stmt *statement, FeedbackEarlyVisit visit, void *user, int *step, GError **error)
{
    guint n = 0;

    for (; statement && (*step = feedback_sql_step(self, statement, error)) > 0; n++) {
        const FeedbackEarly early = {
            .match = { feedback_sql_text(statement, 0), feedback_sql_text(statement, 1), feedback_sql_text(statement, 2),
                       feedback_sql_text(statement, 3), feedback_sql_text(statement, 4),
                       feedback_sql_text(statement, 5) },
            .kind = sqlite3_column_int(statement, 6), .code = feedback_sql_text(statement, 7),
            .sender = feedback_sql_text(statement, 8), .source = feedback_sql_text(statement, 9),
            .reason = feedback_sql_text(statement, 10), .when_ms = sqlite3_column_int64(statement, 11),
        };
        visit(&early, user);
    }
    return n;
}

bool
feedback_early_take(FeedbackStore *self, const FeedbackMail *mail, const char *address, FeedbackEarlyVisit visit,
                    void *user, GError **error)
{
    g_autofree char *key = address_key(address), *remote = feedback_sql_bare(mail->remote_id);
    g_autofree char *message = feedback_sql_bare(mail->message_id), *request = feedback_sql_bare(mail->request);
    g_autofree char *call = feedback_sql_bare(mail->call);
    int step = -1;

    guint n = visit_all(self, feedback_sql(self, error,
        "SELECT account, shown, remote_id, message_id, request, call, kind, code, sender, source, reason, when_ms" ABOUT
        " ORDER BY row", "ssssss", mail->account, key, remote, message, request, call), visit, user, &step, error);
    if (step < 0 || n == 0)
        return step == 0;
    return feedback_sql_run(self, feedback_sql(self, error, "DELETE" ABOUT, "ssssss", mail->account, key, remote,
                                               message, request, call), error);
}

bool
feedback_early_prune(FeedbackStore *self, gint64 now_ms, GError **error)
{
    return feedback_sql_run(self, feedback_sql(self, error,
        "DELETE FROM early WHERE at_ms < ? OR row <= (SELECT max(row) FROM early) - ?", "ii", now_ms - lifetime_ms,
        (gint64) MOST), error);
}
