#include "relay/state.h"

#include "base/clock.h"
#include "base/crash_point.h"
#include "relay/hold.h"

#define SHUTTING_DOWN "Shutting down, try again later"

/* --- the end ------------------------------------------------------------------------------------- */

/* Frees the job. */
static void
end(RelayJob *job)
{
    static const Reply unsettled = { 451, "4.3.0", (char *) "Try again later" };
    Relay *relay = job->relay;
    bool worked = job->working;

    g_assert(!job->waiter && !job->booking);
    repeat_settle(g_steal_pointer(&job->repeat), NULL, &unsettled, NULL, false);
    g_queue_unlink(&relay->jobs, &job->link);
    if (g_hash_table_lookup(relay->in_hand, job->entry->id) == job)
        g_hash_table_remove(relay->in_hand, job->entry->id);
    if (job->probe)
        g_hash_table_remove(relay->probes, job->probe);
    settlement_free(job->settlement);
    delivery_free(job->delivery);
    g_free(job);
    relay->workers -= worked;
    if (relay->claim_again) /* a worker is free, or it showed that its account works */
        claim_now(relay);
    relay_check(relay);
}

/* It is in the store, from where it comes again when it is due. */
static void
leave(RelayJob *job)
{
    gint64 due_ms = job->entry->held ? G_MAXINT64 : job->entry->due_ms;
    Relay *relay = job->relay;

    if (!job->entry->held)
        claim_expect(relay, job->entry);
    end(job);
    claim_due(relay, due_ms);
}

/* Nothing was promised. */
static void
drop(RelayJob *job, int code, const char *dsn, const char *text)
{
    const Reply reply = { code, dsn, (char *) text };

    job_answer(job, &reply);
    end(job);
}

static void
drop_unkept(RelayJob *job, const GError *error)
{
    static const Reply full = { 452, "4.3.1", (char *) "Insufficient system storage" };
    static const Reply failed = { 451, "4.3.0", (char *) "The mail cannot be kept now" };

    settlement_unkeep(job->settlement, g_error_matches(error, STORE_ERROR, STORE_ERROR_FULL) ? &full : &failed);
    job_answer_settled(job);
    end(job);
}

/* --- deciding and writing ------------------------------------------------------------------------ */

/* Takes settlement: what is known of those who were open is reported, and written into the entry. */
static void
adopt(RelayJob *job, Settlement *settlement)
{
    job->final = job->waiter || job_all_delivered(job->entry); /* else what failed is left to a client that has gone */
    report_outcomes(job->entry, delivery_services(job->delivery), !job->relay->store, job->phase == JOB_SETTLING);
    if (settlement_writes(settlement))
        settlement_apply(settlement, job->entry);
    job->settlement = settlement;
}

static void on_booked(void *user, const GError *error);

static void
book(RelayJob *job, bool leased)
{
    const BookingJob booking = { job->relay, job->entry, job->settlement, leased };

    if (job->settlement->row == ROW_PUT)
        g_hash_table_insert(job->relay->in_hand, job->entry->id, job);
    job->booking = booking_start(&booking, on_booked, job);
}

static void
on_kept(RelayJob *job)
{
    job->entry->stored = true;
    report_kept(job->entry);
}

/* error: nothing depends on it but a promise; or it is an entry that comes again. */
static void
on_settled(RelayJob *job, const GError *error)
{
    RowFate row = job->settlement->row;

    if (error && job->settlement->promise) {
        drop_unkept(job, error);
        return;
    }
    if (!error && row == ROW_PUT)
        on_kept(job);
    if (!error && job->entry->held)
        report_held(job->entry);
    job_answer_settled(job);
    if (!error && (row == ROW_PUT || row == ROW_UPDATE)) {
        leave(job);
        return;
    }
    if (!error && !job_all_delivered(job->entry))
        relay_forget(job->relay, job->entry->id);
    end(job);
}

/* All that can be done for now is done. */
static void
settle(RelayJob *job)
{
    Entry *entry = job->entry;

    delivery_results(job->delivery);
    if (delivery_begun(job->delivery) || retry_overdue(entry->expires_ms, clock_now()))
        entry->attempts++; /* who came during a pause of the account did not try */
    adopt(job, job_decide(job));
    if (settlement_writes(job->settlement))
        book(job, false);
    else
        on_settled(job, NULL);
}

/* --- promises ------------------------------------------------------------------------------------ */

