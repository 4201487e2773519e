#include "relay/share_state.h"

#include "relay/figures.h"
#include "relay/tries.h"
#include "relay/verdict.h"

Share *
share_new(const DeliveryWorld *world, const Provider *provider, const Entry *entry, const char *key)
{
    Share *self = g_new0(Share, 1);

    self->settings = world->settings;
    self->http = world->http;
    self->throttle = g_hash_table_lookup(world->throttles, provider->name);
    self->token = g_hash_table_lookup(world->tokens, provider->name);
    self->provider = provider;
    self->entry = entry;
    self->again = g_strdup(key);
    self->places = g_array_new(FALSE, FALSE, sizeof(guint));
    self->news = g_array_new(FALSE, FALSE, sizeof(guint));
    self->outcomes = outcomes_new(0);
    self->services = services_new(0);
    self->by_address = g_hash_table_new(g_str_hash, g_str_equal);
    return self;
}

bool
share_is(const Share *self, const Provider *provider, const char *key)
{
    return self->provider == provider && g_strcmp0(self->again, key) == 0;
}

void
share_add(Share *self, guint place)
{
    const EnvelopeRecipient *recipient = self->entry->envelope->recipients->pdata[place];

    g_array_append_val(self->places, place);
    g_array_set_size(self->outcomes, self->places->len);
    g_array_set_size(self->services, self->places->len);
    g_array_index(self->services, Service, self->places->len - 1).provider = self->provider;
    g_hash_table_insert(self->by_address, recipient->address, GUINT_TO_POINTER(self->places->len));
    self->maybe_taken |= g_array_index(self->entry->tries, EntryTry, place).maybe_taken;
}

const Provider *
share_provider(const Share *self)
{
    return self->provider;
}

const Mail *
share_mail(const Share *self)
{
    return self->mail;
}

const GPtrArray *
share_calls(const Share *self)
{
    return self->calls;
}

const Outcome *
share_outcome(const Share *self, guint i, const char **recipient)
{
    if (i >= self->places->len)
        return NULL;
    const GPtrArray *recipients = self->entry->envelope->recipients;
    *recipient = ((const EnvelopeRecipient *) recipients->pdata[g_array_index(self->places, guint, i)])->address;
    return &g_array_index(self->outcomes, Outcome, i);
}

/* --- on the loop ----------------------------------------------------------------------------------- */

/* The call's outcomes become those of its recipients. */
static void
take_outcomes(Errand *errand, const GArray *from, gint64 api_us)
{
    Share *self = errand->share;

    for (guint i = 0; i < from->len; i++) {
        const char *address = call_recipient(errand->call, i)->address;
        guint at = GPOINTER_TO_UINT(g_hash_table_lookup(self->by_address, address));
        g_assert(at > 0);
        Service *service = &g_array_index(self->services, Service, at - 1);
        outcome_copy(share_outcome_at(self, at - 1), &g_array_index(from, Outcome, i));
        service->api_us = api_us;
        g_free(service->call);
        service->call = g_strdup(errand->call->key);
    }
}

static void
take_one_outcome(Errand *errand, const Outcome *outcome)
{
    g_autoptr(GArray) all = outcomes_new(call_size(errand->call));

    for (guint i = 0; i < all->len; i++)
        outcome_copy(&g_array_index(all, Outcome, i), outcome);
    take_outcomes(errand, all, 0);
}

/* The share may be gone afterwards. */
static void
count_down(Share *self)
{
    if (--self->left == 0)
        self->ops->done(self->user);
}

static void fill_line(Share *self);

/* Its place, if it has one, goes to the next in line, which may be another errand of this share. */
static void
errand_end(Errand *errand)
{
    Share *self = errand->share;
    Throttle *throttle = self->throttle;
    bool placed = errand->placed;

    errand->ended = true;
    errand->placed = false;
    throttle_forget(throttle, &errand->ticket);
    g_clear_pointer(&errand->attempt, attempt_free);
    self->active--;
    fill_line(self);
    count_down(self);
    if (placed)
        throttle_leave(throttle);
}

/* Nobody calls the account now. */
static void
errand_refuse(Errand *errand)
{
    Outcome outcome = { 0 };

    throttle_refuse(errand->share->throttle, &outcome);
    take_one_outcome(errand, &outcome);
    outcome_clear(&outcome);
    errand_end(errand);
}

/* What nobody may try again without the operator's word. */
static bool
is_withheld(const Share *self)
{
    return self->entry->cut_off && self->provider->unknown_outcome == UNKNOWN_OUTCOME_HOLD;
}

