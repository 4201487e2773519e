#include "relay/attempt.h"

#include "base/clock.h"
#include "base/crash_point.h"
#include "relay/figures.h"
#include "relay/hold.h"

enum { ATTEMPT_MAX_STEPS = 10 }; /* a look-up may ask for each day of a week */

struct Attempt {
    HttpClient *http;
    const Provider *provider;
    Token *token;
    TokenWait wait;
    Secret *secret; /* the token used now */
    CallTry try;
    gint64 hold_until_ms;
    GArray *outcomes;
    HttpExchange *exchange;
    guint steps;
    bool sent, renewed;
    gint64 api_us;
    AttemptDone done;
    void *user;
};

/* Outcomes that are open still become this. */
static void
close_open(Attempt *self, OutcomeVerdict verdict, const char *dsn, const char *text)
{
    for (guint i = 0; i < self->outcomes->len; i++) {
        Outcome *outcome = &g_array_index(self->outcomes, Outcome, i);
        if (outcome->verdict == OUTCOME_OPEN)
            outcome_set(outcome, verdict, 451, dsn, text);
    }
}

static void on_response(const HttpResponse *response, void *user);

static void
send_request(Attempt *self, HttpRequest *request)
{
    crash_point("before-call");
    self->sent = true;
    self->exchange = http_send(self->http, request, on_response, self);
}

static void
send_with(Attempt *self, const Secret *token)
{
    secret_free(self->secret);
    self->secret = token ? secret_new(secret_reveal(token)) : NULL; /* outlives the renewals of others */
    self->try.token = self->secret;
    self->try.send_at_ms = hold_send_at(self->hold_until_ms, clock_now());
    send_request(self, self->provider->driver->build(self->provider, &self->try));
}

static void
reopen(Attempt *self)
{
    for (guint i = 0; i < self->outcomes->len; i++)
        outcome_clear(&g_array_index(self->outcomes, Outcome, i));
}

/* What a refused request was judged to mean stands if there is no new token for it. */
static void
on_token(TokenWait *wait, const Secret *token, const Outcome *refusal)
{
    Attempt *self = (Attempt *) ((char *) wait - G_STRUCT_OFFSET(Attempt, wait));

    if (token) {
        reopen(self);
        send_with(self, token);
        return;
    }
    for (guint i = 0; !self->sent && i < self->outcomes->len; i++)
        outcome_copy(&g_array_index(self->outcomes, Outcome, i), refusal);
    self->done(self, self->user);
}

/* True: the request goes out once more, now or when there is a token. */
static bool
renew(Attempt *self, const HttpResponse *response)
{
    bool refused = response->transport == HTTP_OK && (response->status == 401 || response->status == 403);

    if (!refused || !self->token || self->renewed)
        return false;
    self->renewed = true;
    token_refused(self->token, self->secret);
    const Secret *token = token_get(self->token, &self->wait);
    if (token)
        on_token(&self->wait, token, NULL);
    return true;
}

static void
on_response(const HttpResponse *response, void *user)
{
    Attempt *self = user;
    Outcome *outcomes = (Outcome *) self->outcomes->data;

    crash_point("call-answered");
    self->exchange = NULL;
    self->api_us += response->elapsed_us;
    figures_request(self->provider, response);
    HttpRequest *next = self->provider->driver->judge(self->provider, &self->try, response, outcomes);
    if (!next && renew(self, response))
        return;
    self->steps++;
    if (next && self->steps < ATTEMPT_MAX_STEPS) {
        send_request(self, next);
        return;
    }
    http_request_free(next);
    close_open(self, OUTCOME_TRANSIENT, "4.3.0", "The API's answers came to no end");
    self->done(self, self->user);
}

Attempt *
attempt_start(HttpClient *http, const AttemptJob *job, AttemptDone done, void *user)
{
    Attempt *self = g_new0(Attempt, 1);

    self->http = http;
    self->provider = job->provider;
    self->token = job->token;
    self->wait.ready = on_token;
    self->try = (CallTry) {
        .mail = job->mail,
        .call = job->call,
        .maybe_taken = job->maybe_taken,
        .since_ms = job->since_ms,
    };
    self->hold_until_ms = job->hold_until_ms;
    self->outcomes = outcomes_new(call_size(job->call));
    self->done = done;
    self->user = user;
    const Secret *token = self->token ? token_get(self->token, &self->wait) : NULL;
    if (token || !self->token)
        send_with(self, token);
    return self;
}

GArray *
attempt_outcomes(Attempt *self)
{
    if (self->sent)
        close_open(self, OUTCOME_UNKNOWN, "4.4.2", "Ended before the API had answered");
    else
        close_open(self, OUTCOME_TRANSIENT, "4.3.2", "Ended before there was a token for the API");
    return self->outcomes;
}

gint64
attempt_api_us(const Attempt *self)
{
    return self->api_us;
}

void
attempt_free(Attempt *self)
{
    if (!self)
        return;
    http_cancel(&self->exchange);
    if (self->token)
        token_forget(self->token, &self->wait);
    secret_free(self->secret);
    g_array_unref(self->outcomes);
    g_free(self);
}
