#include "feedback/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "feedback/decide.h"
#include "feedback/figures.h"
#include "feedback/plan.h"
#include "query/time.h"
#include "relay/report.h"

enum { LOOK_MS = 2000, PRUNE_MS = 3600 * 1000, PRUNE_MAILS = 5000, RATE_FAILURES = 20 };

/* --- what follows -------------------------------------------------------------------------------- */

/* What came of one event, for the log. Texts in the batch's strings. */
typedef struct {
    guint event;
    const char *id, *sender, *recipient, *message_id, *remote_id, *dsn;
    FeedbackState state;
    bool owed, suppressed;
    SuppressionKind kind;
    const char *domain; /* whose mails come back too often; NULL: none */
    FeedbackRate rate;
} Result;

typedef struct {
    Feedback *feedback;
    RelaySettings *settings;
    const FeedbackConf *conf; /* NULL: nothing is done */
    FeedbackEvents *events;
    GArray *results; /* of Result */
    FeedbackDone done;
    void *user;
} Batch;

static const char *
kept(Batch *self, const char *text)
{
    return text ? g_string_chunk_insert(self->events->strings, text) : NULL;
}

/* When an API says it happened, unless that is nonsense. */
static gint64
when(const QueryEvent *event, gint64 now_ms)
{
    return event->when_ms > 0 && event->when_ms <= now_ms ? event->when_ms : now_ms;
}

static bool
check_rate(FeedbackStore *store, Batch *self, const FeedbackMail *mail, Result *result, GError **error)
{
    gint64 now_ms = clock_now();
    const char *domain = address_domain(mail->sender);

    if (self->conf->rate_per_mill == 0)
        return true;
    if (!feedback_store_rate(store, mail, now_ms, &result->rate, error))
        return false;
    const FeedbackRate *rate = &result->rate;
    if (rate->told || rate->failed < RATE_FAILURES || rate->failed * 1000 <= rate->sent * (gint64) self->conf->rate_per_mill)
        return true;
    result->domain = kept(self, domain ? domain : "");
    return feedback_store_rate_told(store, mail, now_ms, error);
}

static bool
settle(FeedbackStore *store, Batch *self, const FeedbackDecision *decision, const FeedbackFound *found, Result *result,
       GError **error)
{
    const QueryEvent *event = &g_array_index(self->events->rows, QueryEvent, result->event);
    FeedbackRecipient recipient = found->recipient;

    recipient.state = decision->state;
    recipient.dsn = *decision->dsn ? decision->dsn : NULL;
    recipient.reason = event->reason;
    recipient.failed_ms = clock_now();
    result->id = kept(self, found->mail.id);
    result->sender = kept(self, found->mail.sender);
    result->message_id = kept(self, found->mail.message_id);
    result->remote_id = kept(self, found->mail.remote_id);
    result->recipient = kept(self, recipient.address);
    result->dsn = kept(self, recipient.dsn);
    return feedback_store_settle(store, found->mail.row, &recipient, decision->owed, error) &&
           (decision->state != FEEDBACK_FAILED || check_rate(store, self, &found->mail, result, error));
}

/* Who has unsubscribed has from one sender's mails, where the API says whose. */
static bool
suppress(FeedbackStore *store, Batch *self, Result *result, GError **error)
{
    const QueryEvent *event = &g_array_index(self->events->rows, QueryEvent, result->event);
    bool unsubscribed = result->kind == SUPPRESSION_UNSUBSCRIBED;
    gint64 lifetime_ms = unsubscribed ? 0 : self->conf->suppression_lifetime_ms, now_ms = clock_now();
    const Suppression one = {
        .account = self->events->account, .address = event->address,
        .sender = unsubscribed && event->sender ? event->sender : "", .kind = result->kind,
        .source = self->events->source, .reason = event->reason, .since_ms = when(event, now_ms),
        .expires_ms = lifetime_ms > 0 ? now_ms + lifetime_ms : 0,
    };

    return suppression_add(store, &one, &result->suppressed, error);
}

