/* Notices to senders. Each has its id in the store before it is handed over, and is marked as told behind that: after a
 * crash in between the queue, or the Maildir, knows it by its id; without a crash it is marked later, not told again. What
 * fails holds up no other: a server or program that is not there waits with all its notices, one that refuses a notice
 * gets the others. */
#include "feedback/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "feedback/figures.h"
#include "feedback/notice.h"
#include "feedback/target.h"
#include "io/worker.h"

enum {
    AGAIN_MS = 5 * 60 * 1000,
    SLOW_MS = 60 * 60 * 1000, /* a notice that had no answer, so that it is not always the one that is tried */
    STORE_MS = 60 * 1000,
    PATIENCE_MS = 60 * 1000, /* for a server or program */
};

typedef struct {
    Feedback *feedback;
    RelaySettings *settings;
    gint64 after;
    FeedbackNotice *notice;
    Entry *entry;
    GError *error;
} Tell;

static void next(Tell *self);
static void end(Tell *self);

static const FeedbackConf *
conf_of(const Tell *self)
{
    const Provider *account = relay_settings_account(self->settings, self->notice->mail.account);

    return account ? &account->feedback : NULL;
}

/* --- what has failed ----------------------------------------------------------------------------- */

/* Takes key. */
static void
put_off(Feedback *feedback, char *key, gint64 ms)
{
    gint64 until_ms = clock_monotonic() + ms;

    g_hash_table_replace(feedback->waits, key, g_memdup2(&until_ms, sizeof until_ms));
}

static bool
is_put_off(const Feedback *feedback, char *key)
{
    bool found = g_hash_table_contains(feedback->waits, key);

    g_free(key);
    return found;
}

static gboolean
is_past(gpointer key, gpointer until_ms, gpointer now_ms)
{
    return *(const gint64 *) until_ms <= *(const gint64 *) now_ms;
}

/* When the first of them may be tried; 0: none waits. */
static gint64
first_wait(const Feedback *feedback)
{
    GHashTableIter iter;
    gpointer until_ms;
    gint64 first_ms = 0;

    g_hash_table_iter_init(&iter, feedback->waits);
    while (g_hash_table_iter_next(&iter, NULL, &until_ms))
        first_ms = first_ms == 0 ? *(gint64 *) until_ms : MIN(first_ms, *(gint64 *) until_ms);
    return first_ms;
}

static char *
account_key(const FeedbackMail *mail)
{
    return g_strconcat("@", mail->account, NULL);
}

static char *
row_key(const FeedbackMail *mail)
{
    return g_strdup_printf("%" G_GINT64_FORMAT, mail->row);
}

/* error: of handing over its notice. */
static void
put_off_mail(Feedback *feedback, const FeedbackMail *mail, const GError *error)
{
    bool refused = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_FAILED);
    bool slow = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN);

    if (refused || slow)
        put_off(feedback, row_key(mail), slow ? SLOW_MS : AGAIN_MS);
    if (!refused)
        put_off(feedback, account_key(mail), AGAIN_MS);
}

/* --- behind one ---------------------------------------------------------------------------------- */

static bool
run_told(FeedbackStore *store, void *user, GError **error)
{
    const Tell *self = user;

    return feedback_store_told(store, self->notice, clock_now(), error);
}

static void
done_told(void *user, const GError *error)
{
    Tell *self = user;
    Feedback *feedback = self->feedback;

    if (error) {
        log_event(LOG_ERR, "feedback-failed", "account", self->notice->mail.account, "text", error->message, NULL);
        g_hash_table_add(feedback->handed, g_strdup(self->notice->id));
        put_off(feedback, g_strdup(""), STORE_MS);
        end(self);
        return;
    }
    g_hash_table_remove(feedback->handed, self->notice->id);
    next(self);
}

static void
mark_told(Tell *self)
{
    static const KeeperTask told = { run_told, done_told };

    keeper_do(self->feedback->keeper, &told, self);
}

static void
note_notice(const Tell *self)
{
    const FeedbackMail *mail = &self->notice->mail;
    g_autofree char *text = g_strdup_printf("%s to %s", self->notice->id, mail->sender);
    g_autofree char *message_id = *mail->message_id ? g_strdup_printf("<%s>", mail->message_id) : NULL;
    JournalLine line = { .event = JOURNAL_NOTICE, .id = mail->id, .sender = mail->sender, .message_id = message_id,
                         .account = mail->account, .text = text };

    log_event(LOG_NOTICE, "notice", "id", mail->id, "notice", self->notice->id, "to", mail->sender, "account",
              mail->account, "recipients", LOG_NUM(self->notice->recipients->len), NULL);
    journal_write(self->feedback->hub.journal, &line);
    figures_told(mail->account);
}

static void
handed_over(Tell *self, const GError *error)
{
    if (error) {
        log_event(LOG_WARNING, "notice-failed", "id", self->notice->mail.id, "notice", self->notice->id, "account",
                  self->notice->mail.account, "text", error->message, NULL);
        put_off_mail(self->feedback, &self->notice->mail, error);
        self->after = self->notice->mail.row;
        next(self);
        return;
    }
    note_notice(self);
    mark_told(self);
}

