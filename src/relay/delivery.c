#include "relay/delivery_state.h"

#include "relay/expand.h"
#include "relay/figures.h"
#include "relay/suppress.h"
#include "relay/tries.h"
#include "relay/verdict.h"

enum {
    SMALL_MAIL_BYTES = 64 * 1024, /* takes well under a millisecond to translate */
    MAX_ROUNDS = 20,              /* of one try; what is left then waits for the next */
};

/* --- on the loop ----------------------------------------------------------------------------------- */

static void start_round(Delivery *self);

static bool
maybe_taken(const Delivery *self, guint place)
{
    return delivery_try(self, place)->maybe_taken || self->entry->cut_off;
}

/* Who is tried once more now, and through which account; NULL: he is not. Another one never gets what may have been
 * accepted; the same one, who says that others are in the way, has accepted nothing. */
static const Provider *
next_account(const Delivery *self, guint place)
{
    const Outcome *outcome = &g_array_index(self->outcomes, Outcome, place);
    const Provider *last = g_array_index(self->services, Service, place).provider;

    if (outcome->verdict != OUTCOME_TRANSIENT || !last || delivery_try(self, place)->closed)
        return NULL;
    if ((outcome->flags & OUTCOME_AGAIN) && self->rounds < MAX_ROUNDS)
        return last;
    return maybe_taken(self, place) ? NULL : last->fallback;
}

/* Who is on the other account's list waits for the one that he is not on. */
static bool
may_switch(const Delivery *self, const EnvelopeRecipient *recipient, const Provider *next)
{
    SuppressFound found = { 0 };
    bool may = !suppress_look(next, self->entry->envelope->sender, recipient->address, &found);

    suppress_found_clear(&found);
    return may;
}

/* True: what failed for the moment goes through other accounts now, or through other calls of the same. */
static bool
go_round(Delivery *self)
{
    const Entry *entry = self->entry;

    for (guint i = 0; i < self->outcomes->len; i++) {
        const Provider *last = g_array_index(self->services, Service, i).provider, *next = next_account(self, i);
        const EnvelopeRecipient *recipient = entry->envelope->recipients->pdata[i];
        if (!next || (next != last && !may_switch(self, recipient, next)))
            continue;
        if (next != last)
            report_switch(entry, recipient->address, &g_array_index(self->outcomes, Outcome, i), last, next);
        share_add(delivery_share(self, next, NULL), i);
    }
    return self->shares->len > 0;
}

static void
collect(Delivery *self)
{
    for (guint i = 0; i < self->shares->len; i++)
        share_collect(self->shares->pdata[i], self->outcomes, self->services);
    g_ptr_array_set_size(self->shares, 0);
}

static bool
is_wanted(const Delivery *self)
{
    return self->begun || !self->world->is_wanted || self->world->is_wanted(self->user);
}

static bool
on_share_begins(void *user)
{
    Delivery *self = user;

    self->begun = is_wanted(self);
    return self->begun;
}

/* Those without an outcome get this one. */
static void
give_up(Delivery *self, const Outcome *untried)
{
    for (guint i = 0; i < self->shares->len; i++)
        share_abort(self->shares->pdata[i], untried);
    collect(self);
    self->ops->done(self, self->user);
}

static void
drop(Delivery *self)
{
    Outcome left = { 0 };

    verdict_left(&left);
    give_up(self, &left);
    outcome_clear(&left);
}

static void
count_down(Delivery *self)
{
    if (--self->left > 0)
        return;
    collect(self);
    if (is_wanted(self) && go_round(self))
        start_round(self);
    else
        self->ops->done(self, self->user);
}

static void
on_share_done(void *user)
{
    count_down(user);
}

static void
on_share_delivered(void *user)
{
    Delivery *self = user;
    guint left = 0;

    for (guint i = 0; i < self->shares->len; i++)
        left += share_left(self->shares->pdata[i]);
    if (left > 1 && self->ops->delivered) /* that one included */
        self->ops->delivered(self, self->user);
}

static const ShareOps share_ops = { on_share_begins, on_share_delivered, on_share_done };