static bool
judge_one(FeedbackStore *store, Batch *self, guint i, GError **error)
{
    const QueryEvent *event = &g_array_index(self->events->rows, QueryEvent, i);
    const FeedbackMatch match = { self->events->account, event->address, event->id, event->message_id,
                                  event->request_id, event->tag };
    g_autoptr(GError) cause = NULL;
    g_autoptr(FeedbackFound) found = feedback_store_find(store, &match, &cause);

    if (cause) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
    }
    FeedbackDecision decision = feedback_decide(event, found, self->conf);
    Result result = { .event = i, .state = decision.state, .owed = decision.owed, .kind = decision.kind };
    if (decision.state != FEEDBACK_OPEN && !settle(store, self, &decision, found, &result, error))
        return false;
    if (decision.suppress && !suppress(store, self, &result, error))
        return false;
    if (result.suppressed || decision.state != FEEDBACK_OPEN)
        g_array_append_val(self->results, result);
    return true;
}

static bool
run_judge(FeedbackStore *store, void *user, GError **error)
{
    Batch *self = user;

    for (guint i = 0; i < self->events->rows->len; i++) {
        if (!judge_one(store, self, i, error))
            return false;
    }
    return true;
}

/* --- what is said of it -------------------------------------------------------------------------- */

static void
note_returned(const Batch *self, const Result *result, const QueryEvent *event)
{
    JournalLine line = {
        .event = "returned", .id = result->id, .sender = *result->sender ? result->sender : "<>",
        .recipient = result->recipient, .message_id = result->message_id, .remote_id = result->remote_id,
        .account = self->events->account, .dsn = result->dsn, .text = event->reason,
    };

    log_event(LOG_NOTICE, "returned", "id", result->id, "account", self->events->account, "from", line.sender, "to",
              result->recipient, "dsn", result->dsn, "remote_id", result->remote_id, "told", result->owed ? "yes" : "no",
              "text", event->reason, NULL);
    journal_write(self->feedback->hub.journal, &line);
}

static void
report(const Batch *self, const Result *result)
{
    const QueryEvent *event = &g_array_index(self->events->rows, QueryEvent, result->event);
    const char *kind = suppression_kind_name(result->kind);

    if (result->state == FEEDBACK_FAILED)
        note_returned(self, result, event);
    if (result->suppressed) {
        log_event(LOG_NOTICE, "suppressed", "account", self->events->account, "address", event->address, "kind", kind,
                  "source", self->events->source, "text", event->reason, NULL);
        figures_suppressed(self->events->account, kind);
    }
    if (result->domain)
        log_event(LOG_WARNING, "bounce-rate", "account", self->events->account, "domain", result->domain, "failed",
                  LOG_NUM(result->rate.failed), "sent", LOG_NUM(result->rate.sent), NULL);
}

static void
batch_end(Batch *self, const GError *error)
{
    Feedback *feedback = self->feedback;
    bool owed = false;

    for (guint i = 0; !error && i < self->events->rows->len && self->conf; i++)
        figures_event(self->events->account, query_event_name(g_array_index(self->events->rows, QueryEvent, i).kind));
    for (guint i = 0; !error && i < self->results->len; i++) {
        report(self, &g_array_index(self->results, Result, i));
        owed |= g_array_index(self->results, Result, i).owed;
    }
    if (error)
        log_event(LOG_ERR, "feedback-failed", "account", self->events->account, "text", error->message, NULL);
    if (self->done)
        self->done(self->user, error);
    feedback_events_free(self->events);
    g_array_unref(self->results);
    relay_settings_free(self->settings);
    g_free(self);
    if (owed)
        feedback_tell(feedback);
    feedback_release(feedback);
}

static void
done_judge(void *user, const GError *error)
{
    batch_end(user, error);
}

static bool
run_nothing(FeedbackStore *store, void *user, GError **error)
{
    return true;
}

void
feedback_judge(Feedback *self)
{
    static const KeeperTask judging = { run_judge, done_judge }, nothing = { run_nothing, done_judge };

    for (Batch *batch; (batch = g_queue_pop_head(&self->batches));)
        keeper_do(self->keeper, batch->conf ? &judging : &nothing, batch);
}

void
feedback_events(Feedback *self, FeedbackEvents *events, FeedbackDone done, void *user)
{
    Batch *batch = g_new0(Batch, 1);
    const Provider *account = relay_settings_account(self->settings, events->account);

    g_assert(!self->closing);
    batch->feedback = self;
    batch->settings = relay_settings_ref(self->settings);
    batch->conf = account && account->feedback.on ? &account->feedback : NULL;
    batch->events = events;
    batch->results = g_array_new(FALSE, FALSE, sizeof(Result));
    batch->done = done;
    batch->user = user;
    feedback_hold(self);
    g_queue_push_tail(&self->batches, batch);
    feedback_move(self);
}

