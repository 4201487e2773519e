#include "relay/delivery.h"

#include "io/worker.h"
#include "relay/adapt.h"
#include "relay/attempt.h"
#include "relay/report.h"
#include "relay/rewrite.h"
#include "relay/route.h"
#include "relay/settle.h"

#define SHUTTING_DOWN "Shutting down, try again later"

struct Delivery {
    HttpClient *http;
    const RelaySettings *settings;
    const Provider *provider;
    Throttle *throttle;
    Token *token; /* or NULL */
    Entry *entry;
    Work *work; /* while it lasts, entry, mail and error are the worker's */
    Mail *mail;
    GError *error;
    GPtrArray *calls; /* of Call */
    Ticket ticket;
    bool placed; /* holds one of the throttle's places */
    Attempt *attempt;
    gint64 api_us;
    DeliveryDone done;
    void *user;
};

/* What the client is told when the mail could not be translated. */
static const struct {
    MailError error;
    OutcomeVerdict verdict;
    int code;
    const char *dsn;
} mail_errors[] = {
    { MAIL_ERROR_SYNTAX, OUTCOME_PERMANENT, 554, "5.6.0" },
    { MAIL_ERROR_LOOP, OUTCOME_PERMANENT, 554, "5.4.6" },
    { MAIL_ERROR_ENCRYPTED, OUTCOME_PERMANENT, 554, "5.6.1" },
    { MAIL_ERROR_NO_SENDER, OUTCOME_PERMANENT, 554, "5.6.0" },
    { MAIL_ERROR_NO_RECIPIENT, OUTCOME_PERMANENT, 554, "5.5.4" },
    { MAIL_ERROR_READ, OUTCOME_TRANSIENT, 451, "4.3.0" },
};

static void
finish(Delivery *self)
{
    Reply reply = { 0 };

    settle_decide(self->entry->outcomes, &reply);
    report_outcomes(self->entry, self->provider, self->api_us);
    self->done(self, &reply, self->user);
    reply_clear(&reply);
}

/* The same outcome for everyone; for the mail as a whole when nobody is known yet. */
static void
finish_all(Delivery *self, const Outcome *outcome)
{
    GArray *outcomes = self->entry->outcomes;

    if (outcomes->len == 0)
        g_array_set_size(outcomes, 1);
    for (guint i = 0; i < outcomes->len; i++)
        outcome_copy(&g_array_index(outcomes, Outcome, i), outcome);
    finish(self);
}

static void
finish_with(Delivery *self, OutcomeVerdict verdict, int code, const char *dsn, const char *text)
{
    Outcome outcome = { 0 };

    outcome_set(&outcome, verdict, code, dsn, text);
    finish_all(self, &outcome);
    outcome_clear(&outcome);
}

static void
finish_untranslated(Delivery *self)
{
    const GError *error = self->error;
    guint last = G_N_ELEMENTS(mail_errors) - 1;
    guint i = 0;

    while (i < last && !g_error_matches(error, MAIL_ERROR, mail_errors[i].error))
        i++;
    finish_with(self, mail_errors[i].verdict, mail_errors[i].code, mail_errors[i].dsn, error->message);
}

/* The call's outcomes become those of the entry's recipients. */
static void
take_outcomes(Delivery *self, const GArray *from)
{
    const Call *call = self->calls->pdata[0];
    const GPtrArray *recipients = self->entry->envelope->recipients;

    for (guint i = 0; i < from->len; i++) {
        const char *address = call_recipient(call, i)->address;
        for (guint k = 0; k < recipients->len; k++) {
            const EnvelopeRecipient *recipient = recipients->pdata[k];
            if (g_str_equal(recipient->address, address))
                outcome_copy(&g_array_index(self->entry->outcomes, Outcome, k), &g_array_index(from, Outcome, i));
        }
    }
}

static void
on_attempted(Attempt *attempt, void *user)
{
    Delivery *self = user;
    const GArray *outcomes = attempt_outcomes(attempt);
    const Outcome *first = &g_array_index(outcomes, Outcome, 0);

    self->api_us = attempt_api_us(attempt);
    if (first->retry_after_ms > 0)
        throttle_pause(self->throttle, first->retry_after_ms);
    take_outcomes(self, outcomes);
    finish(self);
}

/* A place is ours, until the delivery is freed. */
static void
start_call(Delivery *self)
{
    gint64 pause_ms = throttle_paused_ms(self->throttle);

    self->placed = true;
    if (pause_ms > 0) {
        g_autofree char *text = g_strdup_printf("The API asked for a pause, %" G_GINT64_FORMAT " s are left",
                                                (pause_ms + 999) / 1000);
        finish_with(self, OUTCOME_TRANSIENT, 451, "4.3.2", text);
        return;
    }
    AttemptJob job = {
        .provider = self->provider,
        .token = self->token,
        .mail = self->mail,
        .call = self->calls->pdata[0],
    };
    self->attempt = attempt_start(self->http, &job, on_attempted, self);
}

