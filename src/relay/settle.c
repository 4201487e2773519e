#include "relay/settle.h"

#include <stdbool.h>

/* Which outcome speaks for the whole mail: the first of the highest rank. */
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

static const Outcome *
deciding(const GArray *outcomes)
{
    const Outcome *chosen = &g_array_index(outcomes, Outcome, 0);

    for (guint i = 1; i < outcomes->len; i++) {
        const Outcome *outcome = &g_array_index(outcomes, Outcome, i);
        if (rank(outcome->verdict) > rank(chosen->verdict))
            chosen = outcome;
    }
    return chosen;
}

/* The first id behind "queued as", those of further calls on lines of their own. */
static void
accepted(const GArray *outcomes, Reply *reply)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) text = g_string_new("Ok: queued as");

    for (guint i = 0; i < outcomes->len; i++) {
        const Outcome *outcome = &g_array_index(outcomes, Outcome, i);
        if (!outcome->remote_id || !g_hash_table_add(seen, outcome->remote_id))
            continue;
        guint n = g_hash_table_size(seen);
        if (n <= SETTLE_MAX_IDS)
            g_string_append_printf(text, "%s%s", n == 1 ? " " : "\n", outcome->remote_id);
    }
    guint n = g_hash_table_size(seen);
    if (n > SETTLE_MAX_IDS)
        g_string_append_printf(text, "\nand %u more, see the log", n - SETTLE_MAX_IDS);
    reply_set(reply, 250, "2.0.0", "%s", text->str);
}

void
settle_decide(const GArray *outcomes, Reply *reply)
{
    g_assert(outcomes->len > 0);
    const Outcome *outcome = deciding(outcomes);

    if (outcome->verdict == OUTCOME_DELIVERED)
        accepted(outcomes, reply);
    else if (outcome->verdict == OUTCOME_OPEN)
        reply_set(reply, 451, "4.3.0", "Not tried");
    else
        reply_set(reply, outcome->code, g_intern_string(outcome->dsn), "%s", outcome->text);
}
