#include "relay/tries.h"

void
tries_note_call(Entry *entry, guint place, const Service *service, bool maybe_taken)
{
    EntryTry *try = &g_array_index(entry->tries, EntryTry, place);

    g_free(try->account);
    g_free(try->call_key);
    try->account = g_strdup(service->provider->name);
    try->call_key = g_strdup(service->call);
    try->maybe_taken |= maybe_taken;
}

void
tries_note_outcome(Entry *entry, guint place, const Service *service, const Outcome *outcome)
{
    if (service->call)
        tries_note_call(entry, place, service, outcome->verdict == OUTCOME_UNKNOWN);
    if (outcome->verdict != OUTCOME_OPEN && outcome->verdict != OUTCOME_TRANSIENT)
        outcome_copy(&g_array_index(entry->outcomes, Outcome, place), outcome);
}
