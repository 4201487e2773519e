#include "relay/settle_reply.h"

#include "settle_site.h"
#include <string.h>

enum { MAX = 4 };

/* --- nothing is kept ----------------------------------------------------------------------------- */

/* Outcomes of the recipients as letters: Delivered, Transient, Permanent, Unknown, Open; lower case: of a second kind. */
static const struct {
    const char *outcomes;
    int code;
    const char *dsn;
    const char *text;
} rows[] = {
    { "D", 250, "2.0.0", "Ok: queued as <1@api>" },
    { "DD", 250, "2.0.0", "Ok: queued as <1@api>" },
    { "Dd", 250, "2.0.0", "Ok: queued as <1@api>\n<2@api>" },
    { "dDd", 250, "2.0.0", "Ok: queued as <2@api>\n<1@api>" },
    { "P", 553, "5.1.3", "bad address" },
    { "pP", 550, "5.7.1", "no DKIM" },
    { "T", 454, "4.7.0", "wrong key" },
    { "tT", 451, "4.3.2", "busy" },
    { "PT", 454, "4.7.0", "wrong key" },
    { "TPt", 454, "4.7.0", "wrong key" },
    { "U", 451, "4.4.2", "no answer" },
    { "TU", 451, "4.4.2", "no answer" },
    { "PU", 451, "4.4.2", "no answer" },
    /* the client's next try would reach those again who have it */
    { "DU", 250, "2.0.0", "Ok: queued as <1@api>" },
    { "DT", 250, "2.0.0", "Ok: queued as <1@api>" },
    { "PTUd", 250, "2.0.0", "Ok: queued as <2@api>" },
    { "DPdT", 250, "2.0.0", "Ok: queued as <1@api>\n<2@api>" },
    { "DO", 250, "2.0.0", "Ok: queued as <1@api>" },
    { "O", 451, "4.3.0", "Not tried" },
    { "PO", 451, "4.3.0", "Not tried" },
};


static Settlement *
decide_without_store(const Entry *entry)
{
    SettleFacts facts = settle_facts(entry, DELIVERY_WAIT);

    facts.has_store = false;
    return settle_decide(&facts);
}

static guint
undelivered(const char *outcomes)
{
    guint n = 0;

    for (; *outcomes; outcomes++)
        n += g_ascii_toupper(*outcomes) != 'D';
    return n;
}

static void
test_without_store(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Entry) entry = settle_entry(rows[i].outcomes);
        g_autoptr(Settlement) settlement = decide_without_store(entry);

        g_assert_cmpint(settlement->reply.code, ==, rows[i].code);
        g_assert_cmpstr(settlement->reply.dsn, ==, rows[i].dsn);
        g_assert_cmpstr(settlement->reply.text, ==, rows[i].text);
        /* The sender hears of those whom a 250 does not speak of, though nothing can be kept. */
        g_assert_cmpuint(settlement->failed->len, ==,
                         rows[i].code == 250 ? undelivered(rows[i].outcomes) : 0);
        g_assert_cmpint(settlement->row, ==, ROW_NONE);
        g_assert_false(settlement->promise);
    }
}

/* The text of a reply is data, whatever an API wrote into it. */
static void
test_percent(void)
{
    g_autoptr(Entry) entry = settle_entry("P");

    outcome_set(&g_array_index(entry->outcomes, Outcome, 0), OUTCOME_PERMANENT, 554, "5.6.0", "100%s %n");
    g_autoptr(Settlement) settlement = decide_without_store(entry);
    g_assert_cmpstr(settlement->reply.text, ==, "100%s %n");
}

/* Many calls: the reply has an end. */
static void
test_many_ids(void)
{
    g_autofree char *letters = g_strnfill(1000, 'D');
    g_autoptr(Entry) entry = settle_entry(letters);

    for (guint i = 0; i < entry->outcomes->len; i++) {
        Outcome *outcome = &g_array_index(entry->outcomes, Outcome, i);
        g_free(outcome->remote_id);
        outcome->remote_id = g_strdup_printf("<%u@api>", i);
    }
    g_autoptr(Settlement) settlement = decide_without_store(entry);
    g_auto(GStrv) lines = g_strsplit(settlement->reply.text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, SETTLE_MAX_IDS + 1);
    g_assert_cmpstr(lines[SETTLE_MAX_IDS - 1], ==, "<99@api>");
    g_assert_cmpstr(lines[SETTLE_MAX_IDS], ==, "and 900 more, see the log");
}

