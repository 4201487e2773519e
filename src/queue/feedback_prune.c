#include "queue/feedback_prune.h"

#include "queue/feedback_sql.h"

/* The account behind after, by name. NULL without error: there is none. Caller frees. */
static char *
next_account(FeedbackStore *self, const char *after, GError **error)
{
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT account FROM mail WHERE account > ? ORDER BY account LIMIT 1", "s", after);
    char *account = NULL;

    if (statement && feedback_sql_step(self, statement, error) > 0) {
        account = g_strdup(feedback_sql_text(statement, 0));
        sqlite3_reset(statement);
    }
    return account;
}

static bool
drop_mail(FeedbackStore *self, gint64 row, GError **error)
{
    return feedback_sql_run(self, feedback_sql(self, error, "DELETE FROM recipient WHERE mail = ?", "i", row), error) &&
           feedback_sql_run(self, feedback_sql(self, error, "DELETE FROM mail WHERE row = ?", "i", row), error);
}

static bool
prune_account(FeedbackStore *self, const char *account, FeedbackPrune *prune, GError **error)
{
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(gint64));
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT row FROM mail WHERE account = ? AND delivered_ms < ? AND NOT EXISTS"
        " (SELECT 1 FROM recipient WHERE mail = mail.row AND owed = 1) ORDER BY delivered_ms LIMIT ?", "sii", account,
        prune->before_ms(account, prune->user), (gint64) (prune->max - prune->n));
    int step = -1;

    while (statement && (step = feedback_sql_step(self, statement, error)) > 0) {
        gint64 row = sqlite3_column_int64(statement, 0);
        g_array_append_val(rows, row);
    }
    for (guint i = 0; step == 0 && i < rows->len; i++) {
        if (!drop_mail(self, g_array_index(rows, gint64, i), error))
            return false;
    }
    prune->n += rows->len;
    return step == 0;
}

bool
feedback_store_prune(FeedbackStore *self, FeedbackPrune *prune, GError **error)
{
    g_autofree char *account = g_strdup("");
    GError *cause = NULL;

    prune->n = 0;
    while (prune->n < prune->max) {
        char *next = next_account(self, account, &cause);
        if (!next)
            break;
        g_free(account);
        account = next;
        if (!prune_account(self, account, prune, &cause))
            break;
    }
    if (cause)
        g_propagate_error(error, cause);
    return cause == NULL;
}
