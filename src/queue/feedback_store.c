#include "queue/feedback_store.h"

#include "base/id.h"
#include "mail/address.h"
#include "queue/feedback_sql.h"

#include <string.h>

#define DAY_MS (24 * 3600 * G_GINT64_CONSTANT(1000))

enum { RATE_DAYS = 92 }; /* how long they are kept: no less than a mail's fate is awaited */

#define MAIL_COLUMNS \
    "mail.account, mail.id, mail.remote_id, mail.message_id, mail.call, mail.request, mail.sender, mail.header_from," \
    " mail.ret, mail.envid, mail.listener, mail.user, mail.header, mail.arrived_ms, mail.delivered_ms, mail.row"
enum { MAIL_TEXTS = 13, MAIL_END = 16 };

static const size_t mail_texts[MAIL_TEXTS] = {
    offsetof(FeedbackMail, account),  offsetof(FeedbackMail, id),       offsetof(FeedbackMail, remote_id),
    offsetof(FeedbackMail, message_id), offsetof(FeedbackMail, call),   offsetof(FeedbackMail, request),
    offsetof(FeedbackMail, sender),   offsetof(FeedbackMail, from),     offsetof(FeedbackMail, ret),
    offsetof(FeedbackMail, envid),    offsetof(FeedbackMail, listener), offsetof(FeedbackMail, user),
    offsetof(FeedbackMail, header),
};

/* --- values -------------------------------------------------------------------------------------- */

/* Caller frees. */
static char *
domain_of(const char *sender)
{
    const char *domain = sender ? address_domain(sender) : NULL;

    return g_ascii_strdown(domain ? domain : "", -1);
}

static const char *
keep(GStringChunk *strings, const char *text)
{
    return text ? g_string_chunk_insert(strings, text) : NULL;
}

static void
read_mail(sqlite3_stmt *statement, GStringChunk *strings, FeedbackMail *mail)
{
    for (int i = 0; i < MAIL_TEXTS; i++)
        G_STRUCT_MEMBER(const char *, mail, mail_texts[i]) = keep(strings, feedback_sql_text(statement, i));
    mail->arrived_ms = sqlite3_column_int64(statement, MAIL_TEXTS);
    mail->delivered_ms = sqlite3_column_int64(statement, MAIL_TEXTS + 1);
    mail->row = sqlite3_column_int64(statement, MAIL_TEXTS + 2);
}

#define RECIPIENT_COLUMNS \
    "recipient.shown, recipient.orcpt, recipient.notify, recipient.dsn, recipient.reason, recipient.state," \
    " recipient.failed_ms"

static void
read_recipient(sqlite3_stmt *statement, int at, GStringChunk *strings, FeedbackRecipient *recipient)
{
    recipient->address = keep(strings, feedback_sql_text(statement, at));
    recipient->orcpt = keep(strings, feedback_sql_text(statement, at + 1));
    recipient->notify = keep(strings, feedback_sql_text(statement, at + 2));
    recipient->dsn = keep(strings, feedback_sql_text(statement, at + 3));
    recipient->reason = keep(strings, feedback_sql_text(statement, at + 4));
    recipient->state = (FeedbackState) sqlite3_column_int(statement, at + 5);
    recipient->failed_ms = sqlite3_column_int64(statement, at + 6);
}

/* --- watching ------------------------------------------------------------------------------------ */

static bool
put_mail(FeedbackStore *self, const FeedbackMail *mail, gint64 next_ms, gint64 *row, GError **error)
{
    g_autofree char *remote = feedback_sql_bare(mail->remote_id), *message = feedback_sql_bare(mail->message_id);
    g_autofree char *call = feedback_sql_bare(mail->call), *request = feedback_sql_bare(mail->request);

    /* The first line of a mail has its header. */
    if (!feedback_sql_run(self, feedback_sql(self, error,
            "INSERT INTO mail (account, id, remote_id, message_id, call, request, sender, header_from, ret, envid,"
            " listener, user, header, arrived_ms, delivered_ms, step, next_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)"
            " ON CONFLICT (id, account, call, remote_id) DO UPDATE SET header = coalesce(header, excluded.header),"
            " header_from = coalesce(header_from, excluded.header_from)",
            "sssssssssssssiii", mail->account, mail->id, remote, message, call, request, mail->sender, mail->from,
            mail->ret, mail->envid, mail->listener, mail->user, mail->header, mail->arrived_ms, mail->delivered_ms,
            next_ms), error))
        return false;
    return feedback_sql_number(self, feedback_sql(self, error,
        "SELECT row FROM mail WHERE id = ? AND account = ? AND call = ? AND remote_id = ?", "ssss", mail->id,
        mail->account, call, remote), 0, row, error);
}

static bool
count(FeedbackStore *self, const FeedbackMail *mail, gint64 sent, gint64 failed, GError **error)
{
    g_autofree char *domain = domain_of(mail->sender);

    return feedback_sql_run(self, feedback_sql(self, error,
        "INSERT INTO rate VALUES (?, ?, ?, ?4, ?5, 0)"
        " ON CONFLICT (account, domain, day) DO UPDATE SET sent = sent + ?4, failed = failed + ?5", "ssiii",
        mail->account, domain, mail->delivered_ms / DAY_MS, sent, failed), error);
}

