#include "feedback/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "feedback/plan.h"
#include "feedback/teller.h"
#include "query/time.h"
#include "queue/feedback_early.h"
#include "queue/feedback_prune.h"
#include "queue/suppression.h"

enum { LOOK_MS = 2000, PRUNE_MS = 60 * 1000, PRUNE_ALL_MS = 3600 * 1000, PRUNE_MAILS = 5000 };

/* --- now and then -------------------------------------------------------------------------------- */

typedef struct {
    Feedback *feedback;
    RelaySettings *settings;
    bool all;
    gint64 now_ms;
    FeedbackPrune mails;
} Prune;

/* Of an account that is no more the longest that another one has. */
static gint64
before_ms(const char *account, void *user)
{
    const Prune *self = user;
    const Provider *found = relay_settings_account(self->settings, account);
    gint64 longest_ms = 0;

    for (guint i = 0; !found && i < self->settings->accounts->len; i++) {
        const Provider *one = self->settings->accounts->pdata[i];
        longest_ms = MAX(longest_ms, one->feedback.lifetime_ms);
    }
    return self->now_ms - (found ? found->feedback.lifetime_ms : longest_ms);
}

static bool
run_prune(FeedbackStore *store, void *user, GError **error)
{
    Prune *self = user;

    if (!feedback_store_prune(store, &self->mails, error))
        return false;
    return !self->all ||
           (feedback_store_prune_senders(store, self->now_ms - PLAN_SENDER_DAYS * QUERY_DAY_MS, self->now_ms, error) &&
            feedback_early_prune(store, self->now_ms, error) &&
            suppression_prune(store, self->now_ms, PRUNE_MAILS, error));
}

static void
done_prune(void *user, const GError *error)
{
    Prune *self = user;
    Feedback *feedback = self->feedback;

    if (error)
        feedback_complain(feedback, NULL, error);
    else if (self->mails.n == PRUNE_MAILS)
        feedback->prune_ms = 0; /* there are more */
    relay_settings_free(self->settings);
    g_free(self);
    feedback_release(feedback);
}

/* Mails often, so that none is asked about for much longer than its account says. */
static void
prune(Feedback *self)
{
    static const KeeperTask task = { run_prune, done_prune };
    Prune *prune = g_new0(Prune, 1);
    gint64 now_ms = clock_monotonic();

    prune->feedback = self;
    prune->settings = relay_settings_ref(self->settings);
    prune->now_ms = clock_now();
    prune->all = now_ms >= self->prune_all_ms;
    prune->mails = (FeedbackPrune) { before_ms, prune, PRUNE_MAILS, 0 };
    self->prune_ms = now_ms + PRUNE_MS;
    if (prune->all)
        self->prune_all_ms = now_ms + PRUNE_ALL_MS;
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

    feedback_move(self);
    if (self->tell_after_ms > 0 && clock_monotonic() >= self->tell_after_ms) {
        self->tell_after_ms = 0;
        feedback_tell(self);
    }
    if (clock_monotonic() >= self->prune_ms)
        prune(self);
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
    g_hash_table_unref(self->tellers);
    g_free((char *) self->hub.folder);
    g_free(self);
}

void
feedback_complain(Feedback *self, const char *account, const GError *error)
{
    guint64 others;

    if (pace_allows(&self->failures, clock_monotonic(), &others))
        log_event(LOG_ERR, "feedback-failed", "account", account, "text", error->message, "others",
                  others > 0 ? LOG_NUM((gint64) others) : NULL, NULL);
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

static void
free_teller(gpointer teller)
{
    teller_free(teller);
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
    self->tellers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_teller);
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
    feedback_tell_reload(self);
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
    feedback_tell_stop(self);
    feedback_release(self);
}
