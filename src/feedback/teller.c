#include "feedback/teller.h"

#include "base/clock.h"
#include "base/log.h"
#include "feedback/again.h"
#include "feedback/courier.h"
#include "feedback/dead.h"
#include "feedback/figures.h"
#include "feedback/notice.h"
#include "io/worker.h"

enum { STORE_MS = 60 * 1000 };

struct FeedbackTeller {
    Feedback *feedback;
    char *account;
    bool again;         /* somebody else is owed something since the chain began */
    guint failures;     /* in a row, of whom the account's notices go to */
    gint64 rest_ms;     /* nothing is tried before (monotonic) */
    GHashTable *late;   /* row of a mail -> Late: a notice that has failed, and is not tried before */
    GHashTable *handed; /* ids of notices that were handed over, which the store does not know yet */

    /* Of the chain; a worker's while it has a task. */
    RelaySettings *settings; /* NULL: there is none */
    gint64 after;
    FeedbackNotice *notice;
    Entry *entry;
    GString *bytes; /* for a target that is no mail */
    GError *error;
    Courier *courier;
    Waiter waiter;
    char *kept; /* where a notice is that was given up */
};

typedef struct FeedbackTeller Teller;

typedef struct {
    guint failures;
    gint64 until_ms; /* monotonic */
} Late;

static void next(Teller *self);
static void end(Teller *self);

static const FeedbackConf *
conf_of(const Teller *self)
{
    const Provider *account = relay_settings_account(self->settings, self->account);

    return account ? &account->feedback : NULL;
}

/* Whether feedback-to names what it named when the chain began. */
static bool
is_target_same(const Teller *self)
{
    const Provider *account = relay_settings_account(self->feedback->settings, self->account);

    return account && g_strcmp0(account->feedback.to, conf_of(self)->to) == 0;
}

static bool
goes_by_mail(const Teller *self)
{
    const FeedbackConf *conf = conf_of(self);

    return !conf || conf->target == FEEDBACK_TO_SENDER || conf->target == FEEDBACK_TO_ADDRESS;
}

/* As feedback-to has it, for the log; a program without its arguments. Caller frees. */
static char *
where_to(const Teller *self)
{
    const FeedbackConf *conf = conf_of(self);
    const char *sender = self->notice->mail.sender;

    if (!conf || conf->target == FEEDBACK_TO_SENDER)
        return g_strdup(sender);
    if (conf->target == FEEDBACK_TO_LMTP)
        return g_strdup_printf("%s by %s", sender, conf->to);
    return conf->target == FEEDBACK_TO_COMMAND ? g_strdup_printf("command:%s", conf->argv[0]) : g_strdup(conf->to);
}

/* --- when to go on ------------------------------------------------------------------------------- */

static void
wake_for_late(Teller *self)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->late);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        feedback_tell_at(self->feedback, MAX(((const Late *) value)->until_ms, self->rest_ms));
}

/* The notice at hand, behind others; slow: had no answer, so that it is not always the one that is tried. */
static void
put_off(Teller *self, bool slow)
{
    gint64 row = self->notice->mail.row;
    Late *late = g_hash_table_lookup(self->late, &row);

    if (!late) {
        late = g_new0(Late, 1);
        g_hash_table_insert(self->late, g_memdup2(&row, sizeof row), late);
    }
    late->failures++;
    gint64 ms = again_rest_ms(AGAIN_NOTICE, late->failures);
    late->until_ms = clock_monotonic() + (slow ? MAX(ms, again_rest_ms(AGAIN_TARGET, G_MAXINT)) : ms);
}

static void
rest(Teller *self, gint64 ms)
{
    self->rest_ms = clock_monotonic() + ms;
    feedback_tell_at(self->feedback, self->rest_ms);
}

/* --- behind one ---------------------------------------------------------------------------------- */

static bool
run_told(FeedbackStore *store, void *user, GError **error)
{
    const Teller *self = user;

    return feedback_store_told(store, self->notice, clock_now(), error);
}

static void
done_told(void *user, const GError *error)
{
    Teller *self = user;

    if (error) {
        log_event(LOG_ERR, "feedback-failed", "account", self->account, "text", error->message, NULL);
        g_hash_table_add(self->handed, g_strdup(self->notice->id));
        feedback_tell_at(self->feedback, clock_monotonic() + STORE_MS);
        end(self);
        return;
    }
    g_hash_table_remove(self->handed, self->notice->id);
    g_hash_table_remove(self->late, &self->notice->mail.row);
    next(self);
}

static void
mark_told(Teller *self)
{
    static const KeeperTask told = { run_told, done_told };

    keeper_do(self->feedback->keeper, &told, self);
}