/* --- handing over -------------------------------------------------------------------------------- */

static bool
goes_by_mail(const Tell *self)
{
    const FeedbackConf *conf = conf_of(self);

    return !conf || conf->target == FEEDBACK_TO_SENDER || conf->target == FEEDBACK_TO_ADDRESS;
}

static bool
deliver_elsewhere(Tell *self)
{
    gsize n = (gsize) spool_length(self->entry->spool);
    g_autofree char *bytes = g_malloc(n + 1);
    gssize got = spool_read_at(self->entry->spool, 0, bytes, n, &self->error);

    if (got < 0)
        return false;
    const TargetMail mail = { self->notice->id, self->notice->mail.sender, bytes, (gsize) got,
                              PATIENCE_MS, &self->feedback->stopping };
    return target_deliver(conf_of(self), &mail, &self->error);
}

static void
run_making(void *user)
{
    Tell *self = user;
    const FeedbackConf *conf = conf_of(self);
    const char *to = conf && conf->target == FEEDBACK_TO_ADDRESS ? conf->target_value : NULL;

    self->entry = notice_entry(self->settings, self->notice, to, &self->error);
    if (self->entry && !goes_by_mail(self))
        deliver_elsewhere(self);
}

static bool
run_put(Store *store, void *user, GError **error)
{
    Tell *self = user;
    g_autoptr(GError) cause = NULL;

    if (store_put(store, self->entry, 0, &cause) || g_error_matches(cause, STORE_ERROR, STORE_ERROR_EXISTS))
        return true;
    g_propagate_error(error, g_steal_pointer(&cause));
    return false;
}

static void
done_put(void *user, const GError *error)
{
    Tell *self = user;

    if (!error && !self->feedback->closing)
        relay_wake(self->feedback->hub.relay);
    handed_over(self, error);
}

static void
on_made(void *user)
{
    static const StoreTask put = { run_put, done_put };
    Tell *self = user;
    Relay *relay = self->feedback->hub.relay;

    if (self->error || !self->entry || !goes_by_mail(self) || self->feedback->closing) {
        if (self->feedback->closing && goes_by_mail(self) && !self->error)
            g_set_error_literal(&self->error, STORE_ERROR, STORE_ERROR_IO, "shutting down");
        handed_over(self, self->error);
    } else if (relay_store(relay)) {
        store_thread_do(relay_store(relay), &put, self);
    } else { /* nothing is kept: one try, now */
        relay_deliver(relay, g_steal_pointer(&self->entry), NULL);
        handed_over(self, NULL);
    }
}

/* --- one after another --------------------------------------------------------------------------- */

/* On a worker, while the loop waits for it. */
static bool
is_wanted(const FeedbackMail *mail, void *user)
{
    const Feedback *feedback = ((const Tell *) user)->feedback;

    return !is_put_off(feedback, account_key(mail)) && !is_put_off(feedback, row_key(mail));
}

static bool
run_next(FeedbackStore *store, void *user, GError **error)
{
    Tell *self = user;

    self->notice = feedback_store_next_notice(store, self->after, is_wanted, self, error);
    return !error || !*error;
}

static void
end(Tell *self)
{
    Feedback *feedback = self->feedback;

    g_clear_pointer(&self->notice, feedback_notice_free);
    relay_settings_free(self->settings);
    g_free(self);
    feedback->telling = false;
    feedback->tell_after_ms = first_wait(feedback);
    if (feedback->tell_again)
        feedback_tell(feedback);
    feedback_release(feedback);
}

static void
done_next(void *user, const GError *error)
{
    static const WorkOps making = { run_making, on_made, NULL };
    Tell *self = user;

    if (error) {
        log_event(LOG_ERR, "feedback-failed", "text", error->message, NULL);
        put_off(self->feedback, g_strdup(""), STORE_MS);
    }
    if (!self->notice || error || self->feedback->closing) {
        end(self);
        return;
    }
    self->after = self->notice->mail.row - (self->notice->recipients->len == FEEDBACK_NOTICE_RECIPIENTS);
    if (g_hash_table_contains(self->feedback->handed, self->notice->id))
        mark_told(self);
    else
        work_start(self->feedback->hub.loop, &making, self);
}

static void
next(Tell *self)
{
    static const KeeperTask task = { run_next, done_next };

    g_clear_pointer(&self->notice, feedback_notice_free);
    g_clear_pointer(&self->entry, entry_free);
    g_clear_error(&self->error);
    keeper_do(self->feedback->keeper, &task, self);
}

void
feedback_tell(Feedback *self)
{
    self->tell_again = self->telling;
    if (self->telling || self->closing)
        return;
    gint64 now_ms = clock_monotonic();
    g_hash_table_foreach_remove(self->waits, is_past, &now_ms);
    Tell *tell = g_new0(Tell, 1);
    tell->feedback = self;
    tell->settings = relay_settings_ref(self->settings);
    self->telling = true;
    feedback_hold(self);
    next(tell);
}
