/* Events: what follows from them, in the store and for the log. */
#include "feedback/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "feedback/decide.h"
#include "feedback/figures.h"
#include "queue/feedback_early.h"

enum { RATE_FAILURES = 20 };

/* --- what follows -------------------------------------------------------------------------------- */

/* What came of one event, for the log. Texts in the batch's strings. */
typedef struct {
    guint event;
    const char *id, *sender, *recipient, *message_id, *remote_id, *dsn;
    FeedbackState state;
    bool owed, suppressed;
    SuppressionKind kind;
    const char *domain; /* whose mails come back too often; NULL: none */
    gint64 day_ms;      /* of that day */
    FeedbackRate rate;
} Result;

struct FeedbackBatch {
    Feedback *feedback;
    RelaySettings *settings;  /* NULL: the caller's, who keeps them */
    const FeedbackConf *conf; /* NULL: nothing is done */
    FeedbackEvents *events;
    GArray *results; /* of Result */
    bool again;      /* they were counted when they came */
    FeedbackDone done;
    void *user;
};

typedef struct FeedbackBatch Batch;

static const char *
kept(Batch *self, const char *text)
{
    return text ? g_string_chunk_insert(self->events->strings, text) : NULL;
}

/* As the journal has it; the store keeps it without its brackets. */
static const char *
message_id_of(Batch *self, const FeedbackMail *mail)
{
    g_autofree char *id = mail->message_id && *mail->message_id ? g_strdup_printf("<%s>", mail->message_id) : NULL;

    return kept(self, id);
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
    const char *domain = address_domain(mail->sender);

    if (self->conf->rate_per_mill == 0)
        return true;
    if (!feedback_store_rate(store, mail, &result->rate, error))
        return false;
    const FeedbackRate *rate = &result->rate;
    if (rate->told || rate->failed < RATE_FAILURES || rate->failed * 1000 <= rate->sent * (gint64) self->conf->rate_per_mill)
        return true;
    result->domain = kept(self, domain ? domain : "");
    result->day_ms = mail->delivered_ms;
    return feedback_store_rate_told(store, mail, error);
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
    result->message_id = message_id_of(self, &found->mail);
    result->remote_id = kept(self, found->mail.remote_id);
    result->recipient = kept(self, recipient.address);
    result->dsn = kept(self, recipient.dsn);
    return feedback_store_settle(store, found->mail.row, &recipient, decision->owed, error) &&
           (decision->state != FEEDBACK_FAILED || check_rate(store, self, &found->mail, result, error));
}

/* Not later than the first that was heard of the failure, so that an address that was taken off the list since stays
 * off. */
static gint64
suppressed_since(const QueryEvent *event, const FeedbackFound *found, gint64 now_ms)
{
    gint64 since_ms = when(event, now_ms);
    bool known = found && found->recipient.state == FEEDBACK_FAILED;

    return known ? MIN(since_ms, found->recipient.failed_ms) : since_ms;
}

/* Who has unsubscribed has from one sender's mails, where the API says whose. */
static bool
suppress(FeedbackStore *store, Batch *self, const FeedbackFound *found, Result *result, GError **error)
{
    const QueryEvent *event = &g_array_index(self->events->rows, QueryEvent, result->event);
    bool unsubscribed = result->kind == SUPPRESSION_UNSUBSCRIBED;
    gint64 lifetime_ms = unsubscribed ? 0 : self->conf->suppression_lifetime_ms, now_ms = clock_now();
    const Suppression one = {
        .account = self->events->account, .address = event->address,
        .sender = unsubscribed && event->sender ? event->sender : "", .kind = result->kind,
        .source = self->events->source, .reason = event->reason, .since_ms = suppressed_since(event, found, now_ms),
        .expires_ms = lifetime_ms > 0 ? now_ms + lifetime_ms : 0,
    };

    return suppression_add(store, &one, &result->suppressed, error);
}

static bool
keep_early(FeedbackStore *store, const Batch *self, const FeedbackMatch *match, const QueryEvent *event, GError **error)
{
    const FeedbackEarly early = { *match, event->kind, event->sender, self->events->source, event->code, event->reason,
                                  event->when_ms };

    return feedback_early_keep(store, &early, clock_now(), error);
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
    if (decision.early && self->events->told_once && !keep_early(store, self, &match, event, error))
        return false;
    if (decision.state != FEEDBACK_OPEN && !settle(store, self, &decision, found, &result, error))
        return false;
    if (decision.suppress && !suppress(store, self, found, &result, error))
        return false;
    if (result.suppressed || decision.state != FEEDBACK_OPEN)
        g_array_append_val(self->results, result);
    return true;
}

