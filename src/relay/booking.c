#include "relay/booking.h"

#include "base/clock.h"
#include "base/crash_point.h"
#include "relay/bounce.h"
#include "relay/state.h"

struct Booking {
    BookingJob job;
    DeliveryWorld *world; /* that a worker looks into */
    Entry *notice; /* to the sender, or NULL */
    bool staged;
    bool over;
    GError *error;
    GList link; /* in relay->troubled */
    BookingDone done;
    void *user;
};

/* --- on a worker --------------------------------------------------------------------------------- */

static bool
stage_notice(Booking *self, const Store *store)
{
    const Settlement *settlement = self->job.settlement;
    const BounceNews news = { settlement->failed, settlement->delayed, settlement->relayed };

    g_clear_pointer(&self->notice, entry_free);
    self->notice = bounce_of_round(self->world->settings, self->job.entry, &news, &self->error);
    return !self->error && (!self->notice || !store || store_stage(store, self->notice, &self->error));
}

static void
run_staging(void *user)
{
    Booking *self = user;
    const Store *store = self->job.relay->store ? store_thread_store(self->job.relay->store) : NULL;
    bool puts = self->job.settlement->row == ROW_PUT;

    self->staged = stage_notice(self, store) && (!puts || store_stage(store, self->job.entry, &self->error));
}

/* --- on the store's thread ----------------------------------------------------------------------- */

/* An update ends the lease, though the entry stays in hand. */
static bool
lease_again(const Entry *entry, Store *store, GError **error)
{
    const char *const ids[] = { entry->id, NULL };

    return store_renew(store, ids, clock_now() + RELAY_LEASE_MS, error);
}

static bool
write_row(const Booking *self, Store *store, GError **error)
{
    const Entry *entry = self->job.entry;

    switch (self->job.settlement->row) {
    case ROW_NONE:
        return true;
    case ROW_PUT:
        return store_put(store, entry, self->job.leased ? clock_now() + RELAY_LEASE_MS : 0, error);
    case ROW_UPDATE:
        return store_update(store, entry, error) && (!self->job.leased || lease_again(entry, store, error));
    case ROW_PROGRESS:
        return store_progress(store, entry, self->job.settlement->closed, error);
    case ROW_REMOVE:
        return store_remove(store, entry->id, error);
    }
    g_assert_not_reached();
}

static bool
run_task(Store *store, void *user, GError **error)
{
    const Booking *self = user;
    bool puts = self->job.settlement->row == ROW_PUT;

    crash_point(self->notice ? "before-bounce" : puts ? "before-put" : "before-settle");
    if ((self->notice && !store_put(store, self->notice, 0, error)) || !write_row(self, store, error))
        return false;
    crash_point(self->notice ? "bounce-run" : puts ? "put-run" : "settle-run");
    return true;
}

/* Files without a row. */
static bool
run_unstaging(Store *unused, void *user, GError **error)
{
    const Booking *self = user;
    const Store *store = store_thread_store(self->job.relay->store);

    if (self->notice)
        store_unstage(store, self->notice);
    if (self->job.settlement->row == ROW_PUT)
        store_unstage(store, self->job.entry);
    return true;
}

/* --- on the loop --------------------------------------------------------------------------------- */

static void
finish(Booking *self)
{
    self->done(self->user, self->error);
    entry_free(self->notice);
    g_clear_error(&self->error);
    world_unref(self->world);
    g_free(self);
}

static void
on_unstaged(void *user, const GError *error)
{
    Booking *self = user;

    if (error) /* it was not done: the files would be in the way of the next with these ids */
        run_unstaging(NULL, self, NULL);
    finish(self);
}

static void
give_up(Booking *self)
{
    static const StoreTask unstaging = { run_unstaging, on_unstaged };

    if (self->staged)
        store_thread_do(self->job.relay->store, &unstaging, self);
    else
        finish(self);
}

static void
on_trouble(uv_timer_t *timer)
{
    booking_retry_all(timer->data, false);
}

static void
on_failed(Booking *self)
{
    Relay *relay = self->job.relay;

    relay_trouble(relay, self->error);
    if (!self->job.entry->stored || self->over || relay->closing) {
        give_up(self);
        return;
    }
    g_queue_push_tail_link(&relay->troubled, &self->link);
    if (!uv_is_active((uv_handle_t *) &relay->trouble))
        uv_timer_start(&relay->trouble, on_trouble, RELAY_TROUBLE_MS, 0);
}

static void
on_told(const Booking *self)
{
    const Entry *entry = self->job.entry;
    const Settlement *settlement = self->job.settlement;

    report_notice(entry, self->notice);
    report_news(entry, "bounced", settlement->failed, self->notice);
    report_news(entry, "delayed", settlement->delayed, self->notice);
    report_news(entry, "relayed", settlement->relayed, self->notice);
    claim_now(self->job.relay);
}

static void
on_done(void *user, const GError *error)
{
    Booking *self = user;

    if (g_error_matches(error, STORE_ERROR, STORE_ERROR_GONE)) { /* the operator has deleted it */
        finish(self);
    } else if (error) {
        self->error = g_error_copy(error);
        on_failed(self);
    } else {
        crash_point(self->notice ? "bounce-done" : self->job.settlement->row == ROW_PUT ? "put-done" : "settle-done");
        report_news(self->job.entry, "expired", self->job.settlement->expired, NULL);
        if (self->notice)
            on_told(self);
        self->job.settlement->told = self->notice != NULL;
        finish(self);
    }
}

static const StoreTask task = { run_task, on_done };

/* Where nothing is kept the notice has one try, now. */
static void
send_notice(Booking *self)
{
    if (self->notice) {
        on_told(self);
        relay_deliver(self->job.relay, g_steal_pointer(&self->notice), NULL);
    }
    finish(self);
}

static void
on_staged(void *user)
{
    Booking *self = user;

    if (self->error)
        on_failed(self);
    else if (!self->job.relay->store)
        send_notice(self);
    else
        store_thread_do(self->job.relay->store, &task, self);
}

static void
begin(Booking *self)
{
    static const WorkOps staging = { run_staging, on_staged, NULL };
    const Settlement *settlement = self->job.settlement;
    bool notices = settlement->failed->len + settlement->delayed->len + settlement->relayed->len > 0;
    bool large = settlement->row == ROW_PUT && spool_length(self->job.entry->spool) > RELAY_STAGE_BYTES;

    if (!self->staged && (notices || large))
        work_start(self->world->loop, &staging, self);
    else
        store_thread_do(self->job.relay->store, &task, self);
}

Booking *
booking_start(const BookingJob *job, BookingDone done, void *user)
{
    Booking *self = g_new0(Booking, 1);

    self->job = *job;
    self->world = world_ref(job->relay->world);
    self->link.data = self;
    self->done = done;
    self->user = user;
    begin(self);
    return self;
}

void
booking_retry_all(Relay *relay, bool over)
{
    for (GList *link; (link = g_queue_pop_head_link(&relay->troubled));) {
        Booking *self = link->data;
        g_clear_error(&self->error);
        self->over = over;
        begin(self);
    }
    uv_timer_stop(&relay->trouble);
}