static bool
note_sender(FeedbackStore *self, const FeedbackMail *mail, GError **error)
{
    return !mail->from || feedback_sql_run(self, feedback_sql(self, error,
        "INSERT INTO sender VALUES (?, ?, ?3) ON CONFLICT (account, address) DO UPDATE SET last_ms = max(last_ms, ?3)",
        "ssi", mail->account, mail->from, mail->delivered_ms), error);
}

bool
feedback_store_watch(FeedbackStore *self, const FeedbackMail *mail, const FeedbackRecipient *recipient,
                     gint64 next_ms, GError **error)
{
    g_autofree char *key = address_key(recipient->address);
    gint64 row;

    if (!put_mail(self, mail, next_ms, &row, error))
        return false;
    if (!feedback_sql_run(self, feedback_sql(self, error,
            "INSERT OR IGNORE INTO recipient VALUES (?, ?, ?, ?, ?, 0, 0, NULL, 0, NULL, NULL, 0)", "issss", row, key,
            recipient->address, recipient->orcpt, recipient->notify), error))
        return false;
    if (sqlite3_changes(self->db) == 0)
        return true;
    return note_sender(self, mail, error) && count(self, mail, 1, 0, error);
}

/* --- what a recipient comes to ------------------------------------------------------------------- */

void
feedback_found_free(FeedbackFound *self)
{
    if (!self)
        return;
    g_string_chunk_free(self->strings);
    g_free(self);
}

#define FIND(column) \
    "SELECT " MAIL_COLUMNS ", " RECIPIENT_COLUMNS " FROM mail JOIN recipient ON recipient.mail = mail.row" \
    " WHERE mail." column " = ? AND mail." column " <> '' AND +mail.account = ? AND recipient.address = ?" \
    " ORDER BY recipient.state, mail.row DESC LIMIT 1"

FeedbackFound *
feedback_store_find(FeedbackStore *self, const FeedbackMatch *match, GError **error)
{
    const struct {
        const char *sql, *id;
    } ways[] = {
        { FIND("remote_id"), match->remote_id },   { FIND("remote_id"), match->message_id },
        { FIND("request"), match->request },       { FIND("call"), match->call },
        { FIND("message_id"), match->message_id },
    };
    g_autofree char *key = address_key(match->address);

    for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_autofree char *id = feedback_sql_bare(ways[i].id);
        if (!*id)
            continue;
        sqlite3_stmt *statement = feedback_sql(self, error, ways[i].sql, "sss", id, match->account, key);
        int step = statement ? feedback_sql_step(self, statement, error) : -1;
        if (step < 0)
            return NULL;
        if (step == 0)
            continue;
        FeedbackFound *found = g_new0(FeedbackFound, 1);
        found->strings = g_string_chunk_new(256);
        read_mail(statement, found->strings, &found->mail);
        read_recipient(statement, MAIL_END, found->strings, &found->recipient);
        sqlite3_reset(statement);
        return found;
    }
    return NULL;
}

/* One whose recipients are all settled is not asked about any more. */
static bool
rest_if_settled(FeedbackStore *self, gint64 row, GError **error)
{
    return feedback_sql_run(self, feedback_sql(self, error,
        "UPDATE mail SET next_ms = ?1 WHERE row = ?2"
        " AND NOT EXISTS (SELECT 1 FROM recipient WHERE mail = ?2 AND state = 0)", "ii", G_MAXINT64, row), error);
}

/* Of the day the mail went out: it is of that one's mails that a share came back. */
static bool
count_failure(FeedbackStore *self, gint64 row, GError **error)
{
    sqlite3_stmt *statement = feedback_sql(self, error, "SELECT account, sender, delivered_ms FROM mail WHERE row = ?", "i",
                                           row);
    int step = statement ? feedback_sql_step(self, statement, error) : -1;

    if (step <= 0)
        return step == 0;
    g_autofree char *account = g_strdup(feedback_sql_text(statement, 0));
    g_autofree char *sender = g_strdup(feedback_sql_text(statement, 1));
    FeedbackMail mail = { .account = account, .sender = sender, .delivered_ms = sqlite3_column_int64(statement, 2) };
    sqlite3_reset(statement);
    return count(self, &mail, 0, 1, error);
}

bool
feedback_store_settle(FeedbackStore *self, gint64 row, const FeedbackRecipient *recipient, bool owed, GError **error)
{
    g_autofree char *key = address_key(recipient->address);

    if (!feedback_sql_run(self, feedback_sql(self, error,
            "UPDATE recipient SET state = ?, owed = max(owed, ?), dsn = ?, reason = ?, failed_ms = ?"
            " WHERE mail = ? AND address = ?", "iissiis", (gint64) recipient->state, (gint64) owed, recipient->dsn,
            recipient->reason, recipient->failed_ms, row, key), error))
        return false;
    if (recipient->state == FEEDBACK_FAILED && !count_failure(self, row, error))
        return false;
    return rest_if_settled(self, row, error);
}

