#include "relay/tries.h"

static void
note_call(EntryTry *try, const Service *service)
{
    g_free(try->account);
    g_free(try->call_key);
    try->account = g_strdup(service->provider->name);
    try->call_key = g_strdup(service->call);
}

void
tries_note_calling(Entry *entry, guint place, const Service *service)
{
    EntryTry *try = &g_array_index(entry->tries, EntryTry, place);

    note_call(try, service);
    try->calling = true;
}

void
tries_note_outcome(Entry *entry, guint place, const Service *service, const Outcome *outcome)
{
    tries_note_result(entry, place, service, outcome->verdict);
    if (outcome->verdict != OUTCOME_OPEN && outcome->verdict != OUTCOME_TRANSIENT)
        outcome_copy(&g_array_index(entry->outcomes, Outcome, place), outcome);
}

void
tries_note_result(Entry *entry, guint place, const Service *service, OutcomeVerdict verdict)
{
    EntryTry *try = &g_array_index(entry->tries, EntryTry, place);

    try->calling = false;
    if (!service->call)
        return;
    note_call(try, service);
    try->maybe_taken |= verdict == OUTCOME_UNKNOWN || entry->cut_off;
}
