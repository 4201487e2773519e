#include "relay/delivery.h"

#include "relay/rewrite.h"
#include "relay/settle.h"

enum { SMALL_MAIL_BYTES = 64 * 1024 }; /* takes well under a millisecond to translate */

#define SHUTTING_DOWN "Shutting down, try again later"

struct Delivery {
    DeliveryWorld world;
    Entry *entry;
    Work *work;        /* while it lasts, error and shares are the worker's; in the first round the envelope, too */
    GError *error;     /* nothing can be done with the mail */
    guint rounds;      /* of shares; one of each account's recipients, then one for the fallbacks of those, … */
    GPtrArray *shares; /* of Share: this round's */
    guint shares_made;
    guint left;        /* of them still on their way */
    GArray *services;  /* parallel to the entry's outcomes; NULL in the first round */
    bool begun;        /* an API was called: it goes on to its end */
    DeliveryDone done;
    void *user;
};

static void
finish(Delivery *self)
{
    Reply reply = { 0 };

    settle_decide(self->entry->outcomes, &reply);
    report_outcomes(self->entry, self->services);
    self->done(self, &reply, self->user);
    reply_clear(&reply);
}

/* The same outcome for everyone; for the mail as a whole when nobody is known yet. */
static void
finish_untranslated(Delivery *self)
{
    GArray *outcomes = self->entry->outcomes;
    Outcome outcome = { 0 };

    share_untranslated(&outcome, self->error);
    if (outcomes->len == 0)
        g_array_set_size(outcomes, 1);
    for (guint i = 0; i < outcomes->len; i++)
        outcome_copy(&g_array_index(outcomes, Outcome, i), &outcome);
    outcome_clear(&outcome);
    finish(self);
}

/* The share of an account in this round, made if there is none yet. */
static Share *
share_of(Delivery *self, const Provider *provider)
{
    for (guint i = 0; i < self->shares->len; i++) {
        if (share_provider(self->shares->pdata[i]) == provider)
            return self->shares->pdata[i];
    }
    Share *share = share_new(&self->world, provider, self->entry, self->shares_made++);
    g_ptr_array_add(self->shares, share);
    return share;
}

/* --- on the worker --------------------------------------------------------------------------------- */

/* Who gets it: the envelope, and for `sendmail -t` the header. */
static bool
complete_envelope(Delivery *self, const Mail *header)
{
    Entry *entry = self->entry;

    if (entry->envelope->from_headers)
        rewrite_add_header_recipients(entry->envelope, header, &self->world.settings->where);
    entry_set_envelope(entry, entry->envelope);
    if (entry->envelope->recipients->len > 0)
        return true;
    g_set_error_literal(&self->error, MAIL_ERROR, MAIL_ERROR_NO_RECIPIENT, "The mail has no recipient");
    return false;
}

static bool
share_out(Delivery *self, Message *message)
{
    const RelaySettings *settings = self->world.settings;
    Entry *entry = self->entry;
    TranslateContext context = {
        .hostname = settings->hostname,
        .default_domain = settings->where.default_domain,
        .id = entry->id,
        .envelope = entry->envelope,
    };
    g_autoptr(Mail) header = NULL;

    if (entry->envelope->from_headers || settings->routes->len > 0) {
        header = mail_from_header(message, &context, &self->error);
        if (!header)
            return false;
    }
    if (!complete_envelope(self, header))
        return false;
    RouteFacts facts = { entry->envelope, header && header->from ? header->from->address : NULL };
    for (guint i = 0; i < entry->envelope->recipients->len; i++) {
        const EnvelopeRecipient *recipient = entry->envelope->recipients->pdata[i];
        share_add(share_of(self, relay_settings_route(settings, &facts, recipient->address)), i);
    }
    return true;
}

static void
run_preparation(void *user)
{
    Delivery *self = user;
    Entry *entry = self->entry;

    if (self->rounds == 0)
        entry_set_envelope(entry, rewrite_envelope(entry->envelope, &self->world.settings->where));
    g_autoptr(Message) message = message_open(entry->spool, entry->scan, &self->error);
    if (!message || (self->rounds == 0 && !share_out(self, message)))
        return;
    for (guint i = 0; i < self->shares->len; i++)
        share_prepare(self->shares->pdata[i], message);
}

/* --- on the loop ----------------------------------------------------------------------------------- */

static void start_round(Delivery *self);