static void
note(RelayJob *job)
{
    delivery_note(job->delivery);
    job->noted = true;
}

/* The entry is stored before its calls have come to an end, or begun. */
static void
promise(RelayJob *job)
{
    Relay *relay = job->relay;

    if (job->phase == JOB_SENDING)
        note(job);
    g_autoptr(Settlement) settlement = job_decide(job);
    if (settlement->row != ROW_PUT)
        return; /* the answer is near */
    adopt(job, g_steal_pointer(&settlement));
    if (job->mode == DELIVERY_QUEUE && !relay->draining && relay->workers < relay->world->settings->conf.queue_workers) {
        job->working = true;
        relay->workers++;
    }
    job->promising = true;
    book(job, job->working || job->phase == JOB_SENDING);
}

/* A call through another account must be known before it is made: else, cut off, the mail would begin again with the
 * first account, and go out twice. Of a mail that is not stored nothing is left then, and its client has it. */
static void
switch_accounts(RelayJob *job)
{
    if (!job->entry->stored) {
        job->switching = false;
        delivery_go_on(job->delivery);
        return;
    }
    note(job);
    adopt(job, job_decide(job));
    book(job, true);
}

static void
on_switch_noted(RelayJob *job, const GError *error)
{
    job->switching = false;
    g_clear_pointer(&job->settlement, settlement_free);
    if (error || job->relay->expired)
        job_abort(job);
    else
        delivery_go_on(job->delivery);
}

/* Who was delivered need not be again after a crash. */
static void
progress(RelayJob *job)
{
    g_autoptr(GArray) places = delivery_progress(job->delivery);

    if (places->len == 0)
        return;
    job->settlement = settlement_of_progress(g_steal_pointer(&places));
    job->progressing = true;
    book(job, true);
}

/* The delivery comes last: it may end in there, and the job with it. */
static void
make_calls(RelayJob *job)
{
    if (job->entry->stored)
        progress(job);
    delivery_resume(job->delivery);
}

static void
send_on(RelayJob *job)
{
    if (job->phase == JOB_SETTLING) {
        settle(job);
    } else if (job->phase == JOB_SENDING) {
        if (job->relay->expired)
            job_abort(job);
        else if (job->switching)
            switch_accounts(job);
        else
            make_calls(job);
    } else if (job->working && !job->relay->expired) {
        job->phase = JOB_SENDING;
        delivery_send(job->delivery);
    } else {
        if (job->working)
            claim_release(job->relay, job->entry->id);
        leave(job);
    }
}

static void
on_promised(RelayJob *job, const GError *error)
{
    job->promising = false;
    if (error && job->phase == JOB_EXPANDED) {
        drop_unkept(job, error);
        return;
    }
    if (error) { /* its client waits for the result, then */
        settlement_undo(job->settlement, job->entry);
        g_hash_table_remove(job->relay->in_hand, job->entry->id);
    } else {
        on_kept(job);
        job_answer_settled(job);
    }
    g_clear_pointer(&job->settlement, settlement_free);
    send_on(job);
}

static void
on_progressed(RelayJob *job)
{
    job->progressing = false;
    g_clear_pointer(&job->settlement, settlement_free);
    send_on(job);
}

static void
on_booked(void *user, const GError *error)
{
    RelayJob *job = user;

    job->booking = NULL;
    if (job->progressing)
        on_progressed(job);
    else if (job->promising)
        on_promised(job, error);
    else if (job->switching)
        on_switch_noted(job, error);
    else
        on_settled(job, error);
}

/* --- the delivery -------------------------------------------------------------------------------- */

static void
on_expanded(Delivery *delivery, void *user)
{
    RelayJob *job = user;

    job->phase = delivery_error(delivery) ? JOB_SETTLING : JOB_EXPANDED;
    if (!job->waiter)
        end(job);
    else if (job->phase == JOB_SETTLING)
        settle(job);
    else
        promise(job);
}

static void
on_prepared(Delivery *delivery, void *user)
{
    RelayJob *job = user;

    job->prepared = true;
    if (job->overdue && job->waiter)
        promise(job);
}

static bool
on_switches(Delivery *delivery, void *user)
{
    RelayJob *job = user;

    if (!job->entry->stored && !job->booking)
        return true;
    job->switching = true;
    if (!job->booking)
        switch_accounts(job);
    return false;
}

static void
on_call_delivered(Delivery *delivery, void *user)
{
    RelayJob *job = user;

    if (job->entry->stored && !job->booking)
        progress(job);
}

