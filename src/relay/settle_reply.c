#include "relay/settle_reply.h"

static bool
is_open(const Entry *entry, guint place)
{
    return place >= entry->tries->len || !g_array_index(entry->tries, EntryTry, place).closed;
}

/* A mail that was refused as a whole may have fewer outcomes than recipients. */
static const Outcome *
outcome_at(const Entry *entry, guint place)
{
    return &g_array_index(entry->outcomes, Outcome, place < entry->outcomes->len ? place : 0);
}

static guint
place_at(const GArray *places, guint i)
{
    return places ? g_array_index(places, guint, i) : i;
}

static guint
count(const Entry *entry, const GArray *places)
{
    return places ? places->len : entry->outcomes->len;
}

static int
rank(OutcomeVerdict verdict)
{
    switch (verdict) {
    case OUTCOME_PERMANENT:
        return 0;
    case OUTCOME_TRANSIENT:
    case OUTCOME_OPEN:
        return 1;
    case OUTCOME_UNKNOWN:
        return 2;
    case OUTCOME_DELIVERED:
        return 3;
    }
    return 1;
}

const Outcome *
settle_deciding(const Entry *entry, const GArray *places)
{
    const Outcome *chosen = NULL;

    for (guint i = 0; i < count(entry, places); i++) {
        const Outcome *outcome = outcome_at(entry, place_at(places, i));
        if (is_open(entry, place_at(places, i)) && (!chosen || rank(outcome->verdict) > rank(chosen->verdict)))
            chosen = outcome;
    }
    return chosen ? chosen : outcome_at(entry, 0);
}

/* The first id behind "queued as", those of further calls on lines of their own, and last that of what is kept. */
static void
accept_mail(const Entry *entry, const GArray *places, bool kept, Reply *reply)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) text = g_string_new("Ok: queued as");

    for (guint i = 0; i < count(entry, places); i++) {
        const Outcome *outcome = outcome_at(entry, place_at(places, i));
        if (!outcome->remote_id || !g_hash_table_add(seen, outcome->remote_id))
            continue;
        guint n = g_hash_table_size(seen);
        if (n <= SETTLE_MAX_IDS)
            g_string_append_printf(text, "%s%s", n == 1 ? " " : "\n", outcome->remote_id);
    }
    guint n = g_hash_table_size(seen);
    if (n > SETTLE_MAX_IDS)
        g_string_append_printf(text, "\nand %u more, see the log", n - SETTLE_MAX_IDS);
    if (kept)
        g_string_append_printf(text, "%sQ%s", n == 0 ? " " : "\n", entry->id);
    reply_set(reply, 250, "2.0.0", "%s", text->str);
}

void
settle_reply(const Entry *entry, const GArray *places, bool kept, Reply *reply)
{
    const Outcome *outcome = settle_deciding(entry, places);

    if (kept || outcome->verdict == OUTCOME_DELIVERED)
        accept_mail(entry, places, kept, reply);
    else if (outcome->verdict == OUTCOME_OPEN)
        reply_set(reply, 451, "4.3.0", "Not tried");
    else
        reply_set(reply, outcome->code, g_intern_string(outcome->dsn), "%s", outcome->text);
}