bool
batch_run(FeedbackStore *store, FeedbackBatch *self, GError **error)
{
    for (guint i = 0; self->conf && i < self->events->rows->len; i++) {
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
        .event = JOURNAL_RETURNED, .id = result->id, .sender = *result->sender ? result->sender : "<>",
        .recipient = result->recipient, .message_id = result->message_id, .remote_id = result->remote_id,
        .account = self->events->account, .dsn = result->dsn, .text = event->reason,
    };

    log_event(LOG_NOTICE, "returned", "id", result->id, "account", self->events->account, "from", line.sender, "to",
              result->recipient, "dsn", result->dsn, "remote_id", result->remote_id, "told", result->owed ? "yes" : "no",
              "text", event->reason, NULL);
    journal_write(self->feedback->hub.journal, &line);
}

static void
report_rate(const Batch *self, const Result *result)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(result->day_ms / 1000);
    g_autofree char *day = time ? g_date_time_format(time, "%Y-%m-%d") : NULL;

    log_event(LOG_WARNING, "bounce-rate", "account", self->events->account, "domain", result->domain, "failed",
              LOG_NUM(result->rate.failed), "sent", LOG_NUM(result->rate.sent), "day", day, NULL);
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
        report_rate(self, result);
}

/* Nothing follows from them, and the rest is judged. */
static void
tell_odd(Feedback *feedback, const FeedbackEvents *events)
{
    guint all = events->odd + events->rows->len;
    g_autofree char *text = g_strdup_printf("%u of %u events name no address", events->odd, all);
    guint64 others;

    if (pace_allows(&feedback->odd, clock_now(), &others))
        log_event(LOG_WARNING, "feedback-odd", "account", events->account, "source", events->source, "text", text,
                  "others", others > 0 ? LOG_NUM((gint64) others) : NULL, NULL);
}

void
batch_end(FeedbackBatch *self, const GError *error)
{
    Feedback *feedback = self->feedback;
    bool owed = false;

    for (guint i = 0; !error && i < self->events->rows->len && self->conf && !self->again; i++)
        figures_event(self->events->account, query_event_name(g_array_index(self->events->rows, QueryEvent, i).kind));
    for (guint i = 0; !error && i < self->results->len; i++) {
        report(self, &g_array_index(self->results, Result, i));
        owed |= g_array_index(self->results, Result, i).owed;
    }
    if (error)
        feedback_complain(feedback, self->events->account, error);
    else if (self->events->odd > 0)
        tell_odd(feedback, self->events);
    if (self->done)
        self->done(self->user, error);
    feedback_events_free(self->events);
    g_array_unref(self->results);
    relay_settings_free(self->settings);
    g_free(self);
    if (owed)
        feedback_tell(feedback);
}

/* --- in their turn ------------------------------------------------------------------------------- */

FeedbackBatch *
batch_new(Feedback *feedback, RelaySettings *settings, FeedbackEvents *events)
{
    Batch *self = g_new0(Batch, 1);
    const Provider *account = relay_settings_account(settings, events->account);

    self->feedback = feedback;
    self->conf = account && account->feedback.on ? &account->feedback : NULL;
    self->events = events;
    self->results = g_array_new(FALSE, FALSE, sizeof(Result));
    self->again = true;
    return self;
}

static bool
run_judge(FeedbackStore *store, void *user, GError **error)
{
    return batch_run(store, user, error);
}

static void
done_judge(void *user, const GError *error)
{
    Batch *self = user;
    Feedback *feedback = self->feedback;

    batch_end(self, error);
    feedback_release(feedback);
}

static bool
run_nothing(FeedbackStore *store, void *user, GError **error)
{
    return true;
}

void
feedback_judge(Feedback *self, const GError *error)
{
    static const KeeperTask judging = { run_judge, done_judge }, nothing = { run_nothing, done_judge };

    GQueue batches = self->batches; /* whoever is told may bring others */

    g_queue_init(&self->batches);
    for (Batch *batch; (batch = g_queue_pop_head(&batches));) {
        if (error && batch->conf)
            done_judge(batch, error);
        else
            keeper_do(self->keeper, batch->conf ? &judging : &nothing, batch);
    }
}

void
feedback_events(Feedback *self, FeedbackEvents *events, FeedbackDone done, void *user)
{
    Batch *batch = batch_new(self, self->settings, events);

    g_assert(!self->closing);
    batch->settings = relay_settings_ref(self->settings);
    batch->again = false;
    batch->done = done;
    batch->user = user;
    feedback_hold(self);
    g_queue_push_tail(&self->batches, batch);
    feedback_move(self);
}