static void
errand_withhold(Errand *errand)
{
    Outcome outcome = { 0 };

    verdict_cut_off(&outcome);
    take_one_outcome(errand, &outcome);
    outcome_clear(&outcome);
    errand_end(errand);
}

/* A call is delivered to all or none. */
static void
note_news(const Errand *errand)
{
    Share *self = errand->share;
    guint n = self->news->len;

    for (guint i = 0; i < call_size(errand->call); i++) {
        guint at = GPOINTER_TO_UINT(g_hash_table_lookup(self->by_address, call_recipient(errand->call, i)->address));
        if (share_outcome_at(self, at - 1)->verdict == OUTCOME_DELIVERED)
            g_array_append_val(self->news, g_array_index(self->places, guint, at - 1));
    }
    if (self->news->len == n)
        return;
    self->unwritten++;
    self->ops->delivered(self->user);
}

static void
on_attempted(Attempt *attempt, void *user)
{
    Errand *errand = user;
    const GArray *outcomes = attempt_outcomes(attempt);

    throttle_report(errand->share->throttle, &errand->ticket, outcomes);
    take_outcomes(errand, outcomes, attempt_api_us(attempt));
    note_news(errand);
    errand_end(errand);
}

static bool
may_run(const Errand *errand, Outcome *instead)
{
    const Share *self = errand->share;

    if (self->ops->begin(self->user))
        return true;
    verdict_left(instead);
    return false;
}

/* A place is ours, until the errand ends. */
static void
errand_run(Errand *errand)
{
    Share *self = errand->share;
    Outcome outcome = { 0 };

    errand->placed = true;
    if (!may_run(errand, &outcome)) {
        take_one_outcome(errand, &outcome);
        outcome_clear(&outcome);
        errand_end(errand);
        return;
    }
    AttemptJob job = {
        .provider = self->provider,
        .token = self->token,
        .mail = self->mail,
        .call = errand->call,
        .maybe_taken = (self->again && self->maybe_taken) || self->entry->cut_off,
        .since_ms = self->entry->arrived_ms,
        .hold_until_ms = self->entry->envelope->hold_until_ms,
    };
    figures_call(self->provider, self->again || self->entry->attempts > 0);
    errand->attempt = attempt_start(self->http, &job, on_attempted, errand);
}

static void
on_turn(Ticket *ticket)
{
    errand_run((Errand *) ((char *) ticket - G_STRUCT_OFFSET(Errand, ticket)));
}

static void
on_paused(Ticket *ticket)
{
    errand_refuse((Errand *) ((char *) ticket - G_STRUCT_OFFSET(Errand, ticket)));
}

/* No more of them wait than could be served at once: a mail to hundreds does not keep others waiting until it is
 * through. Nor are more on their way or delivered without being durable: those are what a crash may send twice. */
static bool
has_room(const Share *self)
{
    guint most = self->provider->limits.calls ? self->provider->limits.calls : G_MAXUINT;

    return self->active + (self->entry->stored ? self->unwritten : 0) < most;
}

/* An errand may end at once and come back in here. */
static void
fill_line(Share *self)
{
    if (self->filling)
        return;
    self->filling = true;
    while (self->next < self->errands->len && has_room(self)) {
        Errand *errand = &g_array_index(self->errands, Errand, self->next++);
        self->active++;
        if (is_withheld(self)) {
            errand_withhold(errand);
            continue;
        }
        ThrottleAnswer answer = throttle_enter(self->throttle, &errand->ticket);
        if (answer == THROTTLE_GO)
            errand_run(errand);
        else if (answer == THROTTLE_PAUSED)
            errand_refuse(errand);
    }
    self->filling = false;
}

void
share_start(Share *self, const ShareOps *ops, void *user)
{
    guint n = self->calls ? self->calls->len : 0;

    self->ops = ops;
    self->user = user;
    self->errands = g_array_sized_new(FALSE, TRUE, sizeof(Errand), n);
    g_array_set_size(self->errands, n);
    self->left = n + 1; /* and this function */
    if (self->mail)
        report_notes(self->entry, self->mail, self->provider);
    for (guint i = 0; i < n; i++) {
        Errand *errand = &g_array_index(self->errands, Errand, i);
        errand->share = self;
        errand->call = self->calls->pdata[i];
        errand->ticket.sender = self->entry->envelope->sender;
        errand->ticket.priority = self->entry->envelope->priority;
        errand->ticket.turn = on_turn;
        errand->ticket.paused = on_paused;
    }
    fill_line(self);
    count_down(self);
}

