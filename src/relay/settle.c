#include "relay/settle.h"

#include "mail/dsn.h"
#include "relay/settle_each.h"
#include "relay/settle_reply.h"

/* The outcomes of those who were open. */
typedef struct {
    guint delivered, permanent, transient, unknown;
} Tally;

static bool
is_open(const Entry *entry, guint place)
{
    return place >= entry->tries->len || !g_array_index(entry->tries, EntryTry, place).closed;
}

static const Outcome *
outcome_at(const Entry *entry, guint place)
{
    return &g_array_index(entry->outcomes, Outcome, place);
}

static Tally
count(const Entry *entry)
{
    Tally tally = { 0 };

    for (guint i = 0; i < entry->outcomes->len; i++) {
        OutcomeVerdict verdict = outcome_at(entry, i)->verdict;
        if (!is_open(entry, i))
            continue;
        tally.delivered += verdict == OUTCOME_DELIVERED;
        tally.permanent += verdict == OUTCOME_PERMANENT;
        tally.unknown += verdict == OUTCOME_UNKNOWN;
        tally.transient += verdict == OUTCOME_TRANSIENT || verdict == OUTCOME_OPEN;
    }
    return tally;
}

/* --- who is told --------------------------------------------------------------------------------- */

static bool
wants(const Entry *entry, guint place, DsnAction action)
{
    const GPtrArray *recipients = entry->envelope->recipients;

    if (place >= recipients->len) /* of the mail as a whole: nobody is known who was to get it */
        return dsn_is_owed(action, entry->envelope, entry->envelope->notify);
    return dsn_is_owed(action, entry->envelope, ((const EnvelopeRecipient *) recipients->pdata[place])->notify);
}

static bool
has_sender(const Entry *entry)
{
    return !entry->is_bounce && *entry->envelope->sender;
}

static void
tell(GArray *list, const Entry *entry, guint place, DsnAction action)
{
    if (has_sender(entry) && wants(entry, place, action))
        g_array_append_val(list, place);
}

static void
close_delivered(Settlement *self, const Entry *entry, guint place)
{
    g_array_append_val(self->closed, place);
    tell(self->relayed, entry, place, DSN_RELAYED);
}

/* Nobody can be told of a bounce that fails: its recipients stay open, and once nobody else is it is held. */
static bool
close_failed(Settlement *self, const Entry *entry, guint place)
{
    if (!has_sender(entry))
        return false;
    g_array_append_val(self->closed, place);
    tell(self->failed, entry, place, DSN_FAILED);
    return true;
}

/* --- the decision -------------------------------------------------------------------------------- */

static RetryFacts
retry_facts(const SettleFacts *facts)
{
    const Entry *entry = facts->entry;
    RetryFacts retry = {
        .id = entry->id,
        .attempts = MAX(1, entry->attempts),
        .expires_ms = entry->expires_ms,
        .now_ms = facts->now_ms,
    };

    for (guint i = 0; i < entry->outcomes->len; i++) {
        if (is_open(entry, i))
            retry.asked_ms = MAX(retry.asked_ms, outcome_at(entry, i)->retry_after_ms);
    }
    return retry;
}

static gint64
next_try(const SettleFacts *facts)
{
    RetryFacts retry = retry_facts(facts);
    gint64 hold_until_ms = facts->entry->envelope->hold_until_ms;

    if (hold_until_ms > facts->now_ms)
        return hold_until_ms;
    if (facts->stopping || (facts->waiting && facts->mode == DELIVERY_QUEUE))
        return facts->now_ms;
    gint64 due_ms = retry_due(facts->retry, &retry), by_ms = facts->entry->envelope->by_ms;
    return by_ms > facts->now_ms ? MIN(due_ms, by_ms) : due_ms;
}

/* Some are still open: waits go on, or the operator's word is waited for. */
static void
keep(Settlement *self, const SettleFacts *facts, const Tally *tally)
{
    self->due_ms = next_try(facts);
    if (tally->unknown > 0 && facts->hold_unknown)
        self->held = g_strdup("A call to the API got no answer: it may have been taken");
}

static void
hold_failed(Settlement *self, const SettleFacts *facts)
{
    self->due_ms = facts->now_ms;
    self->held = g_strdup_printf("It failed, and there is no sender to tell: %s", settle_deciding(facts->entry, NULL)->text);
}