/* --- a client waits ------------------------------------------------------------------------------ */

static const struct {
    const char *outcomes;
    DeliveryMode mode;
    RowFate row;
    int code;
    const char *text;
    const char *closed, *failed;
} fresh[] = {
    { "D", DELIVERY_AUTO, ROW_NONE, 250, "Ok: queued as <1@api>", "0", "" },
    { "Dd", DELIVERY_QUEUE, ROW_NONE, 250, "Ok: queued as <1@api>\n<2@api>", "01", "" },
    { "P", DELIVERY_AUTO, ROW_NONE, 553, "bad address", "", "" },
    { "pP", DELIVERY_WAIT, ROW_NONE, 550, "no DKIM", "", "" },
    { "T", DELIVERY_AUTO, ROW_PUT, 250, "Ok: queued as Qid", "", "" },
    { "T", DELIVERY_VERDICT, ROW_PUT, 250, "Ok: queued as Qid", "", "" },
    { "T", DELIVERY_WAIT, ROW_NONE, 454, "wrong key", "", "" },
    { "TP", DELIVERY_AUTO, ROW_PUT, 250, "Ok: queued as Qid", "1", "1" },
    { "TP", DELIVERY_WAIT, ROW_NONE, 454, "wrong key", "", "" },
    { "U", DELIVERY_AUTO, ROW_PUT, 250, "Ok: queued as Qid", "", "" },
    { "U", DELIVERY_WAIT, ROW_PUT, 250, "Ok: queued as Qid", "", "" },
    { "TUP", DELIVERY_WAIT, ROW_PUT, 250, "Ok: queued as Qid", "2", "2" },
    { "DT", DELIVERY_AUTO, ROW_PUT, 250, "Ok: queued as <1@api>\nQid", "0", "" },
    { "DT", DELIVERY_WAIT, ROW_PUT, 250, "Ok: queued as <1@api>\nQid", "0", "" },
    { "PTDU", DELIVERY_WAIT, ROW_PUT, 250, "Ok: queued as <1@api>\nQid", "02", "0" },
    { "DP", DELIVERY_AUTO, ROW_NONE, 250, "Ok: queued as <1@api>", "01", "1" },
    { "DP", DELIVERY_WAIT, ROW_NONE, 250, "Ok: queued as <1@api>", "01", "1" },
    /* not tried yet */
    { "OO", DELIVERY_QUEUE, ROW_PUT, 250, "Ok: queued as Qid", "", "" },
    { "O", DELIVERY_LATER, ROW_PUT, 250, "Ok: queued as Qid", "", "" },
    { "O", DELIVERY_AUTO, ROW_PUT, 250, "Ok: queued as Qid", "", "" },
};

static void
test_fresh(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(fresh); i++) {
        g_autoptr(Entry) entry = settle_entry(fresh[i].outcomes);
        SettleFacts facts = settle_facts(entry, fresh[i].mode);
        g_autoptr(Settlement) settlement = settle_decide(&facts);

        g_test_message("%s in mode %d", fresh[i].outcomes, fresh[i].mode);
        g_assert_cmpint(settlement->row, ==, fresh[i].row);
        g_assert_cmpint(settlement->reply.code, ==, fresh[i].code);
        g_assert_cmpstr(settlement->reply.text, ==, fresh[i].text);
        settle_assert_places(settlement->closed, fresh[i].closed);
        settle_assert_places(settlement->failed, fresh[i].failed);
        settle_assert_places(settlement->relayed, "");
        settle_assert_places(settlement->delayed, "");
        g_assert_null(settlement->held);
        g_assert_cmpint(settlement->promise, ==, fresh[i].row == ROW_PUT || *fresh[i].failed);
        g_assert_cmpint(settlement_writes(settlement), ==, settlement->promise);
        if (settlement->row == ROW_PUT && fresh[i].mode == DELIVERY_QUEUE)
            g_assert_cmpint(settlement->due_ms, ==, NOW);
        else if (settlement->row == ROW_PUT)
            g_assert_cmpint(settlement->due_ms, >=, NOW + 45 * 1000);
    }
}