guint
share_left(const Share *self)
{
    return self->left;
}

/* The entry knows them now, and is written after this; what it knew before has been. */
static void
forget_news(Share *self)
{
    g_array_set_size(self->news, 0);
    self->unwritten -= self->writing;
    self->writing = self->unwritten;
}

void
share_progress(Share *self, Entry *entry, GArray *places)
{
    for (guint i = 0; i < self->news->len; i++) {
        guint place = g_array_index(self->news, guint, i);
        const EnvelopeRecipient *recipient = entry->envelope->recipients->pdata[place];
        guint at = GPOINTER_TO_UINT(g_hash_table_lookup(self->by_address, recipient->address));
        tries_note_outcome(entry, place, &g_array_index(self->services, Service, at - 1), share_outcome_at(self, at - 1));
    }
    g_array_append_vals(places, self->news->data, self->news->len);
    forget_news(self);
}

void
share_resume(Share *self)
{
    if (self->left == 0)
        return;
    self->left++; /* this function */
    fill_line(self);
    count_down(self);
}

void
share_abort(Share *self, const Outcome *untried)
{
    for (guint i = 0; self->errands && i < self->errands->len; i++) {
        Errand *errand = &g_array_index(self->errands, Errand, i);
        if (errand->ended)
            continue;
        if (errand->attempt)
            take_outcomes(errand, attempt_outcomes(errand->attempt), attempt_api_us(errand->attempt));
        else
            take_one_outcome(errand, untried);
    }
    for (guint i = 0; i < self->outcomes->len; i++) {
        if (share_outcome_at(self, i)->verdict == OUTCOME_OPEN)
            outcome_copy(share_outcome_at(self, i), untried);
    }
}

void
share_collect(const Share *self, GArray *outcomes, GArray *services)
{
    for (guint i = 0; i < self->places->len; i++) {
        guint place = g_array_index(self->places, guint, i);
        const Outcome *from = &g_array_index(self->outcomes, Outcome, i);
        Outcome *to = &g_array_index(outcomes, Outcome, place);
        bool elsewhere = to->verdict == OUTCOME_TRANSIENT && !(to->flags & OUTCOME_AGAIN);

        service_copy(&g_array_index(services, Service, place), &g_array_index(self->services, Service, i));
        if (elsewhere && from->verdict == OUTCOME_PERMANENT)
            report_refusal(self->entry, place, from, self->provider);
        else
            outcome_copy(to, from);
    }
}

/* A call on its way may arrive whatever becomes of us; one that waits may be on its way before anybody writes again. */
static void
note_call(const Share *self, const Call *call, Entry *entry)
{
    Service service = { self->provider, call->key, 0 };

    for (guint i = 0; i < call_size(call); i++) {
        const char *address = call_recipient(call, i)->address;
        guint at = GPOINTER_TO_UINT(g_hash_table_lookup(self->by_address, address));
        tries_note_calling(entry, g_array_index(self->places, guint, at - 1), &service);
    }
}

void
share_note(Share *self, Entry *entry, bool alone)
{
    forget_news(self);
    for (guint i = 0; i < self->places->len; i++) {
        const Outcome *outcome = &g_array_index(self->outcomes, Outcome, i);
        if (alone || outcome->verdict != OUTCOME_PERMANENT)
            tries_note_outcome(entry, g_array_index(self->places, guint, i),
                               &g_array_index(self->services, Service, i), outcome);
    }
    for (guint i = 0; self->calls && i < self->calls->len; i++) {
        if (!self->errands || !g_array_index(self->errands, Errand, i).ended)
            note_call(self, self->calls->pdata[i], entry);
    }
}

/* Gives back what the errands hold of the throttle, last: others get their turn in there. */
void
share_free(Share *self)
{
    if (!self)
        return;
    Throttle *throttle = self->throttle;
    guint placed = 0;

    for (guint i = 0; self->errands && i < self->errands->len; i++) {
        Errand *errand = &g_array_index(self->errands, Errand, i);
        throttle_forget(throttle, &errand->ticket);
        attempt_free(errand->attempt);
        placed += errand->placed;
    }
    g_clear_pointer(&self->errands, g_array_unref);
    g_clear_pointer(&self->calls, g_ptr_array_unref);
    mail_free(self->mail);
    g_array_unref(self->places);
    g_array_unref(self->news);
    g_array_unref(self->outcomes);
    g_array_unref(self->services);
    g_hash_table_unref(self->by_address);
    g_free(self->again);
    g_free(self);
    while (placed-- > 0)
        throttle_leave(throttle);
}
