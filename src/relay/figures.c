#include "relay/figures.h"

static Meter outcomes = { "shimta_outcomes_total", "Outcomes of recipients; deferred: another try follows",
                          METER_COUNTER, { "account", "result" } };
static Meter codes = { "shimta_outcome_codes_total", "Outcomes of recipients by enhanced status code (RFC 3463)",
                       METER_COUNTER, { "account", "code" } };
static Meter requests = { "shimta_api_requests_total", "HTTP requests to the API, by status or by what went wrong",
                          METER_COUNTER, { "account", "status" } };
static Meter seconds = { "shimta_api_request_duration_seconds", "Time from a request to its whole answer",
                         METER_HISTOGRAM, { "account" } };
static Meter calls = { "shimta_api_calls_total", "Calls that create mail", METER_COUNTER, { "account" } };
static Meter retries = { "shimta_api_retries_total", "Those of them for mails that were tried before", METER_COUNTER,
                         { "account" } };
static Meter stopped = { "shimta_suppressed_recipients_total",
                         "Recipients refused or left out, being on the list of suppressed addresses", METER_COUNTER,
                         { "account", "kind" } };
static Meter queued = { "shimta_queued_total", "Mails that were stored in the queue", METER_COUNTER, { NULL } };
static Meter held = { "shimta_held_total", "Mails that were left to the operator", METER_COUNTER, { NULL } };
static Meter notices = { "shimta_notices_total", "Notices to senders: bounces, delays, relayed", METER_COUNTER, { NULL } };
static Meter duplicates = { "shimta_duplicates_total", "Mails that came again and were not sent again", METER_COUNTER,
                            { NULL } };

Meter *const relay_figures[] = { &outcomes, &codes, &requests, &seconds, &calls, &retries,
                                 &stopped,  &queued, &held,    &notices, &duplicates, NULL };

void
figures_outcome(const Provider *account, const char *result, const Outcome *outcome)
{
    const char *name = account ? account->name : "none";

    meter_add(&outcomes, 1, name, result);
    meter_add(&codes, 1, name, outcome->dsn);
}

void
figures_request(const Provider *account, const HttpResponse *response)
{
    static const char *const problems[] = { "", "not-sent", "no-answer", "cut-short" };
    char status[16];

    g_snprintf(status, sizeof status, "%d", response->status);
    meter_add(&requests, 1, account->name, response->transport == HTTP_OK ? status : problems[response->transport]);
    meter_observe(&seconds, (double) response->elapsed_us / 1e6, account->name);
}

void
figures_call(const Provider *account, bool again)
{
    meter_add(&calls, 1, account->name, NULL);
    if (again)
        meter_add(&retries, 1, account->name, NULL);
}

void
figures_stopped(const Provider *account, const char *kind)
{
    meter_add(&stopped, 1, account->name, kind);
}

void
figures_queued(void)
{
    meter_add(&queued, 1, NULL, NULL);
}

void
figures_notice(void)
{
    meter_add(&notices, 1, NULL, NULL);
}

void
figures_duplicate(void)
{
    meter_add(&duplicates, 1, NULL, NULL);
}

void
figures_held(void)
{
    meter_add(&held, 1, NULL, NULL);
}
