#include "relay/settle.h"

#include <string.h>

enum { MAX = 4 };

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

static void
test_table(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint n = (guint) strlen(rows[i].outcomes);
        g_autoptr(GArray) outcomes = outcomes_new(n);
        Reply reply = { 0 };

        for (guint k = 0; k < n; k++)
            set(&g_array_index(outcomes, Outcome, k), rows[i].outcomes[k]);
        settle_decide(outcomes, &reply);
        g_assert_cmpint(reply.code, ==, rows[i].code);
        g_assert_cmpstr(reply.dsn, ==, rows[i].dsn);
        g_assert_cmpstr(reply.text, ==, rows[i].text);
        reply_clear(&reply);
    }
}

/* The text of a reply is data, whatever an API wrote into it. */
static void
test_percent(void)
{
    g_autoptr(GArray) outcomes = outcomes_new(1);
    Reply reply = { 0 };

    outcome_set(&g_array_index(outcomes, Outcome, 0), OUTCOME_PERMANENT, 554, "5.6.0", "100%s %n");
    settle_decide(outcomes, &reply);
    g_assert_cmpstr(reply.text, ==, "100%s %n");
    reply_clear(&reply);
}

/* The invariant behind the table, on every combination: 250 if and only if someone has it, whom another try would reach
 * twice; 5xx only if nobody may still be delivered to by trying again. */
static void
test_promises(void)
{
    static const char letters[] = "DTPUO";

    for (guint code = 0; code < 5 * 5 * 5 * 5; code++) {
        g_autoptr(GArray) outcomes = outcomes_new(MAX);
        Reply reply = { 0 };
        guint delivered = 0, permanent = 0;

        for (guint k = 0, rest = code; k < MAX; k++, rest /= 5) {
            set(&g_array_index(outcomes, Outcome, k), letters[rest % 5]);
            delivered += letters[rest % 5] == 'D';
            permanent += letters[rest % 5] == 'P';
        }
        settle_decide(outcomes, &reply);
        g_assert_cmpint(reply.code / 100 == 2, ==, delivered > 0);
        g_assert_cmpint(reply.code / 100 == 5, ==, permanent == MAX);
        reply_clear(&reply);
    }
}

/* Many calls: the reply has an end. */
static void
test_many_ids(void)
{
    g_autoptr(GArray) outcomes = outcomes_new(1000);
    Reply reply = { 0 };

    for (guint i = 0; i < outcomes->len; i++) {
        Outcome *outcome = &g_array_index(outcomes, Outcome, i);
        outcome_set(outcome, OUTCOME_DELIVERED, 250, "2.0.0", "Ok");
        outcome->remote_id = g_strdup_printf("<%u@api>", i);
    }
    settle_decide(outcomes, &reply);
    g_auto(GStrv) lines = g_strsplit(reply.text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, SETTLE_MAX_IDS + 1);
    g_assert_cmpstr(lines[SETTLE_MAX_IDS - 1], ==, "<99@api>");
    g_assert_cmpstr(lines[SETTLE_MAX_IDS], ==, "and 900 more, see the log");
    reply_clear(&reply);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settle/table", test_table);
    g_test_add_func("/settle/percent", test_percent);
    g_test_add_func("/settle/many-ids", test_many_ids);
    g_test_add_func("/settle/promises", test_promises);
    return g_test_run();
}