static void
on_delivered(Delivery *delivery, void *user)
{
    RelayJob *job = user;

    job->phase = JOB_SETTLING;
    if (!job->booking)
        settle(job);
}

static const DeliveryOps delivery_ops = { on_expanded, on_prepared, on_switches, on_call_delivered, on_delivered };

/* --- from outside -------------------------------------------------------------------------------- */

static RelayJob *
job_new(Relay *relay, Entry *entry, Waiter *waiter)
{
    RelayJob *job = g_new0(RelayJob, 1);

    job->relay = relay;
    job->entry = entry;
    job->waiter = waiter;
    job->delivery = delivery_new(relay->world, entry, &delivery_ops, job);
    job->link.data = job;
    g_queue_push_tail_link(&relay->jobs, &job->link);
    return job;
}

static DeliveryMode
mode_of(const Relay *relay, const Entry *entry, const Waiter *waiter)
{
    DeliveryMode mode = entry->envelope->delivery;

    if (!relay->store || !waiter)
        return DELIVERY_WAIT;
    gint64 now_ms = clock_now();
    if (entry->envelope->hold_until_ms > now_ms && !hold_is_for_api(relay->world->settings, entry->envelope, now_ms))
        return DELIVERY_LATER;
    return mode == DELIVERY_UNSET ? DELIVERY_AUTO : mode;
}

static void
set_patience(RelayJob *job)
{
    Relay *relay = job->relay;

    if (job->mode != DELIVERY_AUTO || job->waiter->wait_ms <= 0)
        return;
    job->answer_by_ms = (gint64) uv_now(relay->world->loop) + job->waiter->wait_ms;
    relay_wait(relay, job->answer_by_ms);
}

void
job_start(Relay *relay, Entry *entry, Waiter *waiter, Repeat *repeat)
{
    RelayJob *job = job_new(relay, entry, waiter);

    crash_point("spool-complete");
    entry->expires_ms = MAX(entry->arrived_ms, entry->envelope->hold_until_ms) +
                        relay->world->settings->conf.queue_lifetime_ms;
    job->mode = mode_of(relay, entry, waiter);
    job->repeat = repeat;
    repeat_start(repeat, job);
    if (waiter)
        waiter->job = job;
    if (job->mode == DELIVERY_QUEUE || job->mode == DELIVERY_LATER) {
        job->phase = JOB_EXPANDING;
        delivery_expand(job->delivery);
        return;
    }
    job->phase = JOB_SENDING;
    delivery_send(job->delivery);
    set_patience(job);
}

void
job_adopt(RelayJob *job, Repeat *repeat, Waiter *waiter)
{
    job->repeat = repeat;
    job->waiter = waiter;
    job->waiter->job = job;
    job->abandoned = job->overdue = false;
    if (job->phase == JOB_SENDING)
        set_patience(job);
}

void
job_start_stored(Relay *relay, Entry *entry, const Provider *probe)
{
    RelayJob *job = job_new(relay, entry, NULL);

    job->probe = probe;
    if (probe)
        g_hash_table_add(relay->probes, (gpointer) probe);
    g_hash_table_insert(relay->in_hand, entry->id, job);
    job->working = true;
    relay->workers++;
    job->phase = JOB_SENDING;
    delivery_send(job->delivery);
}

void
job_hurry(RelayJob *job)
{
    job->answer_by_ms = 0;
    job->overdue = true;
    if (job->prepared && job->phase == JOB_SENDING && !job->booking)
        promise(job);
}

/* What is stored and was not sent stays as it is. */
void
job_abort(RelayJob *job)
{
    bool sending = job->phase == JOB_SENDING;

    if (job->booking)
        return;
    if (job->entry->stored && !delivery_begun(job->delivery) && !job->noted) {
        claim_release(job->relay, job->entry->id);
        end(job);
    } else if (!sending || !delivery_abort(job->delivery)) {
        report_dropped(job->entry->id, SHUTTING_DOWN);
        drop(job, 451, "4.3.2", SHUTTING_DOWN);
    }
}

void
job_abandon(RelayJob *job)
{
    job->waiter = repeat_next(&job->repeat);
    if (job->waiter) {
        job->waiter->job = job;
        return;
    }
    job->abandoned = true;
    if (job->phase == JOB_SENDING && !job->booking && !job->entry->stored)
        delivery_unwanted(job->delivery);
}