/* To the journal; a notice that was given up is one, too: nobody is owed it any more. */
static void
note(const Teller *self, const char *text, const char *dsn)
{
    const FeedbackMail *mail = &self->notice->mail;
    g_autofree char *message_id = *mail->message_id ? g_strdup_printf("<%s>", mail->message_id) : NULL;
    JournalLine line = { .event = JOURNAL_NOTICE, .id = mail->id, .sender = mail->sender, .message_id = message_id,
                         .account = mail->account, .dsn = dsn, .text = text };

    journal_write(self->feedback->hub.journal, &line);
}

static void
handed_over(Teller *self)
{
    g_autofree char *where = where_to(self);
    g_autofree char *text = g_strdup_printf("%s to %s", self->notice->id, where);

    log_event(LOG_NOTICE, "notice", "id", self->notice->mail.id, "notice", self->notice->id, "to", where, "account",
              self->account, "recipients", LOG_NUM(self->notice->recipients->len), NULL);
    note(self, text, NULL);
    figures_told(self->account);
    self->failures = 0;
    mark_told(self);
}

/* --- what fails ---------------------------------------------------------------------------------- */

static void
run_keep(void *user)
{
    Teller *self = user;
    g_autoptr(GError) error = NULL;

    if (!self->bytes)
        return;
    self->kept = dead_keep(self->feedback->hub.folder, self->notice->id, self->bytes, &error);
    if (!self->kept)
        log_event(LOG_ERR, "notice-not-kept", "notice", self->notice->id, "text", error->message, NULL);
}

static void
on_kept(void *user)
{
    Teller *self = user;
    g_autofree char *where = where_to(self), *kept = g_steal_pointer(&self->kept);
    g_autofree char *text = g_strdup_printf("%s to %s was given up: %s", self->notice->id, where, self->error->message);

    log_event(LOG_ERR, "notice-lost", "id", self->notice->mail.id, "notice", self->notice->id, "to", where, "from",
              self->notice->mail.sender, "account", self->account, "recipients",
              LOG_NUM(self->notice->recipients->len), "kept", kept, "text", self->error->message, NULL);
    note(self, text, "5.4.7");
    figures_lost(self->account);
    mark_told(self);
}

/* Since all that it says is known. */
static gint64
owed_ms(const FeedbackNotice *notice)
{
    gint64 since_ms = 0;

    for (guint i = 0; i < notice->recipients->len; i++)
        since_ms = MAX(since_ms, g_array_index(notice->recipients, FeedbackRecipient, i).failed_ms);
    return clock_now() - since_ms;
}

/* Takes error. */
static void
failed(Teller *self, GError *error)
{
    static const WorkOps keeping = { run_keep, on_kept, NULL };
    bool refused = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_FAILED);
    bool slow = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN);
    g_autofree char *where = where_to(self);

    g_clear_error(&self->error);
    self->error = error;
    if (!self->feedback->closing &&
        again_is_over(error, owed_ms(self->notice), self->settings->conf.queue_lifetime_ms)) {
        work_start(self->feedback->hub.loop, &keeping, self);
        return;
    }
    log_event(LOG_WARNING, "notice-failed", "id", self->notice->mail.id, "notice", self->notice->id, "to", where,
              "account", self->account, "text", error->message, NULL);
    if (refused || slow)
        put_off(self, slow);
    if (!refused) {
        rest(self, again_rest_ms(AGAIN_TARGET, ++self->failures));
        end(self);
        return;
    }
    self->after = self->notice->mail.row;
    next(self);
}

/* --- handing over -------------------------------------------------------------------------------- */

static void
run_making(void *user)
{
    Teller *self = user;
    const FeedbackConf *conf = conf_of(self);
    const char *to = conf && conf->target == FEEDBACK_TO_ADDRESS ? conf->target_value : NULL;

    self->entry = notice_entry(self->settings, self->notice, to, &self->error);
    if (self->entry)
        self->bytes = notice_bytes(self->entry, &self->error);
}

static bool
run_put(Store *store, void *user, GError **error)
{
    Teller *self = user;
    g_autoptr(GError) cause = NULL;

    if (store_put(store, self->entry, 0, &cause) || g_error_matches(cause, STORE_ERROR, STORE_ERROR_EXISTS))
        return true;
    g_propagate_error(error, g_steal_pointer(&cause));
    return false;
}

static void
done_put(void *user, const GError *error)
{
    Teller *self = user;

    if (error) {
        failed(self, g_error_copy(error));
        return;
    }
    if (!self->feedback->closing)
        relay_wake(self->feedback->hub.relay);
    handed_over(self);
}

/* Nothing is kept: its one try has ended. */
static void
on_reply(Waiter *waiter, const Reply *reply)
{
    Teller *self = (Teller *) (void *) ((char *) waiter - offsetof(Teller, waiter));

    if (reply->code < 400)
        handed_over(self);
    else
        failed(self, g_error_new(G_FILE_ERROR, (gint) (reply->code < 500 ? G_FILE_ERROR_FAILED : G_FILE_ERROR_PERM),
                                 "%d %s %s", reply->code, reply->dsn ? reply->dsn : "", reply->text));
}