/* What the try that was cut off had reached. */
static void
recall(Delivery *self, guint place)
{
    const EntryTry *try = delivery_try(self, place);
    const Provider *account = try->account ? relay_settings_account(self->world->settings, try->account) : NULL;
    const Service service = { account, try->call_key, 0 };

    outcome_copy(&g_array_index(self->outcomes, Outcome, place), &g_array_index(self->entry->outcomes, Outcome, place));
    if (account)
        service_copy(&g_array_index(self->services, Service, place), &service);
}

/* The first round has begun: who is open now has no outcome yet. */
static void
begin_rounds(Delivery *self)
{
    guint n = self->entry->outcomes->len;

    self->outcomes = outcomes_new(n);
    self->services = services_new(n);
    for (guint i = 0; i < n; i++) {
        if (!delivery_try(self, i)->closed && delivery_is_made(self, i))
            recall(self, i);
    }
    for (guint i = 0; self->suppressed && i < self->suppressed->len; i++) {
        const Suppressed *one = &g_array_index(self->suppressed, Suppressed, i);
        const Service service = { one->why.account, NULL, 0 };
        figures_stopped(one->why.account, suppression_kind_name(one->why.kind));
        outcome_copy(&g_array_index(self->outcomes, Outcome, one->place), &one->why.outcome);
        service_copy(&g_array_index(self->services, Service, one->place), &service);
    }
    if (self->ops->prepared)
        self->ops->prepared(self, self->user);
}

void
delivery_go_on(Delivery *self)
{
    self->left = self->shares->len + 1; /* and this function */
    for (guint i = 0; i < self->shares->len; i++)
        share_start(self->shares->pdata[i], &share_ops, self);
    if (self->left > 1 && !is_wanted(self))
        drop(self);
    else
        count_down(self);
}

static void
on_prepared(void *user)
{
    Delivery *self = user;

    self->work = NULL;
    if (self->error) { /* in a later round it was fine before: the recipients keep the outcomes they have */
        self->ops->done(self, self->user);
        return;
    }
    bool first = self->rounds++ == 0;
    if (first)
        begin_rounds(self);
    if (first || !self->ops->switches || self->ops->switches(self, self->user))
        delivery_go_on(self);
}

static void
on_expanded(void *user)
{
    Delivery *self = user;

    self->work = NULL;
    self->ops->expanded(self, self->user);
}

static void
destroy(void *user)
{
    Delivery *self = user;

    g_ptr_array_unref(self->shares);
    if (self->outcomes)
        g_array_unref(self->outcomes);
    if (self->services)
        g_array_unref(self->services);
    if (self->suppressed)
        g_array_unref(self->suppressed);
    g_clear_error(&self->error);
    entry_free(self->entry);
    world_unref(self->world);
    g_free(self);
}

static const WorkOps preparation = { delivery_run_preparation, on_prepared, destroy };
static const WorkOps expansion = { delivery_run_expansion, on_expanded, destroy };

static void
start_work(Delivery *self, const WorkOps *ops, bool quick)
{
    const DeliveryWorld *world = self->world;

    self->work = quick ? work_lane_start(world->lane, ops, self) : work_start(world->loop, ops, self);
}

static void
start_round(Delivery *self)
{
    start_work(self, &preparation, spool_length(self->entry->spool) <= SMALL_MAIL_BYTES);
}

Delivery *
delivery_new(DeliveryWorld *world, Entry *entry, const DeliveryOps *ops, void *user)
{
    Delivery *self = g_new0(Delivery, 1);

    self->world = world_ref(world); /* a worker may look into it when the relay is gone */
    self->entry = entry;
    self->shares = g_ptr_array_new_with_free_func((GDestroyNotify) share_free);
    self->ops = ops;
    self->user = user;
    return self;
}

void
delivery_expand(Delivery *self)
{
    bool parses = self->entry->envelope->from_headers;

    start_work(self, &expansion, !parses || spool_length(self->entry->spool) <= SMALL_MAIL_BYTES);
}

void
delivery_send(Delivery *self)
{
    start_round(self);
}