/* --- now and then -------------------------------------------------------------------------------- */

typedef struct {
    Feedback *feedback;
    gint64 before_ms;
} Prune;

static bool
run_prune(FeedbackStore *store, void *user, GError **error)
{
    const Prune *self = user;
    gint64 now_ms = clock_now();
    guint n;

    return feedback_store_prune(store, self->before_ms, PRUNE_MAILS, &n, error) &&
           feedback_store_prune_senders(store, now_ms - PLAN_SENDER_DAYS * QUERY_DAY_MS, now_ms, error) &&
           suppression_prune(store, now_ms, PRUNE_MAILS, error);
}

static void
done_prune(void *user, const GError *error)
{
    Prune *self = user;
    Feedback *feedback = self->feedback;

    if (error)
        log_event(LOG_ERR, "feedback-failed", "text", error->message, NULL);
    g_free(self);
    feedback_release(feedback);
}

/* By the longest lifetime of an account: what is kept longer than its own does no harm. */
static void
prune(Feedback *self)
{
    static const KeeperTask task = { run_prune, done_prune };
    Prune *prune = g_new0(Prune, 1);
    gint64 lifetime_ms = 0;

    for (guint i = 0; i < self->settings->accounts->len; i++)
        lifetime_ms = MAX(lifetime_ms, ((const Provider *) self->settings->accounts->pdata[i])->feedback.lifetime_ms);
    prune->feedback = self;
    prune->before_ms = clock_now() - lifetime_ms;
    feedback_hold(self);
    keeper_do(self->keeper, &task, prune);
}

static bool
is_on(const RelaySettings *settings)
{
    for (guint i = 0; i < settings->accounts->len; i++) {
        if (((const Provider *) settings->accounts->pdata[i])->feedback.on)
            return true;
    }
    return false;
}

static void
on_timer(uv_timer_t *timer)
{
    Feedback *self = timer->data;
    static gint64 pruned_ms;

    feedback_move(self);
    if (self->tell_after_ms > 0 && clock_monotonic() >= self->tell_after_ms) {
        self->tell_after_ms = 0;
        feedback_tell(self);
    }
    if (pruned_ms == 0 || clock_monotonic() - pruned_ms > PRUNE_MS) {
        pruned_ms = clock_monotonic();
        prune(self);
    }
}

static void
start_timer(Feedback *self)
{
    if (is_on(self->settings))
        uv_timer_start(&self->timer, on_timer, 0, LOOK_MS);
    else
        uv_timer_stop(&self->timer);
}

/* --- beginning and end --------------------------------------------------------------------------- */

static void
on_closed(uv_handle_t *handle)
{
    Feedback *self = handle->data;

    relay_settings_free(self->settings);
    g_free((char *) self->hub.folder);
    g_free(self);
}

void
feedback_hold(Feedback *self)
{
    self->tasks++;
}

void
feedback_release(Feedback *self)
{
    if (--self->tasks > 0)
        return;
    keeper_close(self->keeper);
    uv_close((uv_handle_t *) &self->timer, on_closed);
}

Feedback *
feedback_new(const FeedbackHub *hub, RelaySettings *settings)
{
    Feedback *self = g_new0(Feedback, 1);

    self->hub = *hub;
    self->hub.folder = g_strdup(hub->folder);
    self->settings = relay_settings_ref(settings);
    self->keeper = keeper_new(hub->loop, hub->folder);
    self->cursor = -1;
    self->tell_after_ms = 1; /* what the last process has left */
    self->tasks = 1;
    g_queue_init(&self->batches);
    uv_timer_init(hub->loop, &self->timer);
    uv_unref((uv_handle_t *) &self->timer);
    self->timer.data = self;
    start_timer(self);
    self->poll = poll_new(self);
    return self;
}

void
feedback_reload(Feedback *self, RelaySettings *settings)
{
    relay_settings_free(self->settings);
    self->settings = relay_settings_ref(settings);
    start_timer(self);
    poll_close(self->poll);
    self->poll = poll_new(self);
}

void
feedback_close(Feedback *self)
{
    if (!self)
        return;
    self->closing = true;
    uv_timer_stop(&self->timer);
    poll_close(g_steal_pointer(&self->poll));
    feedback_release(self);
}