/* True: what failed for the moment goes through other accounts now. Never what may have been accepted. */
static bool
fall_back(Delivery *self)
{
    const Entry *entry = self->entry;

    g_ptr_array_set_size(self->shares, 0);
    for (guint i = 0; i < entry->outcomes->len; i++) {
        const Outcome *outcome = &g_array_index(entry->outcomes, Outcome, i);
        const Service *service = &g_array_index(self->services, Service, i);
        const Provider *next = service->provider->fallback;
        const EnvelopeRecipient *recipient = entry->envelope->recipients->pdata[i];
        if (outcome->verdict != OUTCOME_TRANSIENT || !next)
            continue;
        report_switch(entry, recipient->address, outcome, service->provider, next);
        share_add(share_of(self, next), i);
    }
    return self->shares->len > 0;
}

static void
collect(Delivery *self)
{
    for (guint i = 0; i < self->shares->len; i++)
        share_collect(self->shares->pdata[i], self->entry->outcomes, self->services);
}

static bool
is_wanted(const Delivery *self)
{
    return self->begun || !self->world.is_wanted || self->world.is_wanted(self->user);
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
    finish(self);
}

static void
drop(Delivery *self)
{
    Outcome left = { 0 };

    share_left(&left);
    give_up(self, &left);
    outcome_clear(&left);
}

static void
count_down(Delivery *self)
{
    if (--self->left > 0)
        return;
    collect(self);
    if (is_wanted(self) && fall_back(self))
        start_round(self);
    else
        finish(self);
}

static void
on_share_done(void *user)
{
    count_down(user);
}

static void
on_prepared(void *user)
{
    Delivery *self = user;

    self->work = NULL;
    if (self->error && self->rounds == 0) {
        finish_untranslated(self);
        return;
    }
    if (self->error) { /* it was fine before: the recipients keep the outcomes they have */
        finish(self);
        return;
    }
    if (self->rounds++ == 0)
        self->services = services_new(self->entry->outcomes->len);
    self->left = self->shares->len + 1; /* and this function */
    for (guint i = 0; i < self->shares->len; i++)
        share_start(self->shares->pdata[i], on_share_begins, on_share_done, self);
    if (self->left > 1 && !is_wanted(self))
        drop(self);
    else
        count_down(self);
}

static void
destroy(void *user)
{
    Delivery *self = user;

    g_ptr_array_unref(self->shares);
    if (self->services)
        g_array_unref(self->services);
    g_clear_error(&self->error);
    entry_free(self->entry);
    g_hash_table_unref(self->world.throttles);
    g_hash_table_unref(self->world.tokens);
    g_free(self);
}

static const WorkOps preparation = { run_preparation, on_prepared, destroy };

static void
start_round(Delivery *self)
{
    const DeliveryWorld *world = &self->world;
    bool small = spool_length(self->entry->spool) <= SMALL_MAIL_BYTES;

    self->work = small ? work_lane_start(world->lane, &preparation, self)
                       : work_start(world->loop, &preparation, self);
}

static Delivery *
delivery_new(const DeliveryWorld *world, Entry *entry)
{
    Delivery *self = g_new0(Delivery, 1);

    self->world = *world;
    g_hash_table_ref(world->throttles); /* a worker may look into them when the relay is gone */
    g_hash_table_ref(world->tokens);
    self->entry = entry;
    self->shares = g_ptr_array_new_with_free_func((GDestroyNotify) share_free);
    return self;
}

Delivery *
delivery_start(const DeliveryWorld *world, Entry *entry, DeliveryDone done, void *user)
{
    Delivery *self = delivery_new(world, entry);

    self->done = done;
    self->user = user;
    start_round(self);
    return self;
}

Delivery *
delivery_prepare(const DeliveryWorld *world, Entry *entry)
{
    Delivery *self = delivery_new(world, entry);

    run_preparation(self);
    return self;
}

const GError *
delivery_error(const Delivery *self)
{
    return self->error;
}

const GPtrArray *
delivery_shares(const Delivery *self)
{
    return self->shares;
}

void
delivery_abort(Delivery *self)
{
    Outcome untried = { 0 };

    if (self->work && self->rounds == 0) {
        /* The entry is the worker's, but for the id, which nobody changes. */
        Reply reply = { 451, "4.3.2", (char *) SHUTTING_DOWN };
        report_dropped(self->entry->id, SHUTTING_DOWN);
        self->done(self, &reply, self->user);
        return;
    }
    if (self->work) {
        finish(self);
        return;
    }
    outcome_set(&untried, OUTCOME_TRANSIENT, 451, "4.3.2", SHUTTING_DOWN);
    give_up(self, &untried);
    outcome_clear(&untried);
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