/* The invariants behind the table, on every combination and mode: without a promise 250 if and only if everybody has it;
 * 4xx and 5xx leave nothing behind; 5xx only if nobody may still be delivered to; nobody who has it, or may have it, is
 * refused. */
static void
test_promises(void)
{
    static const char letters[] = "DTPU";

    for (guint code = 0; code < 4 * 4 * 4 * 4 * 5; code++) {
        DeliveryMode mode = DELIVERY_AUTO + code % 5;
        char word[MAX + 1] = "";
        for (guint k = 0, rest = code / 5; k < MAX; k++, rest /= 4)
            word[k] = letters[rest % 4];
        g_autoptr(Entry) entry = settle_entry(word);
        SettleFacts facts = settle_facts(entry, mode);
        g_autoptr(Settlement) settlement = settle_decide(&facts);
        bool anyone = strpbrk(word, "DU") != NULL, all_failed = !strpbrk(word, "DUT");
        bool all = strspn(word, "D") == MAX;

        g_assert_cmpint(settlement->reply.code == 250 && !settlement->promise, ==, all);
        g_assert_cmpint(settlement->reply.code / 100 == 5, ==, all_failed);
        if (settlement->reply.code != 250) {
            g_assert_false(settlement_writes(settlement));
            g_assert_false(anyone);
        }
    }
}

/* sendmail -oem: what is refused at once comes back by mail as well. */
static void
test_bounce_refusals(void)
{
    g_autoptr(Entry) entry = settle_entry("PP");
    SettleFacts facts = settle_facts(entry, DELIVERY_AUTO);

    entry->envelope->bounce_refusals = true;
    g_autoptr(Settlement) settlement = settle_decide(&facts);
    settle_assert_places(settlement->failed, "01");
    g_assert_cmpint(settlement->row, ==, ROW_NONE);
    g_assert_cmpint(settlement->reply.code, ==, 553);
    g_assert_false(settlement->promise);
}

/* A client that has left: nothing was promised. */
static void
test_nobody(void)
{
    g_autoptr(Entry) entry = settle_entry("DTPU");
    SettleFacts facts = settle_facts(entry, DELIVERY_AUTO);

    facts.waiting = false;
    g_autoptr(Settlement) settlement = settle_decide(&facts);
    g_assert_false(settlement_writes(settlement));
}

/* --- nobody waits -------------------------------------------------------------------------------- */

enum { EXPIRED = 1, HOLDS = 2, NULL_SENDER = 4, BOUNCE = 8, LATE = 16, TOLD = 32, STOPPING = 64 };