static void
on_turn(Ticket *ticket)
{
    Delivery *self = (Delivery *) ((char *) ticket - G_STRUCT_OFFSET(Delivery, ticket));

    start_call(self);
}

/* What stands in the way of the one call that there may be. */
static bool
is_sendable(const Delivery *self, Outcome *refusal)
{
    if (!adapt_fits(self->mail, &self->provider->limits, refusal))
        return false;
    if (self->calls->len != 1) {
        g_autofree char *text = g_strdup_printf("Not yet supported: recipients that need %u calls", self->calls->len);
        outcome_set(refusal, OUTCOME_PERMANENT, 554, "5.6.0", text);
        return false;
    }
    return adapt_addresses_fit(self->mail, self->calls->pdata[0], refusal);
}

static void
on_translated(void *user)
{
    Delivery *self = user;
    Outcome refusal = { 0 };

    self->work = NULL;
    if (self->error) {
        finish_untranslated(self);
        return;
    }
    report_notes(self->entry, self->mail);
    g_autoptr(Recipients) recipients = recipients_classify(self->entry->envelope->recipients, self->mail);
    self->calls = self->provider->driver->partition(self->provider, self->mail, recipients, self->entry->id);
    if (!is_sendable(self, &refusal)) {
        finish_all(self, &refusal);
        outcome_clear(&refusal);
        return;
    }
    if (throttle_enter(self->throttle, &self->ticket))
        start_call(self);
}

/* Worker thread. */
static void
run_translation(void *user)
{
    Delivery *self = user;
    Entry *entry = self->entry;
    const Localities *where = &self->settings->where;

    entry_set_envelope(entry, rewrite_envelope(entry->envelope, where));
    g_autoptr(Message) message = message_open(entry->spool, entry->scan, &self->error);
    if (!message)
        return;
    TranslateContext context = {
        .conf = &self->provider->translate,
        .hostname = self->settings->hostname,
        .default_domain = where->default_domain,
        .id = entry->id,
        .envelope = entry->envelope,
        .text_chars = self->provider->limits.text_chars,
        .html_chars = self->provider->limits.html_chars,
        .header_bytes = self->provider->limits.header_bytes,
    };
    self->mail = mail_from_message(message, &context, &self->error);
    if (!self->mail || !entry->envelope->from_headers)
        return;
    rewrite_add_header_recipients(entry->envelope, self->mail, where);
    entry_set_envelope(entry, entry->envelope);
}

static void
destroy(void *user)
{
    Delivery *self = user;

    attempt_free(self->attempt);
    if (self->calls)
        g_ptr_array_unref(self->calls);
    mail_free(self->mail);
    g_clear_error(&self->error);
    entry_free(self->entry);
    g_free(self);
}

static const WorkOps translation = { run_translation, on_translated, destroy };

Delivery *
delivery_start(const DeliveryWorld *world, Entry *entry, DeliveryDone done, void *user)
{
    Delivery *self = g_new0(Delivery, 1);

    self->http = world->http;
    self->settings = world->settings;
    self->provider = route_choose(world->settings, entry->envelope);
    self->throttle = g_hash_table_lookup(world->throttles, self->provider);
    self->token = g_hash_table_lookup(world->tokens, self->provider);
    self->entry = entry;
    self->ticket.turn = on_turn;
    self->done = done;
    self->user = user;
    self->work = work_start(world->loop, &translation, self);
    return self;
}

void
delivery_abort(Delivery *self)
{
    if (self->work) {
        /* The entry is the worker's, but for the id, which nobody changes. */
        Reply reply = { 451, "4.3.2", (char *) SHUTTING_DOWN };
        report_dropped(self->entry->id, SHUTTING_DOWN);
        self->done(self, &reply, self->user);
    } else if (self->attempt) {
        take_outcomes(self, attempt_outcomes(self->attempt));
        finish(self);
    } else {
        finish_with(self, OUTCOME_TRANSIENT, 451, "4.3.2", SHUTTING_DOWN);
    }
}

void
delivery_free(Delivery *self)
{
    if (self->work) {
        work_cancel(&self->work); /* destroy() comes when no worker uses it any more */
        return;
    }
    Throttle *throttle = self->throttle;
    bool placed = self->placed;

    throttle_forget(throttle, &self->ticket);
    destroy(self);
    if (placed)
        throttle_leave(throttle);
}
