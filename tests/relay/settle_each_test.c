/* Who gets which reply where each has his own (LMTP). */
#include "relay/settle_each.h"

#include "settle_site.h"

/* Names as the places they stand for: "0 1 12". */
static void
expect(Entry *entry, const char *names)
{
    g_auto(GStrv) words = g_strsplit(names, " ", -1);

    for (char **word = words; *word; word++) {
        GArray *places = g_array_new(FALSE, FALSE, sizeof(guint));
        for (const char *p = *word; *p; p++) {
            guint place = (guint) (*p - '0');
            g_array_append_val(places, place);
        }
        envelope_expect(entry->envelope, places);
    }
}

/* Fates: delivered, kept, failed, x (dropped). Replies: the class of each, * where it promises more than was done. */
static const struct {
    const char *outcomes, *names;
    EachKeeps keeps;
    const char *fates, *replies;
    int all;
} rows[] = {
    { "DPT", "0 1 2", EACH_KEEPS_ALL, "dxk", "2 5 2*", 451 },
    { "DPT", "0 1 2", EACH_KEEPS_UNKNOWN, "dxx", "2 5 4", 451 },
    { "DPT", "0 1 2", EACH_KEEPS_NOTHING, "dxx", "2 5 4", 451 },
    { "DD", "0 1", EACH_KEEPS_ALL, "dd", "2 2", 250 },
    { "TT", "0 1", EACH_KEEPS_ALL, "kk", "2* 2*", 250 },
    { "TP", "0 1", EACH_KEEPS_UNKNOWN, "xx", "4 5", 454 },
    { "PP", "0 1", EACH_KEEPS_ALL, "xx", "5 5", 553 },
    { "UP", "0 1", EACH_KEEPS_UNKNOWN, "kx", "2* 5", 451 },
    { "U", "0", EACH_KEEPS_NOTHING, "x", "4", 451 },
    { "OO", "0 1", EACH_KEEPS_ALL, "kk", "2* 2*", 250 },
    /* the same name again */
    { "DP", "0 1 1 0", EACH_KEEPS_ALL, "dx", "2 5 5 2", 451 },
    /* names for several: one reply that follows from all of them */
    { "DP", "01", EACH_KEEPS_ALL, "df", "2*", 250 },
    { "DP", "01", EACH_KEEPS_NOTHING, "df", "2*", 250 },
    { "DT", "01", EACH_KEEPS_UNKNOWN, "dk", "2*", 250 },
    { "DT", "01", EACH_KEEPS_NOTHING, "df", "2*", 250 },
    { "PT", "01", EACH_KEEPS_ALL, "fk", "2*", 250 },
    { "PT", "01", EACH_KEEPS_UNKNOWN, "xx", "4", 454 },
    { "PP", "01", EACH_KEEPS_ALL, "xx", "5", 553 },
    /* several names for one: kept for the sake of one, he is kept for all */
    { "DTT", "01 12 2", EACH_KEEPS_UNKNOWN, "dkk", "2* 2* 2*", 250 },
    { "DP", "01 1", EACH_KEEPS_ALL, "df", "2* 5*", 451 },
};

static char *
fates_text(const GArray *fates)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < fates->len; i++)
        g_string_append_c(text, "dkfx"[g_array_index(fates, EachFate, i)]);
    return g_string_free(text, FALSE);
}

static char *
replies_text(const GArray *replies)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < replies->len; i++) {
        const EachReply *one = &g_array_index(replies, EachReply, i);
        g_string_append_printf(text, "%s%d%s", i ? " " : "", one->reply.code / 100, one->promises ? "*" : "");
    }
    return g_string_free(text, FALSE);
}

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Entry) entry = settle_entry(rows[i].outcomes);
        Reply all = { 0 };

        expect(entry, rows[i].names);
        g_autoptr(GArray) fates = each_fates(entry, rows[i].keeps);
        g_autoptr(GArray) replies = each_replies(entry, fates, &all);
        g_autofree char *fate = fates_text(fates), *reply = replies_text(replies);
        g_test_message("%s for %s", rows[i].outcomes, rows[i].names);
        g_assert_cmpstr(fate, ==, rows[i].fates);
        g_assert_cmpstr(reply, ==, rows[i].replies);
        g_assert_cmpint(all.code, ==, rows[i].all);
        reply_clear(&all);
    }
}

static void
test_texts(void)
{
    g_autoptr(Entry) entry = settle_entry("DdPT");
    Reply all = { 0 };

    expect(entry, "0 01 2 3 13");
    g_autoptr(GArray) fates = each_fates(entry, EACH_KEEPS_ALL);
    g_autoptr(GArray) replies = each_replies(entry, fates, &all);
    static const char *const want[] = { "Ok: queued as <1@api>", "Ok: queued as <1@api>\n<2@api>", "bad address",
                                        "Ok: queued as Qid", "Ok: queued as <2@api>\nQid" };
    for (guint i = 0; i < G_N_ELEMENTS(want); i++)
        g_assert_cmpstr(g_array_index(replies, EachReply, i).reply.text, ==, want[i]);
    reply_clear(&all);
}

/* What is refused in the reply needs no notice, and is not tried again with what is kept. */
static void
test_settled(void)
{
    g_autoptr(Entry) entry = settle_entry("DPTP");

    expect(entry, "0 1 23");
    SettleFacts facts = settle_facts(entry, DELIVERY_AUTO);
    g_autoptr(Settlement) settlement = settle_decide(&facts);
    g_assert_cmpint(settlement->row, ==, ROW_PUT);
    g_assert_true(settlement->promise);
    settle_assert_places(settlement->failed, "3");
    settlement_apply(settlement, entry);
    g_assert_cmpuint(entry_open(entry), ==, 1);

    /* It cannot be stored: who was delivered to stays so, and who was refused. */
    static const Reply full = { 452, "4.3.1", (char *) "full" };
    settlement_unkeep(settlement, &full);
    g_autofree char *text = replies_text(settlement->each);
    g_assert_cmpstr(text, ==, "2 5 4*");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settle-each/rows", test_rows);
    g_test_add_func("/settle-each/texts", test_texts);
    g_test_add_func("/settle-each/settled", test_settled);
    return g_test_run();
}
