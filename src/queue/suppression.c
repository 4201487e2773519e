#include "queue/suppression.h"

#include "mail/address.h"
#include "queue/feedback_sql.h"

static const gint64 remembered_ms = 100 * 24 * 3600 * G_GINT64_CONSTANT(1000); /* that one was taken off */

static const char *const kinds[SUPPRESSION_KINDS] = { "hard", "unsubscribed", "manual" };

const char *
suppression_kind_name(SuppressionKind kind)
{
    return kinds[kind];
}

/* Caller frees. */
static char *
key_of(const char *address)
{
    return address && *address ? address_key(address) : g_strdup("");
}

bool
suppression_add(FeedbackStore *self, const Suppression *one, bool *added, GError **error)
{
    g_autofree char *key = key_of(one->address), *sender = key_of(one->sender);

    if (!feedback_sql_run(self, feedback_sql(self, error,
            "INSERT INTO suppression VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)"
            " ON CONFLICT (account, address, sender) DO UPDATE SET shown = ?4, kind = ?5, source = ?6, reason = ?7,"
            " since_ms = ?8, expires_ms = ?9, removed_ms = 0"
            " WHERE ?5 = ?10 OR (removed_ms > 0 AND removed_ms < ?8)"
            " OR (removed_ms = 0 AND expires_ms > 0 AND expires_ms <= ?8)"
            " OR (removed_ms = 0 AND kind = ?11 AND ?5 = ?12)", "ssssissiiiii", one->account, key, sender,
            one->address, (gint64) one->kind, one->source, one->reason, one->since_ms, one->expires_ms,
            (gint64) SUPPRESSION_MANUAL, (gint64) SUPPRESSION_HARD, (gint64) SUPPRESSION_UNSUBSCRIBED), error))
        return false;
    if (added)
        *added = sqlite3_changes(self->db) > 0;
    return true;
}

bool
suppression_remove(FeedbackStore *self, const char *account, const char *address, gint64 now_ms, guint *n,
                   GError **error)
{
    g_autofree char *key = key_of(address);

    if (!feedback_sql_run(self, feedback_sql(self, error,
            "UPDATE suppression SET removed_ms = ? WHERE address = ? AND account = coalesce(?, account)"
            " AND removed_ms = 0", "iss", now_ms, key, account), error))
        return false;
    *n = (guint) sqlite3_changes(self->db);
    return true;
}

#define COLUMNS "account, shown, sender, kind, source, reason, since_ms, expires_ms"

static bool
visit_rows(FeedbackStore *self, sqlite3_stmt *statement, SuppressionVisit visit, void *user, GError **error)
{
    int step = -1;

    while (statement && (step = feedback_sql_step(self, statement, error)) > 0) {
        Suppression one = {
            .account = feedback_sql_text(statement, 0), .address = feedback_sql_text(statement, 1),
            .sender = feedback_sql_text(statement, 2),
            .kind = (SuppressionKind) CLAMP(sqlite3_column_int(statement, 3), 0, SUPPRESSION_KINDS - 1),
            .source = feedback_sql_text(statement, 4), .reason = feedback_sql_text(statement, 5),
            .since_ms = sqlite3_column_int64(statement, 6), .expires_ms = sqlite3_column_int64(statement, 7),
        };
        visit(&one, user);
    }
    return step == 0;
}

bool
suppression_find(FeedbackStore *self, const Suppression *what, gint64 now_ms, SuppressionVisit visit, void *user,
                 GError **error)
{
    g_autofree char *key = key_of(what->address), *sender = what->sender ? key_of(what->sender) : NULL;

    return visit_rows(self, feedback_sql(self, error,
        "SELECT " COLUMNS " FROM suppression WHERE account = ?1 AND address = ?2 AND (?3 IS NULL OR sender IN ('', ?3))"
        " AND removed_ms = 0 AND (expires_ms = 0 OR expires_ms > ?4) ORDER BY sender LIMIT 1", "sssi", what->account, key,
        sender, now_ms), visit, user, error);
}

bool
suppression_each(FeedbackStore *self, const SuppressionPage *page, SuppressionVisit visit, void *user, GError **error)
{
    g_autofree char *key = page->address ? key_of(page->address) : NULL;
    g_autofree char *after_address = key_of(page->after_address), *after_sender = key_of(page->after_sender);

    return visit_rows(self, feedback_sql(self, error,
        "SELECT " COLUMNS " FROM suppression WHERE (account, address, sender) > (?, ?, ?)"
        " AND account = coalesce(?, account) AND address = coalesce(?, address) AND removed_ms = 0"
        " AND (expires_ms = 0 OR expires_ms > ?) ORDER BY account, address, sender LIMIT ?", "sssssii",
        page->after_account ? page->after_account : "", after_address, after_sender, page->account, key, page->now_ms,
        (gint64) page->max), visit, user, error);
}

bool
suppression_count(FeedbackStore *self, gint64 now_ms, SuppressionCount visit, void *user, GError **error)
{
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT kind, source, count(*) FROM suppression WHERE removed_ms = 0 AND (expires_ms = 0 OR expires_ms > ?)"
        " GROUP BY kind, source ORDER BY kind, source LIMIT 200", "i", now_ms);
    int step = -1;

    while (statement && (step = feedback_sql_step(self, statement, error)) > 0) {
        SuppressionKind kind = (SuppressionKind) CLAMP(sqlite3_column_int(statement, 0), 0, SUPPRESSION_KINDS - 1);
        visit(kind, feedback_sql_text(statement, 1), sqlite3_column_int64(statement, 2), user);
    }
    return step == 0;
}

bool
suppression_prune(FeedbackStore *self, gint64 now_ms, guint max, GError **error)
{
    return feedback_sql_run(self, feedback_sql(self, error,
        "DELETE FROM suppression WHERE (account, address, sender) IN (SELECT account, address, sender FROM suppression"
        " WHERE (expires_ms > 0 AND expires_ms <= ?) OR (removed_ms > 0 AND removed_ms < ?) LIMIT ?)", "iii", now_ms,
        now_ms - remembered_ms, (gint64) max), error);
}