static void
on_carried(void *user, const GError *error)
{
    Teller *self = user;

    self->courier = NULL;
    if (error)
        failed(self, g_error_copy(error));
    else
        handed_over(self);
}

static void
hand_over(Teller *self)
{
    static const StoreTask put = { run_put, done_put };
    Relay *relay = self->feedback->hub.relay;

    if (!goes_by_mail(self)) {
        const CourierLoad load = { self->notice->id, self->notice->mail.sender, self->bytes };
        self->courier = courier_start(self->feedback->hub.loop, conf_of(self), &load, on_carried, self);
    } else if (relay_store(relay)) {
        store_thread_do(relay_store(relay), &put, self);
    } else {
        self->waiter = (Waiter) { .reply = on_reply };
        relay_deliver(relay, g_steal_pointer(&self->entry), &self->waiter);
    }
}

static void
on_made(void *user)
{
    Teller *self = user;

    if (self->feedback->closing)
        end(self);
    else if (self->error)
        failed(self, g_steal_pointer(&self->error));
    else if (!self->entry) /* nobody is left to be told */
        mark_told(self);
    else
        hand_over(self);
}

/* --- one after another --------------------------------------------------------------------------- */

/* On a worker, which has the chain. */
static bool
is_wanted(const FeedbackMail *mail, void *user)
{
    const Teller *self = user;
    const Late *late = g_hash_table_lookup(self->late, &mail->row);

    return !late || late->until_ms <= clock_monotonic();
}

static bool
run_next(FeedbackStore *store, void *user, GError **error)
{
    Teller *self = user;
    const FeedbackChoice choice = { self->account, self->after, is_wanted, self };

    self->notice = feedback_store_next_notice(store, &choice, error);
    return !error || !*error;
}

static void
drop_notice(Teller *self)
{
    g_clear_pointer(&self->notice, feedback_notice_free);
    g_clear_pointer(&self->entry, entry_free);
    g_clear_error(&self->error);
    if (self->bytes)
        g_string_free(g_steal_pointer(&self->bytes), TRUE);
}

/* Others are in force than those that the chain began with. */
static bool
is_outdated(const Teller *self)
{
    return self->settings != self->feedback->settings;
}

static void
end(Teller *self)
{
    Feedback *feedback = self->feedback;

    drop_notice(self);
    if (is_outdated(self)) { /* who failed with those before is tried again at once */
        g_hash_table_remove_all(self->late);
        self->failures = 0;
        self->rest_ms = 0;
        self->again = true;
    }
    g_clear_pointer(&self->settings, relay_settings_free);
    wake_for_late(self);
    if (self->again)
        feedback_tell_at(feedback, MAX(1, self->rest_ms));
    self->again = false;
    feedback_release(feedback);
}

static void
done_next(void *user, const GError *error)
{
    static const WorkOps making = { run_making, on_made, NULL };
    Teller *self = user;

    if (error) {
        feedback_complain(self->feedback, self->account, error);
        feedback_tell_at(self->feedback, clock_monotonic() + STORE_MS);
    }
    if (!self->notice || error || self->feedback->closing) {
        end(self);
        return;
    }
    self->after = self->notice->mail.row - (self->notice->recipients->len == FEEDBACK_NOTICE_RECIPIENTS);
    if (g_hash_table_contains(self->handed, self->notice->id))
        mark_told(self);
    else
        work_start(self->feedback->hub.loop, &making, self);
}

static void
next(Teller *self)
{
    static const KeeperTask task = { run_next, done_next };

    if (is_outdated(self)) {
        end(self);
        return;
    }
    drop_notice(self);
    keeper_do(self->feedback->keeper, &task, self);
}

void
teller_begin(FeedbackTeller *self)
{
    if (self->settings) {
        self->again = true;
        return;
    }
    if (clock_monotonic() < self->rest_ms) {
        feedback_tell_at(self->feedback, self->rest_ms);
        return;
    }
    self->settings = relay_settings_ref(self->feedback->settings);
    self->after = 0;
    feedback_hold(self->feedback);
    next(self);
}

FeedbackTeller *
teller_new(Feedback *feedback, const char *account)
{
    Teller *self = g_new0(Teller, 1);

    self->feedback = feedback;
    self->account = g_strdup(account);
    self->late = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    self->handed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return self;
}

void
teller_reload(FeedbackTeller *self)
{
    if (self->courier && !is_target_same(self))
        courier_stop(self->courier);
    if (self->settings)
        return;
    self->rest_ms = 0;
    self->failures = 0;
    g_hash_table_remove_all(self->late);
}

void
teller_stop(FeedbackTeller *self)
{
    if (self->courier)
        courier_stop(self->courier);
}

void
teller_free(FeedbackTeller *self)
{
    g_hash_table_unref(self->late);
    g_hash_table_unref(self->handed);
    g_free(self->account);
    g_free(self);
}
