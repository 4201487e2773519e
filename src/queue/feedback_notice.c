#include "queue/feedback_notice.h"

#include "base/id.h"
#include "queue/feedback_sql.h"

void
feedback_notice_free(FeedbackNotice *self)
{
    if (!self)
        return;
    g_array_unref(self->recipients);
    g_string_chunk_free(self->strings);
    g_free(self->id);
    g_free(self);
}

static const char *
kept(FeedbackNotice *self, sqlite3_stmt *statement, int column)
{
    const char *text = feedback_sql_text(statement, column);

    return text ? g_string_chunk_insert(self->strings, text) : NULL;
}

/* 1: there is one, 0: none, -1: error. */
static int
read_mail(FeedbackStore *self, const char *account, gint64 after, FeedbackNotice *notice, GError **error)
{
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT row, account, id, remote_id, message_id, sender, ret, envid, listener, user, header, arrived_ms,"
        " delivered_ms FROM mail WHERE row = (SELECT recipient.mail FROM recipient CROSS JOIN mail AS own"
        " ON own.row = recipient.mail WHERE owed = 1 AND recipient.mail > ? AND own.account = ?"
        " ORDER BY recipient.mail LIMIT 1)", "is", after, account);
    int step = statement ? feedback_sql_step(self, statement, error) : -1;

    if (step > 0) {
        notice->mail = (FeedbackMail) {
            .row = sqlite3_column_int64(statement, 0), .account = kept(notice, statement, 1),
            .id = kept(notice, statement, 2), .remote_id = kept(notice, statement, 3),
            .message_id = kept(notice, statement, 4), .sender = kept(notice, statement, 5),
            .ret = kept(notice, statement, 6), .envid = kept(notice, statement, 7),
            .listener = kept(notice, statement, 8), .user = kept(notice, statement, 9),
            .header = kept(notice, statement, 10), .arrived_ms = sqlite3_column_int64(statement, 11),
            .delivered_ms = sqlite3_column_int64(statement, 12),
        };
        sqlite3_reset(statement);
    }
    return step;
}

/* One that was begun before, and perhaps handed over, goes on as it was. */
static bool
name_notice(FeedbackStore *self, FeedbackNotice *notice, GError **error)
{
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT notice FROM recipient WHERE mail = ? AND owed = 1 AND notice IS NOT NULL LIMIT 1", "i",
        notice->mail.row);
    int step = statement ? feedback_sql_step(self, statement, error) : -1;

    if (step > 0) {
        notice->id = g_strdup(feedback_sql_text(statement, 0));
        sqlite3_reset(statement);
    }
    if (step != 0)
        return step > 0;
    notice->id = id_queue();
    return feedback_sql_run(self, feedback_sql(self, error,
        "UPDATE recipient SET notice = ?1 WHERE mail = ?2 AND address IN"
        " (SELECT address FROM recipient WHERE mail = ?2 AND owed = 1 ORDER BY address LIMIT ?3)", "sii", notice->id,
        notice->mail.row, (gint64) FEEDBACK_NOTICE_RECIPIENTS), error);
}

static bool
read_recipients(FeedbackStore *self, FeedbackNotice *notice, GError **error)
{
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT shown, orcpt, notify, dsn, reason, state, failed_ms FROM recipient"
        " WHERE mail = ? AND owed = 1 AND notice = ? ORDER BY address", "is", notice->mail.row, notice->id);
    int step = -1;

    while (statement && (step = feedback_sql_step(self, statement, error)) > 0) {
        FeedbackRecipient one = {
            .address = kept(notice, statement, 0), .orcpt = kept(notice, statement, 1),
            .notify = kept(notice, statement, 2), .dsn = kept(notice, statement, 3),
            .reason = kept(notice, statement, 4), .state = (FeedbackState) sqlite3_column_int(statement, 5),
            .failed_ms = sqlite3_column_int64(statement, 6),
        };
        g_array_append_val(notice->recipients, one);
    }
    return step == 0;
}

FeedbackNotice *
feedback_store_next_notice(FeedbackStore *self, const FeedbackChoice *choice, GError **error)
{
    gint64 after = choice->after;
    g_autoptr(FeedbackNotice) notice = g_new0(FeedbackNotice, 1);

    notice->strings = g_string_chunk_new(1024);
    notice->recipients = g_array_new(FALSE, FALSE, sizeof(FeedbackRecipient));
    do {
        g_string_chunk_clear(notice->strings);
        if (read_mail(self, choice->account, after, notice, error) <= 0)
            return NULL;
        after = notice->mail.row;
    } while (choice->wanted && !choice->wanted(&notice->mail, choice->user));
    return name_notice(self, notice, error) && read_recipients(self, notice, error) ? g_steal_pointer(&notice) : NULL;
}

bool
feedback_store_owed(FeedbackStore *self, void (*visit)(const char *account, gint64 n, void *user), void *user,
                    GError **error)
{
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT mail.account, count(*) FROM recipient CROSS JOIN mail ON mail.row = recipient.mail WHERE owed = 1"
        " GROUP BY mail.account", "");
    int step = -1;

    while (statement && (step = feedback_sql_step(self, statement, error)) > 0)
        visit(feedback_sql_text(statement, 0), sqlite3_column_int64(statement, 1), user);
    return step == 0;
}

bool
feedback_store_told(FeedbackStore *self, const FeedbackNotice *notice, gint64 now_ms, GError **error)
{
    return feedback_sql_run(self, feedback_sql(self, error,
        "UPDATE recipient SET owed = 0, told_ms = ? WHERE mail = ? AND notice = ?", "iis", now_ms, notice->mail.row,
        notice->id), error);
}