/* Closes what is settled; true if somebody was left. expired: failures for the moment count, too. */
static bool
close_settled(Settlement *self, const Entry *entry, bool expired, guint *stuck)
{
    bool left = false;

    for (guint i = 0; i < entry->outcomes->len; i++) {
        OutcomeVerdict verdict = outcome_at(entry, i)->verdict;
        if (!is_open(entry, i))
            continue;
        if (verdict == OUTCOME_DELIVERED)
            close_delivered(self, entry, i);
        else if (verdict != OUTCOME_PERMANENT && !expired)
            left = true;
        else if (!close_failed(self, entry, i))
            ++*stuck;
        else if (verdict != OUTCOME_PERMANENT)
            g_array_append_val(self->expired, i);
    }
    return left;
}

static void
tell_delay(Settlement *self, const SettleFacts *facts)
{
    const Entry *entry = facts->entry;
    gint64 after = facts->delay_warning_ms;

    if (facts->stopping || facts->going_on)
        return;
    self->by_told = entry_is_overdue(entry, facts->now_ms) && !(entry->envelope->by_flags & ENVELOPE_BY_RETURN);
    if (!self->by_told && (entry->delay_told || after <= 0 || facts->now_ms < entry->arrived_ms + after))
        return;
    self->delay_told = true;
    for (guint i = 0; i < entry->outcomes->len; i++) {
        OutcomeVerdict verdict = outcome_at(entry, i)->verdict;
        if (is_open(entry, i) && verdict != OUTCOME_DELIVERED && verdict != OUTCOME_PERMANENT)
            tell(self->delayed, entry, i, DSN_DELAYED);
    }
}

static void
decide_stored(Settlement *self, const SettleFacts *facts, const Tally *tally)
{
    RetryFacts retry = retry_facts(facts);
    guint stuck = 0;
    bool pausing = facts->untried && !retry_overdue(facts->entry->expires_ms, facts->now_ms); /* which is no try */
    bool gives_up = !facts->stopping && !facts->going_on && !pausing && retry_expired(&retry);
    bool left = close_settled(self, facts->entry, gives_up, &stuck);

    self->row = left || stuck > 0 ? ROW_UPDATE : ROW_REMOVE;
    if (left)
        keep(self, facts, tally);
    else if (stuck > 0)
        hold_failed(self, facts);
    if (left && !self->held)
        tell_delay(self, facts);
}

/* Whether more is promised than the API has done: to whom it has not taken the mail. */
static bool
must_keep(const SettleFacts *facts, const Tally *tally)
{
    if (tally->transient + tally->unknown == 0)
        return false;
    return facts->mode != DELIVERY_WAIT || tally->delivered > 0 || tally->unknown > 0;
}

static void
decide_fresh(Settlement *self, const SettleFacts *facts, const Tally *tally)
{
    const Entry *entry = facts->entry;
    bool kept = must_keep(facts, tally);
    guint stuck = 0;

    if (kept || tally->delivered > 0) {
        close_settled(self, entry, false, &stuck);
        self->row = kept || stuck > 0 ? ROW_PUT : ROW_NONE;
        self->promise = self->row == ROW_PUT || self->failed->len > 0;
        if (kept)
            keep(self, facts, tally);
        else if (stuck > 0)
            hold_failed(self, facts);
    } else if (tally->transient == 0 && entry->envelope->bounce_refusals) {
        close_settled(self, entry, false, &stuck);
    }
    settle_reply(entry, NULL, self->row == ROW_PUT, &self->reply);
}

/* Who gave several names hears of each. What is refused there needs no notice, and is not tried again: the client has
 * it. */
static void
decide_each(Settlement *self, const SettleFacts *facts, const Tally *tally)
{
    const Entry *entry = facts->entry;
    EachKeeps keeps = !facts->has_store ? EACH_KEEPS_NOTHING
                      : facts->mode == DELIVERY_WAIT ? EACH_KEEPS_UNKNOWN : EACH_KEEPS_ALL;
    g_autoptr(GArray) fates = each_fates(entry, keeps);
    guint kept = 0, stuck = 0;

    for (guint i = 0; i < fates->len; i++) {
        EachFate fate = g_array_index(fates, EachFate, i);
        if (fate == EACH_DELIVERED)
            close_delivered(self, entry, i);
        else if (fate == EACH_DROPPED)
            g_array_append_val(self->closed, i);
        else if (fate == EACH_KEPT)
            kept++;
        else if (!close_failed(self, entry, i))
            stuck++;
    }
    stuck = facts->has_store ? stuck : 0;
    self->row = kept + stuck > 0 ? ROW_PUT : ROW_NONE;
    self->promise = facts->has_store && (self->row == ROW_PUT || self->failed->len > 0);
    if (kept > 0)
        keep(self, facts, tally);
    else if (stuck > 0)
        hold_failed(self, facts);
    self->each = each_replies(entry, fates, &self->reply);
}

