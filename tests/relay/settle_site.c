#include "settle_site.h"

#include <string.h>

const RetryConf settle_retry = { 60 * 1000, 3600 * 1000 };

static void
set(Outcome *outcome, char letter)
{
    switch (letter) {
    case 'D':
    case 'd':
        outcome_set(outcome, OUTCOME_DELIVERED, 250, "2.0.0", "Ok");
        outcome->remote_id = g_strdup(letter == 'D' ? "<1@api>" : "<2@api>");
        break;
    case 'P':
        outcome_set(outcome, OUTCOME_PERMANENT, 553, "5.1.3", "bad address");
        break;
    case 'p':
        outcome_set(outcome, OUTCOME_PERMANENT, 550, "5.7.1", "no DKIM");
        break;
    case 'T':
        outcome_set(outcome, OUTCOME_TRANSIENT, 454, "4.7.0", "wrong key");
        break;
    case 't':
        outcome_set(outcome, OUTCOME_TRANSIENT, 451, "4.3.2", "busy");
        break;
    case 'U':
        outcome_set(outcome, OUTCOME_UNKNOWN, 451, "4.4.2", "no answer");
        break;
    case 'O':
        break;
    default:
        g_assert_not_reached();
    }
}

/* One recipient for each letter. */
Entry *
settle_entry(const char *letters)
{
    Envelope *envelope = envelope_new("me@x.test");
    guint n = (guint) strlen(letters);

    for (guint i = 0; i < n; i++) {
        g_autofree char *address = g_strdup_printf("to%u@x.test", i);
        envelope_add_recipient(envelope, address);
    }
    Entry *entry = entry_new(envelope, spool_new(1024, NULL), NULL);
    g_free(entry->id);
    entry->id = g_strdup("id");
    entry->arrived_ms = NOW;
    entry->expires_ms = NOW + 5 * DAY;
    entry->attempts = 1;
    for (guint i = 0; i < n; i++)
        set(&g_array_index(entry->outcomes, Outcome, i), letters[i]);
    return entry;
}

SettleFacts
settle_facts(const Entry *entry, DeliveryMode mode)
{
    return (SettleFacts) {
        .entry = entry,
        .mode = mode,
        .waiting = !entry->stored,
        .has_store = true,
        .now_ms = NOW,
        .retry = &settle_retry,
        .delay_warning_ms = 4 * HOUR,
    };
}

/* "013" */
static char *
digits(const GArray *places)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < places->len; i++)
        g_string_append_printf(out, "%u", g_array_index(places, guint, i));
    return g_string_free(out, FALSE);
}

void
settle_assert_places(const GArray *places, const char *wanted)
{
    g_autofree char *got = digits(places);

    g_assert_cmpstr(got, ==, wanted ? wanted : "");
}
