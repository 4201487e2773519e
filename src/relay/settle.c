#include "relay/settle.h"

#include "mail/dsn.h"

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

/* --- the reply ----------------------------------------------------------------------------------- */

/* Which outcome speaks for the whole mail: the first of the highest rank. Without any delivered an unknown outcome
 * decides before a transient one, that before a permanent one: a duplicate is better than a loss. */
static int
rank(OutcomeVerdict verdict)
{
    switch (verdict) {
    case OUTCOME_PERMANENT:
        return 0;
    case OUTCOME_TRANSIENT:
    case OUTCOME_OPEN:
        return 1;
    case OUTCOME_UNKNOWN:
        return 2;
    case OUTCOME_DELIVERED:
        return 3;
    }
    return 1;
}

static const Outcome *
deciding(const Entry *entry)
{
    const Outcome *chosen = NULL;

    for (guint i = 0; i < entry->outcomes->len; i++) {
        if (is_open(entry, i) && (!chosen || rank(outcome_at(entry, i)->verdict) > rank(chosen->verdict)))
            chosen = outcome_at(entry, i);
    }
    return chosen ? chosen : outcome_at(entry, 0);
}

/* The first id behind "queued as", those of further calls on lines of their own, and last that of what is kept. */
static void
accept_mail(const Entry *entry, bool kept, Reply *reply)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) text = g_string_new("Ok: queued as");

    for (guint i = 0; i < entry->outcomes->len; i++) {
        const Outcome *outcome = outcome_at(entry, i);
        if (!outcome->remote_id || !g_hash_table_add(seen, outcome->remote_id))
            continue;
        guint n = g_hash_table_size(seen);
        if (n <= SETTLE_MAX_IDS)
            g_string_append_printf(text, "%s%s", n == 1 ? " " : "\n", outcome->remote_id);
    }
    guint n = g_hash_table_size(seen);
    if (n > SETTLE_MAX_IDS)
        g_string_append_printf(text, "\nand %u more, see the log", n - SETTLE_MAX_IDS);
    if (kept)
        g_string_append_printf(text, "%sQ%s", n == 0 ? " " : "\n", entry->id);
    reply_set(reply, 250, "2.0.0", "%s", text->str);
}

static void
answer(const Entry *entry, bool kept, Reply *reply)
{
    const Outcome *outcome = deciding(entry);

    if (kept || outcome->verdict == OUTCOME_DELIVERED)
        accept_mail(entry, kept, reply);
    else if (outcome->verdict == OUTCOME_OPEN)
        reply_set(reply, 451, "4.3.0", "Not tried");
    else
        reply_set(reply, outcome->code, g_intern_string(outcome->dsn), "%s", outcome->text);
}

/* --- who is told --------------------------------------------------------------------------------- */

static bool
wants(const Entry *entry, guint place, DsnAction action)
{
    const GPtrArray *recipients = entry->envelope->recipients;

    if (place >= recipients->len) /* of the mail as a whole: nobody is known who was to get it */
        return dsn_is_wanted(action, entry->envelope->notify);
    return dsn_is_wanted(action, ((const EnvelopeRecipient *) recipients->pdata[place])->notify);
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
    return retry_due(facts->retry, &retry);
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
    self->held = g_strdup_printf("It failed, and there is no sender to tell: %s", deciding(facts->entry)->text);
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

    if (entry->delay_told || after <= 0 || facts->stopping || facts->going_on || facts->now_ms < entry->arrived_ms + after)
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
    answer(entry, self->row == ROW_PUT, &self->reply);
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

    answer(facts->entry, false, &self->reply);
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