static const struct {
    const char *outcomes; /* C: closed before */
    guint flags;
    RowFate row;
    bool held;
    const char *closed, *failed, *delayed;
} stored[] = {
    { "D", 0, ROW_REMOVE, false, "0", "", "" },
    { "CD", 0, ROW_REMOVE, false, "1", "", "" },
    { "DT", 0, ROW_UPDATE, false, "0", "", "" },
    { "P", 0, ROW_REMOVE, false, "0", "0", "" },
    { "CP", 0, ROW_REMOVE, false, "1", "1", "" },
    { "DPT", 0, ROW_UPDATE, false, "01", "1", "" },
    { "U", 0, ROW_UPDATE, false, "", "", "" },
    { "U", HOLDS, ROW_UPDATE, true, "", "", "" },
    { "DPU", HOLDS, ROW_UPDATE, true, "01", "1", "" },
    { "T", HOLDS, ROW_UPDATE, false, "", "", "" },
    { "T", EXPIRED, ROW_REMOVE, false, "0", "0", "" },
    { "TUD", EXPIRED, ROW_REMOVE, false, "012", "01", "" },
    { "T", EXPIRED | STOPPING, ROW_UPDATE, false, "", "", "" },
    /* nobody can be told: nothing goes silently */
    { "P", NULL_SENDER, ROW_UPDATE, true, "", "", "" },
    { "P", BOUNCE, ROW_UPDATE, true, "", "", "" },
    { "T", BOUNCE | EXPIRED, ROW_UPDATE, true, "", "", "" },
    { "T", BOUNCE, ROW_UPDATE, false, "", "", "" },
    { "TP", NULL_SENDER, ROW_UPDATE, false, "", "", "" },
    { "DP", NULL_SENDER, ROW_UPDATE, true, "0", "", "" },
    { "D", BOUNCE, ROW_REMOVE, false, "0", "", "" },
    /* delays are told once */
    { "T", LATE, ROW_UPDATE, false, "", "", "0" },
    { "CTDUP", LATE, ROW_UPDATE, false, "24", "4", "13" },
    { "T", LATE | TOLD, ROW_UPDATE, false, "", "", "" },
    { "T", LATE | BOUNCE, ROW_UPDATE, false, "", "", "" },
    { "U", LATE | HOLDS, ROW_UPDATE, true, "", "", "" },
    { "D", LATE, ROW_REMOVE, false, "0", "", "" },
};

static Entry *
stored_entry(const char *letters, guint flags)
{
    g_autofree char *plain = g_strdelimit(g_strdup(letters), "C", 'D');
    Entry *entry = settle_entry(plain);

    entry->stored = true;
    entry->attempts = 10;
    entry->is_bounce = flags & BOUNCE;
    entry->delay_told = flags & TOLD;
    if (flags & EXPIRED)
        entry->expires_ms = NOW;
    if (flags & LATE)
        entry->arrived_ms = NOW - 4 * HOUR;
    if (flags & NULL_SENDER)
        *entry->envelope->sender = '\0';
    for (guint i = 0; letters[i]; i++)
        g_array_index(entry->tries, EntryTry, i).closed = letters[i] == 'C';
    return entry;
}

static void
test_stored(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(stored); i++) {
        g_autoptr(Entry) entry = stored_entry(stored[i].outcomes, stored[i].flags);
        SettleFacts facts = settle_facts(entry, DELIVERY_UNSET);

        facts.hold_unknown = stored[i].flags & HOLDS;
        facts.stopping = stored[i].flags & STOPPING;
        g_autoptr(Settlement) settlement = settle_decide(&facts);
        g_test_message("%s %u", stored[i].outcomes, stored[i].flags);
        g_assert_cmpint(settlement->row, ==, stored[i].row);
        g_assert_cmpint(settlement->held != NULL, ==, stored[i].held);
        settle_assert_places(settlement->closed, stored[i].closed);
        settle_assert_places(settlement->failed, stored[i].failed);
        settle_assert_places(settlement->delayed, stored[i].delayed);
        settle_assert_places(settlement->relayed, "");
        if (facts.stopping)
            g_assert_cmpint(settlement->due_ms, ==, NOW);
        else if (settlement->row == ROW_UPDATE && !settlement->held)
            g_assert_cmpint(settlement->due_ms, >=, NOW + 45 * 60 * 1000);
        settlement_apply(settlement, entry);
        g_assert_cmpint(entry_open(entry) > 0, ==, stored[i].row == ROW_UPDATE);
        g_assert_cmpint(entry->held != NULL, ==, stored[i].held);
        g_assert_cmpint(entry->delay_told, ==, (stored[i].flags & LATE) && stored[i].row == ROW_UPDATE &&
                                                   !stored[i].held);
    }
}