Delivery *
delivery_prepare(DeliveryWorld *world, Entry *entry)
{
    Delivery *self = delivery_new(world, entry, NULL, NULL);

    delivery_run_preparation(self);
    return self;
}

const GError *
delivery_error(const Delivery *self)
{
    return self->rounds == 0 ? self->error : NULL;
}

const GPtrArray *
delivery_shares(const Delivery *self)
{
    return self->shares;
}

const GArray *
delivery_services(const Delivery *self)
{
    return self->services;
}

/* What no other account will change any more; and the call it came by. */
static void
note_results(Delivery *self)
{
    for (guint i = 0; i < self->outcomes->len; i++) {
        const Outcome *outcome = &g_array_index(self->outcomes, Outcome, i);
        const Service *service = &g_array_index(self->services, Service, i);
        if (!delivery_try(self, i)->closed)
            tries_note_outcome(self->entry, i, service, outcome);
    }
}

void
delivery_note(Delivery *self)
{
    note_results(self);
    for (guint i = 0; !self->work && i < self->shares->len; i++)
        share_note(self->shares->pdata[i], self->entry, self->rounds == 1);
}

GArray *
delivery_progress(Delivery *self)
{
    GArray *places = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = 0; i < self->shares->len; i++)
        share_progress(self->shares->pdata[i], self->entry, places);
    return places;
}

void
delivery_resume(Delivery *self)
{
    if (self->work || self->left == 0)
        return;
    self->left++; /* this function */
    for (guint i = 0; i < self->shares->len; i++)
        share_resume(self->shares->pdata[i]);
    count_down(self);
}

/* The same outcome for everyone who is open; for the mail as a whole when nobody is known yet. */
static void
refuse_all(Delivery *self)
{
    Entry *entry = self->entry;
    Outcome outcome = { 0 };

    verdict_untranslated(&outcome, self->error);
    if (entry->outcomes->len == 0)
        g_array_set_size(entry->outcomes, 1);
    for (guint i = 0; i < entry->outcomes->len; i++) {
        if (i >= entry->tries->len || !(delivery_try(self, i)->closed || delivery_is_made(self, i)))
            outcome_copy(&g_array_index(entry->outcomes, Outcome, i), &outcome);
    }
    outcome_clear(&outcome);
}

/* False: he is not settled, and which call he may be in is known to nobody. */
static bool
take_result(Delivery *self, guint place)
{
    const Outcome *outcome = &g_array_index(self->outcomes, Outcome, place);
    const Service *service = &g_array_index(self->services, Service, place);

    if (delivery_try(self, place)->closed)
        return true;
    outcome_copy(&g_array_index(self->entry->outcomes, Outcome, place), outcome);
    tries_note_result(self->entry, place, service, outcome->verdict);
    return service->call || outcome->verdict == OUTCOME_PERMANENT || outcome->verdict == OUTCOME_DELIVERED;
}

/* A try that made no call, when the one before it was cut off, leaves everything as it was: the next one has to make
 * the same calls. */
void
delivery_results(Delivery *self)
{
    Entry *entry = self->entry;
    bool known = true;

    if (delivery_error(self)) {
        refuse_all(self);
        return;
    }
    for (guint i = 0; self->outcomes && i < self->outcomes->len; i++)
        known &= take_result(self, i);
    if (known && self->outcomes)
        entry->cut_off = false;
}

bool
delivery_begun(const Delivery *self)
{
    return self->begun;
}

bool
delivery_abort(Delivery *self)
{
    Outcome untried = { 0 };

    if (self->work && self->rounds == 0)
        return false;
    if (self->work) {
        self->ops->done(self, self->user);
        return true;
    }
    outcome_set(&untried, OUTCOME_TRANSIENT, 451, "4.3.2", "Shutting down, try again later");
    give_up(self, &untried);
    outcome_clear(&untried);
    return true;
}

void
delivery_unwanted(Delivery *self)
{
    if (!self->work && !self->begun)
        drop(self);
}

void
delivery_free(Delivery *self)
{
    if (self->work)
        work_cancel(&self->work); /* destroy() comes when no worker uses it any more */
    else
        destroy(self);
}
