#include "feedback/decide.h"

enum { TELL = 1, HARD = 2, UNSUB = 4 };

static const struct {
    const char *title;
    QueryEventKind kind;
    const char *code, *reason;
    int before;          /* FeedbackState; -1: no mail of ours */
    const char *sender, *notify;
    FeedbackState after;
    unsigned follows;
    const char *dsn;
    bool early;
} rows[] = {
    { "user unknown", QUERY_EVENT_BOUNCED, NULL, "550 5.1.1 User unknown", FEEDBACK_OPEN, "s@x.jp", NULL,
      FEEDBACK_FAILED, TELL | HARD, "5.1.1" },
    { "no status, but words", QUERY_EVENT_BOUNCED, NULL, "550 No such user here", FEEDBACK_OPEN, "s@x.jp", NULL,
      FEEDBACK_FAILED, TELL | HARD, "5.1.1" },
    { "no status, no words", QUERY_EVENT_BOUNCED, NULL, "550 rejected", FEEDBACK_OPEN, "s@x.jp", NULL,
      FEEDBACK_FAILED, TELL, "5.0.0" },
    { "nothing said", QUERY_EVENT_BOUNCED, NULL, NULL, FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_FAILED, TELL, "5.0.0" },
    { "mailbox full", QUERY_EVENT_BOUNCED, NULL, "552 5.2.2 full", FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_FAILED, TELL,
      "5.2.2" },
    { "mailbox disabled", QUERY_EVENT_BOUNCED, NULL, "550-5.2.1 disabled", FEEDBACK_OPEN, "s@x.jp", NULL,
      FEEDBACK_FAILED, TELL | HARD, "5.2.1" },
    { "policy", QUERY_EVENT_BOUNCED, NULL, "550 5.7.1 spam, user unknown", FEEDBACK_OPEN, "s@x.jp", NULL,
      FEEDBACK_FAILED, TELL, "5.7.1" },
    { "the sender's own fault", QUERY_EVENT_BOUNCED, NULL, "550 5.1.8 bad sender", FEEDBACK_OPEN, "s@x.jp", NULL,
      FEEDBACK_FAILED, TELL, "5.1.8" },
    { "an address is no status", QUERY_EVENT_BOUNCED, NULL, "550 [5.1.1.9] blocked 4.5.6.7", FEEDBACK_OPEN, "s@x.jp",
      NULL, FEEDBACK_FAILED, TELL, "5.0.0" },
    { "soft", QUERY_EVENT_SOFT, NULL, "451 4.2.0 later", FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_FAILED, TELL, "4.2.0" },
    { "class host unknown", QUERY_EVENT_BOUNCED, "1", "x", FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_FAILED, TELL | HARD,
      "5.1.2" },
    { "class full", QUERY_EVENT_SOFT, "5", NULL, FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_FAILED, TELL, "5.2.2" },
    { "class policy", QUERY_EVENT_SOFT, "4", NULL, FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_FAILED, TELL, "5.7.1" },
    { "class unsubscribed", QUERY_EVENT_UNSUBSCRIBED, "11", NULL, FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_FAILED,
      TELL | UNSUB, "5.7.1" },
    { "listed as unsubscribed", QUERY_EVENT_UNSUBSCRIBED, NULL, NULL, FEEDBACK_DELIVERED, "s@x.jp", NULL, FEEDBACK_OPEN,
      UNSUB, "" },
    { "null sender", QUERY_EVENT_BOUNCED, NULL, "5.1.1", FEEDBACK_OPEN, "", NULL, FEEDBACK_FAILED, HARD, "5.1.1" },
    { "never", QUERY_EVENT_BOUNCED, NULL, "5.1.1", FEEDBACK_OPEN, "s@x.jp", "NEVER", FEEDBACK_FAILED, HARD, "5.1.1" },
    { "success only", QUERY_EVENT_BOUNCED, NULL, "5.1.1", FEEDBACK_OPEN, "s@x.jp", "SUCCESS", FEEDBACK_FAILED, HARD,
      "5.1.1" },
    { "failure", QUERY_EVENT_BOUNCED, NULL, "5.1.1", FEEDBACK_OPEN, "s@x.jp", "SUCCESS,FAILURE", FEEDBACK_FAILED,
      TELL | HARD, "5.1.1" },
    { "soft by its kind, not by its words", QUERY_EVENT_SOFT, NULL, "550 5.1.1 User unknown", FEEDBACK_OPEN, "s@x.jp", NULL,
      FEEDBACK_FAILED, TELL | HARD, "5.1.1" },
    { "soft words", QUERY_EVENT_SOFT, NULL, "450 user unknown", FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_FAILED, TELL,
      "5.0.0" },
    { "class without a name", QUERY_EVENT_SOFT, "99", "554 5.0.0 no", FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_FAILED, TELL,
      "5.0.0" },
    { "known already", QUERY_EVENT_BOUNCED, NULL, "5.2.2", FEEDBACK_FAILED, "s@x.jp", NULL, FEEDBACK_OPEN, 0, "" },
    { "known already, now why", QUERY_EVENT_BOUNCED, "2", NULL, FEEDBACK_FAILED, "s@x.jp", NULL, FEEDBACK_OPEN, HARD, "" },
    { "returned later", QUERY_EVENT_BOUNCED, NULL, "5.1.1", FEEDBACK_DELIVERED, "s@x.jp", NULL, FEEDBACK_FAILED,
      TELL | HARD, "5.1.1" },
    { "delivered", QUERY_EVENT_DELIVERED, NULL, NULL, FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_DELIVERED, 0, "" },
    { "delivered behind a failure", QUERY_EVENT_DELIVERED, NULL, NULL, FEEDBACK_FAILED, "s@x.jp", NULL, FEEDBACK_OPEN,
      0, "" },
    { "pending", QUERY_EVENT_PENDING, NULL, "5.1.1", FEEDBACK_OPEN, "s@x.jp", NULL, FEEDBACK_OPEN, 0, "" },
    { "somebody else's mail", QUERY_EVENT_BOUNCED, NULL, "5.1.1", -1, "", NULL, FEEDBACK_OPEN, HARD, "", true },
    { "somebody else's mail that arrived", QUERY_EVENT_DELIVERED, NULL, NULL, -1, "", NULL, FEEDBACK_OPEN, 0, "" },
    { "somebody else's, unsubscribed", QUERY_EVENT_UNSUBSCRIBED, NULL, NULL, -1, "", NULL, FEEDBACK_OPEN, UNSUB, "" },
};