/* NOTIFY of RFC 3461: what the sender of a delivered, a failed and a delayed mail is told. */
static const struct {
    const char *notify;
    bool relayed, failed, delayed;
} notifies[] = {
    { NULL, false, true, true },
    { "NEVER", false, false, false },
    { "SUCCESS", true, false, false },
    { "FAILURE", false, true, false },
    { "DELAY", false, false, true },
    { "SUCCESS,FAILURE", true, true, false },
    { "SUCCESS,FAILURE,DELAY", true, true, true },
};

static void
test_notify(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(notifies); i++) {
        g_autoptr(Entry) entry = stored_entry("DPT", LATE);
        SettleFacts facts = settle_facts(entry, DELIVERY_UNSET);
        for (guint k = 0; k < 3; k++) {
            EnvelopeRecipient *recipient = entry->envelope->recipients->pdata[k];
            recipient->notify = g_strdup(notifies[i].notify);
        }
        g_autoptr(Settlement) settlement = settle_decide(&facts);
        settle_assert_places(settlement->relayed, notifies[i].relayed ? "0" : "");
        settle_assert_places(settlement->failed, notifies[i].failed ? "1" : "");
        settle_assert_places(settlement->delayed, notifies[i].delayed ? "2" : "");
        settle_assert_places(settlement->closed, "01");
    }
}

/* Word of success is a courtesy: the reply does not depend on it. */
static void
test_relayed(void)
{
    g_autoptr(Entry) entry = settle_entry("D");
    EnvelopeRecipient *recipient = entry->envelope->recipients->pdata[0];
    SettleFacts facts = settle_facts(entry, DELIVERY_AUTO);

    recipient->notify = g_strdup("SUCCESS");
    g_autoptr(Settlement) settlement = settle_decide(&facts);
    settle_assert_places(settlement->relayed, "0");
    g_assert_true(settlement_writes(settlement));
    g_assert_false(settlement->promise);
}

/* What was given up says so, and what it failed with. */
static void
test_expired_text(void)
{
    g_autoptr(Entry) entry = stored_entry("TP", EXPIRED);
    SettleFacts facts = settle_facts(entry, DELIVERY_UNSET);
    g_autoptr(Settlement) settlement = settle_decide(&facts);
    const Outcome *outcomes = (const Outcome *) entry->outcomes->data;

    settlement_apply(settlement, entry);
    g_assert_cmpint(outcomes[0].verdict, ==, OUTCOME_PERMANENT);
    g_assert_cmpstr(outcomes[0].dsn, ==, "4.4.7");
    g_assert_nonnull(strstr(outcomes[0].text, "wrong key"));
    g_assert_cmpstr(outcomes[1].dsn, ==, "5.1.3");
}

/* What an API asks for counts, the longest of them. */
static void
test_retry_after(void)
{
    g_autoptr(Entry) entry = stored_entry("CTT", 0);
    SettleFacts facts = settle_facts(entry, DELIVERY_UNSET);

    entry->attempts = 1;
    g_array_index(entry->outcomes, Outcome, 0).retry_after_ms = 20 * HOUR;
    g_array_index(entry->outcomes, Outcome, 1).retry_after_ms = HOUR / 4;
    g_array_index(entry->outcomes, Outcome, 2).retry_after_ms = HOUR / 2;
    g_autoptr(Settlement) settlement = settle_decide(&facts);
    g_assert_cmpint(settlement->due_ms, >=, NOW + HOUR / 2);
    g_assert_cmpint(settlement->due_ms, <, NOW + HOUR);
}

/* While its account pauses nothing is given up, but not for ever. */
static void
test_untried(void)
{
    g_autoptr(Entry) entry = stored_entry("T", 0);
    SettleFacts facts = settle_facts(entry, DELIVERY_UNSET);

    entry->attempts = 100;
    entry->expires_ms = NOW - 1;
    facts.untried = true;
    g_autoptr(Settlement) pausing = settle_decide(&facts);
    g_assert_cmpint(pausing->row, ==, ROW_UPDATE);
    g_assert_cmpuint(pausing->failed->len, ==, 0);
    facts.untried = false;
    g_autoptr(Settlement) tried = settle_decide(&facts);
    g_assert_cmpint(tried->row, ==, ROW_REMOVE);
    facts.untried = true;
    entry->expires_ms = NOW - HOUR;
    g_autoptr(Settlement) overdue = settle_decide(&facts);
    g_assert_cmpint(overdue->row, ==, ROW_REMOVE);
}