/* --- asking -------------------------------------------------------------------------------------- */

/* Those that are not settled: no more than the last days have left, however many there are in all. */
#define OPEN "mail INDEXED BY mail_open"
#define IS_OPEN " AND next_ms < 9223372036854775807"

bool
feedback_store_due(FeedbackStore *self, const char *account, gint64 now_ms, guint max, FeedbackVisit visit,
                   void *user, GError **error)
{
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT remote_id, request, delivered_ms FROM " OPEN " WHERE account = ? AND next_ms <= ?" IS_OPEN
        " ORDER BY delivered_ms LIMIT ?", "sii", account, now_ms, (gint64) max);
    int step = -1;

    while (statement && (step = feedback_sql_step(self, statement, error)) > 0) {
        const FeedbackMail mail = { .remote_id = feedback_sql_text(statement, 0),
                                    .request = feedback_sql_text(statement, 1),
                                    .delivered_ms = sqlite3_column_int64(statement, 2) };
        visit(&mail, user);
    }
    return step == 0;
}

bool
feedback_store_next_due(FeedbackStore *self, const char *account, gint64 *due_ms, GError **error)
{
    return feedback_sql_number(self, feedback_sql(self, error,
        "SELECT next_ms FROM mail WHERE account = ? ORDER BY next_ms LIMIT 1", "s", account), G_MAXINT64, due_ms,
        error);
}

/* From the last step down, so that none is moved twice. */
bool
feedback_store_asked(FeedbackStore *self, const FeedbackAsked *asked, GError **error)
{
    gint64 last = 0;

    while (asked->intervals_ms[last + 1])
        last++;
    for (gint64 step = last; step >= 0; step--) {
        gint64 next = MIN(step + 1, last);
        if (!feedback_sql_run(self, feedback_sql(self, error,
                "UPDATE " OPEN " SET step = ?, next_ms = ? WHERE account = ? AND next_ms <= ?" IS_OPEN
                " AND delivered_ms BETWEEN ? AND ? AND step = ?", "iisiiii", next,
                asked->now_ms + asked->intervals_ms[next], asked->account, asked->now_ms, asked->since_ms,
                asked->until_ms, step), error))
            return false;
    }
    return true;
}

bool
feedback_store_prune_senders(FeedbackStore *self, gint64 since_ms, gint64 now_ms, GError **error)
{
    return feedback_sql_run(self, feedback_sql(self, error, "DELETE FROM sender WHERE last_ms < ?", "i", since_ms),
                            error) &&
           feedback_sql_run(self, feedback_sql(self, error,
               "DELETE FROM cursor WHERE account <> '' AND value < ?", "i", since_ms), error) &&
           feedback_sql_run(self, feedback_sql(self, error, "DELETE FROM rate WHERE day < ?", "i",
                                               now_ms / DAY_MS - RATE_DAYS), error);
}

/* --- the rest ------------------------------------------------------------------------------------ */

bool
feedback_store_cursor(FeedbackStore *self, const char *account, const char *what, gint64 *value, GError **error)
{
    return feedback_sql_number(self, feedback_sql(self, error,
        "SELECT value FROM cursor WHERE account = ? AND what = ?", "ss", account, what), 0, value, error);
}

bool
feedback_store_set_cursor(FeedbackStore *self, const char *account, const char *what, gint64 value, GError **error)
{
    return feedback_sql_run(self, feedback_sql(self, error, "INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", "ssi",
                                               account, what, value), error);
}

bool
feedback_store_senders(FeedbackStore *self, const char *account, gint64 since_ms,
                       void (*visit)(const char *address, void *user), void *user, GError **error)
{
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT address FROM sender WHERE account = ? AND last_ms >= ? ORDER BY address", "si", account, since_ms);
    int step = -1;

    while (statement && (step = feedback_sql_step(self, statement, error)) > 0)
        visit(feedback_sql_text(statement, 0), user);
    return step == 0;
}

bool
feedback_store_rate(FeedbackStore *self, const FeedbackMail *mail, FeedbackRate *rate, GError **error)
{
    g_autofree char *domain = domain_of(mail->sender);
    sqlite3_stmt *statement = feedback_sql(self, error,
        "SELECT sent, failed, told FROM rate WHERE account = ? AND domain = ? AND day = ?", "ssi", mail->account,
        domain, mail->delivered_ms / DAY_MS);
    int step = statement ? feedback_sql_step(self, statement, error) : -1;

    *rate = (FeedbackRate) { 0 };
    if (step > 0) {
        *rate = (FeedbackRate) { sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                                 sqlite3_column_int(statement, 2) != 0 };
        sqlite3_reset(statement);
    }
    return step >= 0;
}

bool
feedback_store_rate_told(FeedbackStore *self, const FeedbackMail *mail, GError **error)
{
    g_autofree char *domain = domain_of(mail->sender);

    return feedback_sql_run(self, feedback_sql(self, error,
        "UPDATE rate SET told = 1 WHERE account = ? AND domain = ? AND day = ?", "ssi", mail->account, domain,
        mail->delivered_ms / DAY_MS), error);
}