static unsigned
decide(guint i, const FeedbackConf *conf, FeedbackDecision *decision)
{
    FeedbackFound found = {
        .mail = { .sender = rows[i].sender },
        .recipient = { .address = "a@x.jp", .notify = rows[i].notify, .state = (FeedbackState) MAX(rows[i].before, 0) },
    };
    const QueryEvent event = { .kind = rows[i].kind, .address = "a@x.jp", .code = rows[i].code,
                               .reason = rows[i].reason };

    *decision = feedback_decide(&event, rows[i].before < 0 ? NULL : &found, conf);
    unsigned kind = decision->kind == SUPPRESSION_UNSUBSCRIBED ? UNSUB : HARD;
    return (decision->owed ? TELL : 0) | (decision->suppress ? kind : 0);
}

static void
test_table(void)
{
    const FeedbackConf conf = { .on = true, .suppression = true };
    char *exempt[] = { (char *) "@x.jp", NULL };
    const FeedbackConf spared = { .on = true, .suppression = true, .exempt = exempt };
    const FeedbackConf unlisted = { .on = true }, off = { .suppression = true };
    FeedbackDecision decision;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].title);
        g_assert_cmpuint(decide(i, &conf, &decision), ==, rows[i].follows);
        g_assert_cmpint(decision.state, ==, rows[i].after);
        g_assert_cmpstr(decision.dsn, ==, rows[i].dsn);
        g_assert_cmpint(decision.early, ==, rows[i].early);
        g_assert_cmpuint(decide(i, &spared, &decision), ==, rows[i].follows & TELL);
        g_assert_cmpuint(decide(i, &unlisted, &decision), ==, rows[i].follows & TELL);
        g_assert_cmpuint(decide(i, &off, &decision), ==, 0);
        g_assert_cmpint(decision.state, ==, FEEDBACK_OPEN);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decide/table", test_table);
    return g_test_run();
}