/* RFC 4865: whatever else would be the time of the first try. */
static void
test_hold(void)
{
    g_autoptr(Entry) entry = settle_entry("OO");
    SettleFacts facts = settle_facts(entry, DELIVERY_LATER);
    entry->envelope->hold_until_ms = NOW + HOUR;
    g_autoptr(Settlement) settlement = settle_decide(&facts);
    g_assert_cmpint(settlement->due_ms, ==, NOW + HOUR);
}

/* RFC 2852, mode N: told once when the time is over, whatever was told before; tries go on. */
static void
test_late(void)
{
    g_autoptr(Entry) entry = settle_entry("T");
    SettleFacts facts = settle_facts(entry, DELIVERY_AUTO);

    entry->stored = entry->delay_told = true;
    facts.waiting = false;
    entry->envelope->by_ms = NOW + 1;
    g_autoptr(Settlement) before = settle_decide(&facts);
    g_assert_cmpint(before->due_ms, ==, NOW + 1);
    settle_assert_places(before->delayed, "");
    entry->envelope->by_ms = NOW;
    g_autoptr(Settlement) late = settle_decide(&facts);
    settle_assert_places(late->delayed, "0");
    g_assert_cmpint(late->row, ==, ROW_UPDATE);
    g_assert_cmpint(late->due_ms, >, NOW);
    settlement_apply(late, entry);
    g_autoptr(Settlement) again = settle_decide(&facts);
    settle_assert_places(again->delayed, "");
}

/* RFC 2852: whose mail is passed on to where nobody knows any more, by the NOTIFY of his recipient. */
static void
test_by_relayed(void)
{
    static const struct {
        gint64 by_ms;
        int by_flags;
        const char *notify, *relayed;
    } by[] = {
        { 0, 0, NULL, "" },
        { NOW + HOUR, 0, NULL, "0" },
        { NOW + HOUR, 0, "FAILURE", "0" },
        { NOW + HOUR, 0, "NEVER", "" },
        { NOW + HOUR, ENVELOPE_BY_RETURN, NULL, "" },
        { NOW + HOUR, ENVELOPE_BY_RETURN | ENVELOPE_BY_TRACE, NULL, "0" },
        { 0, ENVELOPE_BY_TRACE, NULL, "0" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(by); i++) {
        g_autoptr(Entry) entry = settle_entry("D");
        SettleFacts facts = settle_facts(entry, DELIVERY_AUTO);
        EnvelopeRecipient *to = entry->envelope->recipients->pdata[0];
        g_free(to->notify);
        to->notify = g_strdup(by[i].notify);
        entry->envelope->by_ms = by[i].by_ms;
        entry->envelope->by_flags = by[i].by_flags;
        g_autoptr(Settlement) settlement = settle_decide(&facts);
        settle_assert_places(settlement->relayed, by[i].relayed);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settle/without-store", test_without_store);
    g_test_add_func("/settle/percent", test_percent);
    g_test_add_func("/settle/many-ids", test_many_ids);
    g_test_add_func("/settle/fresh", test_fresh);
    g_test_add_func("/settle/promises", test_promises);
    g_test_add_func("/settle/bounce-refusals", test_bounce_refusals);
    g_test_add_func("/settle/nobody", test_nobody);
    g_test_add_func("/settle/stored", test_stored);
    g_test_add_func("/settle/notify", test_notify);
    g_test_add_func("/settle/late", test_late);
    g_test_add_func("/settle/by-relayed", test_by_relayed);
    g_test_add_func("/settle/relayed", test_relayed);
    g_test_add_func("/settle/untried", test_untried);
    g_test_add_func("/settle/expired-text", test_expired_text);
    g_test_add_func("/settle/retry-after", test_retry_after);
    g_test_add_func("/settle/hold", test_hold);
    return g_test_run();
}
