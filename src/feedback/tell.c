/* Notices to senders. Each has its id in the store before it is handed over, and is marked as told behind that: after a
 * crash in between the queue, or the Maildir, knows it by its id. */
#include "feedback/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "feedback/figures.h"
#include "feedback/notice.h"
#include "feedback/target.h"
#include "io/worker.h"

enum { AGAIN_MS = 5 * 60 * 1000 };

typedef struct {
    Feedback *feedback;
    RelaySettings *settings;
    gint64 after;
    FeedbackNotice *notice;
    Entry *entry;
    GError *error;
} Tell;

static void next(Tell *self);

static const FeedbackConf *
conf_of(const Tell *self)
{
    const Provider *account = relay_settings_account(self->settings, self->notice->mail.account);

    return account ? &account->feedback : NULL;
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

    if (error) {
        log_event(LOG_ERR, "feedback-failed", "account", self->notice->mail.account, "text", error->message, NULL);
        self->after = self->notice->mail.row;
    }
    next(self);
}

static void
note_notice(const Tell *self)
{
    const FeedbackMail *mail = &self->notice->mail;
    g_autofree char *text = g_strdup_printf("%s to %s", self->notice->id, mail->sender);
    JournalLine line = { .event = "notice", .id = mail->id, .sender = mail->sender, .message_id = mail->message_id,
                         .account = mail->account, .text = text };

    log_event(LOG_NOTICE, "notice", "id", mail->id, "notice", self->notice->id, "to", mail->sender, "account",
              mail->account, "recipients", LOG_NUM(self->notice->recipients->len), NULL);
    journal_write(self->feedback->hub.journal, &line);
    figures_told(mail->account);
}

static void
handed_over(Tell *self, const GError *error)
{
    static const KeeperTask told = { run_told, done_told };
    Feedback *feedback = self->feedback;

    if (error) {
        log_event(LOG_WARNING, "notice-failed", "id", self->notice->mail.id, "notice", self->notice->id, "account",
                  self->notice->mail.account, "text", error->message, NULL);
        feedback->tell_after_ms = clock_monotonic() + AGAIN_MS;
        self->after = self->notice->mail.row;
        next(self);
        return;
    }
    note_notice(self);
    keeper_do(feedback->keeper, &told, self);
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
    const TargetMail mail = { self->notice->id, self->notice->mail.sender, bytes, (gsize) got };
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

static bool
run_next(FeedbackStore *store, void *user, GError **error)
{
    Tell *self = user;

    self->notice = feedback_store_next_notice(store, self->after, error);
    return !error || !*error;
}

static void
end(Tell *self)
{
    Feedback *feedback = self->feedback;

    relay_settings_free(self->settings);
    g_free(self);
    feedback->telling = false;
    if (feedback->tell_again)
        feedback_tell(feedback);
    feedback_release(feedback);
}

static void
done_next(void *user, const GError *error)
{
    static const WorkOps making = { run_making, on_made, NULL };
    Tell *self = user;

    if (error)
        log_event(LOG_ERR, "feedback-failed", "text", error->message, NULL);
    if (!self->notice || self->feedback->closing) {
        g_clear_pointer(&self->notice, feedback_notice_free);
        end(self);
        return;
    }
    self->after = self->notice->mail.row - (self->notice->recipients->len == FEEDBACK_NOTICE_RECIPIENTS);
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
    Tell *tell = g_new0(Tell, 1);
    tell->feedback = self;
    tell->settings = relay_settings_ref(self->settings);
    self->telling = true;
    feedback_hold(self);
    next(tell);
}
