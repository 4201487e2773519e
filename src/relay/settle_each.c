#include "relay/settle_each.h"

#include "relay/settle_reply.h"

static OutcomeVerdict
verdict_at(const Entry *entry, guint place)
{
    return g_array_index(entry->outcomes, Outcome, place).verdict;
}

static EachFate *
fate_at(const GArray *fates, guint place)
{
    return &g_array_index(fates, EachFate, place);
}

static bool
is_any(const GArray *fates, const GArray *places, EachFate one, EachFate other)
{
    for (guint i = 0; i < places->len; i++) {
        guint place = g_array_index(places, guint, i);
        if (place < fates->len && (*fate_at(fates, place) == one || *fate_at(fates, place) == other))
            return true;
    }
    return false;
}

static bool
is_taken(const GArray *fates, const GArray *places)
{
    return is_any(fates, places, EACH_DELIVERED, EACH_KEPT);
}

static EachFate
fate_alone(OutcomeVerdict verdict, EachKeeps keeps)
{
    switch (verdict) {
    case OUTCOME_DELIVERED:
        return EACH_DELIVERED;
    case OUTCOME_UNKNOWN:
        return keeps == EACH_KEEPS_NOTHING ? EACH_DROPPED : EACH_KEPT;
    case OUTCOME_TRANSIENT:
    case OUTCOME_OPEN:
        return keeps == EACH_KEEPS_ALL ? EACH_KEPT : EACH_DROPPED;
    case OUTCOME_PERMANENT:
        break;
    }
    return EACH_DROPPED;
}

/* The name is accepted: whoever it stands for gets the mail, or the sender hears of it. True: something is kept that
 * was not, by which another name may be accepted. */
static bool
accept_name(const Entry *entry, const GArray *places, EachKeeps keeps, GArray *fates)
{
    bool more = false;

    for (guint i = 0; i < places->len; i++) {
        guint place = g_array_index(places, guint, i);
        if (place >= fates->len || *fate_at(fates, place) != EACH_DROPPED)
            continue;
        bool fails = verdict_at(entry, place) == OUTCOME_PERMANENT || keeps == EACH_KEEPS_NOTHING;
        *fate_at(fates, place) = fails ? EACH_FAILED : EACH_KEPT;
        more |= !fails;
    }
    return more;
}

GArray *
each_fates(const Entry *entry, EachKeeps keeps)
{
    const GPtrArray *asked = entry->envelope->asked;
    GArray *fates = g_array_new(FALSE, FALSE, sizeof(EachFate));
    bool more = true;

    for (guint i = 0; i < entry->outcomes->len; i++) {
        EachFate fate = fate_alone(verdict_at(entry, i), keeps);
        g_array_append_val(fates, fate);
    }
    while (more) {
        more = false;
        for (guint i = 0; i < asked->len; i++)
            more |= is_taken(fates, asked->pdata[i]) && accept_name(entry, asked->pdata[i], keeps, fates);
    }
    return fates;
}

static void
each_reply_clear(void *data)
{
    reply_clear(&((EachReply *) data)->reply);
}

static void
sum_up(const Entry *entry, const GArray *replies, bool kept, Reply *all)
{
    guint accepted = 0;

    for (guint i = 0; i < replies->len; i++)
        accepted += g_array_index(replies, EachReply, i).reply.code == 250;
    if (accepted == 0 || accepted == replies->len)
        settle_reply(entry, NULL, accepted > 0 && kept, all);
    else
        reply_set(all, 451, "4.3.0", "Not the same for all recipients");
}

GArray *
each_replies(const Entry *entry, const GArray *fates, Reply *all)
{
    const GPtrArray *asked = entry->envelope->asked;
    GArray *replies = g_array_new(FALSE, TRUE, sizeof(EachReply));
    bool kept = false;

    g_array_set_clear_func(replies, each_reply_clear);
    for (guint i = 0; i < asked->len; i++) {
        const GArray *places = asked->pdata[i];
        EachReply one = { .promises = is_any(fates, places, EACH_KEPT, EACH_FAILED) };
        bool waits = is_any(fates, places, EACH_KEPT, EACH_KEPT);
        settle_reply(entry, places, waits, &one.reply);
        kept |= waits;
        g_array_append_val(replies, one);
    }
    sum_up(entry, replies, kept, all);
    return replies;
}
