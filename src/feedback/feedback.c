#include "feedback/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "feedback/plan.h"
#include "query/time.h"
#include "queue/feedback_early.h"
#include "queue/suppression.h"

enum { LOOK_MS = 2000, PRUNE_MS = 3600 * 1000, PRUNE_MAILS = 5000 };

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
           feedback_early_prune(store, now_ms, error) && suppression_prune(store, now_ms, PRUNE_MAILS, error);
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
    g_hash_table_unref(self->waits);
    g_hash_table_unref(self->handed);
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
    self->waits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->handed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
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
    g_atomic_int_set(&self->stopping, 1);
    uv_timer_stop(&self->timer);
    poll_close(g_steal_pointer(&self->poll));
    feedback_release(self);
}