static Settlement *
settlement_new(void)
{
    Settlement *self = g_new0(Settlement, 1);
    GArray **lists[] = { &self->closed, &self->expired, &self->failed, &self->delayed, &self->relayed };

    for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
        *lists[i] = g_array_new(FALSE, FALSE, sizeof(guint));
    return self;
}

Settlement *
settlement_of_progress(GArray *places)
{
    Settlement *self = settlement_new();

    g_array_unref(self->closed);
    self->closed = places;
    self->row = ROW_PROGRESS;
    return self;
}

/* Nothing can be kept: a 250 for those who were delivered to loses the others, and their sender is told at once. */
static void
decide_alone(Settlement *self, const SettleFacts *facts, const Tally *tally)
{
    guint stuck = 0;

    settle_reply(facts->entry, NULL, false, &self->reply);
    if (facts->waiting && !facts->going_on && tally->delivered > 0 &&
        tally->permanent + tally->transient + tally->unknown > 0)
        close_settled(self, facts->entry, true, &stuck);
    g_array_set_size(self->expired, 0); /* what it failed with is the reason */
}

Settlement *
settle_decide(const SettleFacts *facts)
{
    g_assert(facts->entry->outcomes->len > 0);
    Settlement *self = settlement_new();
    Tally tally = count(facts->entry);

    if (facts->has_store && facts->entry->stored)
        decide_stored(self, facts, &tally);
    else if (facts->waiting && facts->entry->envelope->asked && (facts->has_store || !facts->going_on))
        decide_each(self, facts, &tally);
    else if (facts->has_store && facts->waiting)
        decide_fresh(self, facts, &tally);
    else
        decide_alone(self, facts, &tally);
    return self;
}

void
settlement_free(Settlement *self)
{
    if (!self)
        return;
    g_array_unref(self->closed);
    g_array_unref(self->expired);
    g_array_unref(self->failed);
    g_array_unref(self->delayed);
    g_array_unref(self->relayed);
    if (self->each)
        g_array_unref(self->each);
    reply_clear(&self->reply);
    g_free(self->held);
    g_free(self);
}

/* What it failed with last becomes the reason why it failed for good. */
static void
expire(Outcome *outcome)
{
    g_autofree char *text = g_strdup_printf("Given up after trying for too long; last: %s",
                                            outcome->text ? outcome->text : "not tried");

    outcome_set(outcome, OUTCOME_PERMANENT, 554, "4.4.7", text);
}

static void
set_closed(const Settlement *self, Entry *entry, bool closed)
{
    for (guint i = 0; i < self->closed->len; i++) {
        guint place = g_array_index(self->closed, guint, i);
        if (place < entry->tries->len)
            g_array_index(entry->tries, EntryTry, place).closed = closed;
    }
}

void
settlement_apply(const Settlement *self, Entry *entry)
{
    set_closed(self, entry, true);
    for (guint i = 0; i < self->expired->len; i++)
        expire(&g_array_index(entry->outcomes, Outcome, g_array_index(self->expired, guint, i)));
    entry->due_ms = self->due_ms;
    entry->delay_told |= self->delay_told;
    if (self->by_told)
        entry->envelope->by_ms = 0;
    g_free(entry->held);
    entry->held = g_strdup(self->held);
}

void
settlement_undo(const Settlement *self, Entry *entry)
{
    set_closed(self, entry, false);
    g_clear_pointer(&entry->held, g_free);
}

bool
settlement_writes(const Settlement *self)
{
    return self->row != ROW_NONE || self->failed->len + self->delayed->len + self->relayed->len > 0;
}

void
settlement_unkeep(Settlement *self, const Reply *reply)
{
    reply_clear(&self->reply);
    reply_set(&self->reply, reply->code, reply->dsn, "%s", reply->text);
    for (guint i = 0; self->each && i < self->each->len; i++) {
        EachReply *one = &g_array_index(self->each, EachReply, i);
        if (!one->promises)
            continue;
        reply_clear(&one->reply);
        reply_set(&one->reply, reply->code, reply->dsn, "%s", reply->text);
    }
}
