#include "queue/feedback_recall.h"

#include "mail/address.h"
#include "queue/feedback_sql.h"

#include <string.h>

/* recipient.told_ms, until it is known whether a notice followed. */
#define NOT_YET "-1"
#define OF_MAIL "mail IN (SELECT row FROM mail WHERE id = ?1 AND account = ?2)"

bool
feedback_recall_until(FeedbackStore *self, gint64 *row, GError **error)
{
    return feedback_store_cursor(self, "", "recall", row, error);
}

bool
feedback_recall_begin(FeedbackStore *self, gint64 row, GError **error)
{
    return feedback_store_set_cursor(self, "", "recall", row, error);
}

/* As relay and judge decide whether a sender is told (mail/dsn.h). */
static bool
recall_returned(FeedbackStore *self, const JournalLine *line, GError **error)
{
    g_autofree char *key = address_key(line->recipient);

    return feedback_sql_run(self, feedback_sql(self, error,
               "UPDATE recipient SET state = ?4, dsn = ?5, reason = ?6, failed_ms = ?7,"
               " told_ms = iif(notify IS NULL OR instr(upper(notify), 'FAILURE') > 0, " NOT_YET ", 0)"
               " WHERE address = ?3 AND state <> ?4 AND " OF_MAIL, "sssissi", line->id, line->account, key,
               (gint64) FEEDBACK_FAILED, line->dsn, line->text, line->at_ms), error) &&
           feedback_sql_run(self, feedback_sql(self, error,
               "UPDATE mail SET next_ms = ?3 WHERE id = ?1 AND account = ?2"
               " AND NOT EXISTS (SELECT 1 FROM recipient WHERE mail = mail.row AND state = 0)", "ssi", line->id,
               line->account, G_MAXINT64), error);
}

static bool
recall_notice(FeedbackStore *self, const JournalLine *line, GError **error)
{
    return feedback_sql_run(self, feedback_sql(self, error,
        "UPDATE recipient SET told_ms = ?3 WHERE told_ms = " NOT_YET " AND " OF_MAIL, "ssi", line->id, line->account,
        line->at_ms), error);
}

bool
feedback_recall_line(FeedbackStore *self, const JournalLine *line, GError **error)
{
    if (!line->id || !line->account || !line->event)
        return true;
    if (strcmp(line->event, JOURNAL_RETURNED) == 0)
        return !line->recipient || recall_returned(self, line, error);
    return strcmp(line->event, JOURNAL_NOTICE) != 0 || recall_notice(self, line, error);
}

bool
feedback_recall_end(FeedbackStore *self, GError **error)
{
    return feedback_sql_run(self, feedback_sql(self, error,
               "UPDATE recipient SET told_ms = 0,"
               " owed = (SELECT sender <> '' FROM mail WHERE mail.row = recipient.mail) WHERE told_ms = " NOT_YET, ""),
               error) &&
           feedback_store_set_cursor(self, "", "recall", 0, error);
}
