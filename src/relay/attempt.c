#include "relay/attempt.h"

enum { ATTEMPT_MAX_STEPS = 3 };

struct Attempt {
    HttpClient *http;
    AttemptJob job;
    CallTry try;
    GArray *outcomes;
    HttpExchange *exchange;
    guint steps;
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
send_step(Attempt *self, HttpRequest *request)
{
    self->steps++;
    self->exchange = http_send(self->http, request, on_response, self);
}

static void
on_response(const HttpResponse *response, void *user)
{
    Attempt *self = user;
    const AttemptJob *job = &self->job;
    Outcome *outcomes = (Outcome *) self->outcomes->data;

    self->exchange = NULL;
    self->api_us += response->elapsed_us;
    HttpRequest *next = job->provider->driver->judge(job->provider, &self->try, response, outcomes);
    if (next && self->steps < ATTEMPT_MAX_STEPS) {
        send_step(self, next);
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
    self->job = *job;
    self->outcomes = outcomes_new(call_size(job->call));
    self->done = done;
    self->user = user;
    self->try = (CallTry) { .mail = job->mail, .call = job->call };
    send_step(self, job->provider->driver->build(job->provider, &self->try));
    return self;
}

GArray *
attempt_outcomes(Attempt *self)
{
    close_open(self, OUTCOME_UNKNOWN, "4.4.2", "Ended before the API had answered");
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
    g_array_unref(self->outcomes);
    g_free(self);
}
