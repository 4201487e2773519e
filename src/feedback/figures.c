#include "feedback/figures.h"

static Meter events = { "shimta_feedback_events_total", "What the APIs have told of mails that they had taken",
                        METER_COUNTER, { "account", "event" } };
static Meter suppressed = { "shimta_suppressed_total", "Addresses that were put on the list of suppressed ones",
                            METER_COUNTER, { "account", "kind" } };
static Meter told = { "shimta_feedback_bounces_total", "Bounces of mails that an API had taken", METER_COUNTER,
                      { "account" } };
static Meter lost = { "shimta_feedback_bounces_lost_total", "Bounces that had to be given up", METER_COUNTER,
                      { "account" } };
static Meter asked = { "shimta_feedback_requests_total", "Questions to the APIs, by what came of them", METER_COUNTER,
                       { "account", "result" } };

Meter *const feedback_figures[] = { &events, &suppressed, &told, &lost, &asked, NULL };

void
figures_event(const char *account, const char *kind)
{
    meter_add(&events, 1, account, kind);
}

void
figures_suppressed(const char *account, const char *kind)
{
    meter_add(&suppressed, 1, account, kind);
}

void
figures_told(const char *account)
{
    meter_add(&told, 1, account, NULL);
}

void
figures_lost(const char *account)
{
    meter_add(&lost, 1, account, NULL);
}

void
figures_asked(const char *account, const char *result)
{
    meter_add(&asked, 1, account, result);
}
