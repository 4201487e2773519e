#include "fixture.h"

#include <string.h>

/* What each answer of the API means for a call to a@x.test and b@x.test. */
static const struct {
    const char *answer;
    OutcomeVerdict verdict;
    int code;
    const char *dsn;
    unsigned flags;
    const char *text; /* a piece of it */
} rows[] = {
    { "ok", OUTCOME_DELIVERED, 250, "2.0.0", 0, "Ok" },
    { "ok-empty-errors", OUTCOME_DELIVERED, 250, "2.0.0", 0, "Ok" },
    { "01-001", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "01-001 System error" },
    { "11-004", OUTCOME_PERMANENT, 554, "5.5.3", OUTCOME_ALARM, "11-004 You have exceeded" },
    { "11-005", OUTCOME_PERMANENT, 553, "5.1.3", 0, "11-005 bad..one@x.test is invalid" },
    { "11-006", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-006 " },
    { "11-007", OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF, "11-007 You have exceeded" },
    { "11-008", OUTCOME_PERMANENT, 552, "5.3.4", 0, "11-008 Mail size" },
    { "11-009", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-009 text is required." },
    { "11-010", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-010 " },
    { "11-011", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-011 " },
    { "11-012", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-012 " },
    { "11-013", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-013 " },
    { "11-014", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-014 " },
    { "11-015", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-015 " },
    { "11-016", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-016 " },
    { "11-017", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-017 " },
    { "11-018", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-018 " },
    { "11-019", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-019 " },
    { "13-001", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "13-001 " },
    { "13-002", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "13-002 " },
    { "13-003", OUTCOME_PERMANENT, 553, "5.1.3", 0, "13-003 Bad address syntax." },
    { "13-004", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM, "13-004 User authentication failed." },
    { "13-005", OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF, "13-005 " },
    { "13-006", OUTCOME_PERMANENT, 550, "5.7.1", 0, "(From domain: from.test)" },
    { "13-007", OUTCOME_PERMANENT, 552, "5.3.4", 0, "13-007 " },
    { "13-008", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "13-008 " },
    { "13-009", OUTCOME_TRANSIENT, 451, "4.7.5", OUTCOME_ALARM, "13-009 " },
    /* errors count at every status, the gravest of several */
    { "errors-in-200", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM, "13-004 " },
    { "errors-in-200-with-id", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-009 " },
    { "several-auth-first", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM, "11-009 " },
    { "several-transient", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM, "13-004 " },
    { "several-unknown-first", OUTCOME_PERMANENT, 553, "5.1.3", 0, "11-005 " },
    /* a code nobody documented: the status decides */
    { "unknown-code", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "99-999 Something new." },
    { "unknown-code-429", OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF, "99-999 Slow down." },
    { "unknown-code-413", OUTCOME_PERMANENT, 552, "5.3.4", 0, "99-999 Too big." },
    { "no-code", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "The API gave no reason" },
    /* text of the API in a reply */
    { "echoes-key", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM, "api_key *** is wrong, ***!" },
    { "japanese", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM, "13-004" },
    { "multi-line", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM, "13-004 User" },
    /* not the API's */
    { "wrong-json", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "JSON" },
    { "wrong-json-array", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "JSON" },
    { "id-not-text", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "JSON" },
    { "id-in-500", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "JSON" },
    { "html-200", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "HTTP status 200" },
    { "html-301", OUTCOME_TRANSIENT, 451, "4.3.0", OUTCOME_ALARM, "HTTP status 301" },
    { "html-401", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM, "HTTP status 401" },
    { "html-403", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM, "HTTP status 403" },
    { "html-404", OUTCOME_TRANSIENT, 451, "4.3.0", OUTCOME_ALARM, "HTTP status 404" },
    { "html-413", OUTCOME_PERMANENT, 552, "5.3.4", 0, "HTTP status 413" },
    { "html-418", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "HTTP status 418" },
    { "html-429", OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF, "HTTP status 429" },
    { "html-502", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "HTTP status 502" },
    { "html-503", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "HTTP status 503" },
    { "cut-short-500", OUTCOME_TRANSIENT, 451, "4.3.0", 0, "HTTP status 500" },
    /* the request was sent and what came back says nothing */
    { "cut-short", OUTCOME_UNKNOWN, 451, "4.4.2", 0, "without a whole answer" },
    { "empty", OUTCOME_UNKNOWN, 451, "4.4.2", 0, "without a whole answer" },
    { "broken-whole", OUTCOME_UNKNOWN, 451, "4.4.2", 0, "No answer from the API: Empty reply" },
    /* nothing can have been processed */
    { "broken-part", OUTCOME_TRANSIENT, 451, "4.4.2", 0, "Connection lost while sending: Connection reset" },
    { "not-sent", OUTCOME_TRANSIENT, 451, "4.4.1", 0, "No connection to the API: Could not resolve host" },
    { "source", OUTCOME_TRANSIENT, 451, "4.3.0", OUTCOME_ASIDE, "Message could not be read: Read error" },
};

static GArray *
judge(const char *answer, const Provider *provider, const Mail *mail, const Call *call)
{
    g_autofree char *name = g_strconcat(answer, ".http", NULL);
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "provider", "answers", name, NULL);
    g_autoptr(HttpResponse) response = fixture_answer(path);
    GArray *outcomes = outcomes_new(call_size(call));

    CallTry try = { .mail = mail, .call = call };
    g_assert_null(provider->driver->judge(provider, &try, response, (Outcome *) outcomes->data));
    return outcomes;
}

static void
test_table(void)
{
    g_autoptr(Provider) provider = fixture_account("");
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = fixture_call("a@x.test b@x.test");

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GArray) outcomes = judge(rows[i].answer, provider, mail, call);
        g_test_message("%s", rows[i].answer);
        for (guint k = 0; k < outcomes->len; k++) {
            const Outcome *outcome = &g_array_index(outcomes, Outcome, k);
            g_assert_cmpint(outcome->verdict, ==, rows[i].verdict);
            g_assert_cmpint(outcome->code, ==, rows[i].code);
            g_assert_cmpstr(outcome->dsn, ==, rows[i].dsn);
            g_assert_cmpuint(outcome->flags, ==, rows[i].flags);
            g_assert_nonnull(strstr(outcome->text, rows[i].text));
            g_assert_null(strstr(outcome->text, "key-of-tests"));
            g_assert_null(strpbrk(outcome->text, "\r\n\033"));
            g_assert_true((outcome->remote_id != NULL) == (rows[i].verdict == OUTCOME_DELIVERED));
        }
    }
}

static void
test_remote_id(void)
{
    g_autoptr(Provider) provider = fixture_account("");
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = fixture_call("a@x.test");
    g_autoptr(GArray) plain = judge("ok", provider, mail, call);
    g_autoptr(GArray) hostile = judge("ok-hostile-id", provider, mail, call);

    g_assert_cmpstr(g_array_index(plain, Outcome, 0).remote_id, ==, "<5f0c1e52-9b1a@mta07.example.smtps.jp>");
    const char *id = g_array_index(hostile, Outcome, 0).remote_id;
    g_assert_true(g_str_has_prefix(id, "<a?b??250?2.0.0?x@y>zzz"));
    g_assert_cmpuint(strlen(id), ==, 250);
}

static void
test_retry_after(void)
{
    g_autoptr(Provider) provider = fixture_account("");
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = fixture_call("a@x.test");
    g_autoptr(GArray) own = judge("unknown-code-429", provider, mail, call);
    g_autoptr(GArray) page = judge("html-503", provider, mail, call);
    g_autoptr(GArray) none = judge("13-005", provider, mail, call);

    g_assert_cmpint(g_array_index(own, Outcome, 0).retry_after_ms, ==, 30 * 1000);
    g_assert_cmpint(g_array_index(page, Outcome, 0).retry_after_ms, ==, 120 * 1000);
    g_assert_cmpint(g_array_index(none, Outcome, 0).retry_after_ms, ==, 0);
}

/* The address that the API names is told apart from those it stopped. */
static void
test_addresses(void)
{
    g_autoptr(Provider) provider = fixture_account("");
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = fixture_call("a@x.test b@x.test c@x.test");
    g_autoptr(GArray) outcomes = judge("two-addresses", provider, mail, call);
    const Outcome *outcome = (Outcome *) outcomes->data;

    g_assert_cmpstr(outcome[0].text, ==,
                    "Not sent because of another recipient: 11-005 b@x.test is invalid mail address.");
    g_assert_cmpstr(outcome[1].text, ==, "11-005 b@x.test is invalid mail address.");
    g_assert_cmpstr(outcome[2].text, ==, "11-005 C@X.test is invalid mail address.");
    for (guint i = 0; i < 3; i++)
        g_assert_cmpint(outcome[i].code, ==, i == 0 ? 451 : 553);
    g_assert_cmpint(outcome[0].verdict, ==, OUTCOME_TRANSIENT);
    g_assert_cmpuint(outcome[0].flags, ==, OUTCOME_AGAIN | OUTCOME_ASIDE);
}

/* 01-001 is the API's word for an oversized mail, too. */
static void
test_near_limit(void)
{
    g_autoptr(Provider) provider = fixture_account("max-mail-size = 10k\n");
    g_autofree char *most = g_strnfill(7000, 'x'); /* 9336 of 10240 once in base64 */
    g_autofree char *half = g_strnfill(4000, 'x');
    g_autoptr(Mail) large = fixture_mail("me@from.test", most);
    g_autoptr(Mail) small = fixture_mail("me@from.test", half);
    g_autoptr(Call) call = fixture_call("a@x.test");
    g_autoptr(GArray) too_large = judge("01-001", provider, large, call);
    g_autoptr(GArray) other = judge("01-001", provider, small, call);

    g_assert_cmpint(g_array_index(too_large, Outcome, 0).code, ==, 552);
    g_assert_cmpint(g_array_index(too_large, Outcome, 0).verdict, ==, OUTCOME_PERMANENT);
    g_assert_cmpint(g_array_index(other, Outcome, 0).code, ==, 451);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/judge/table", test_table);
    g_test_add_func("/judge/remote-id", test_remote_id);
    g_test_add_func("/judge/retry-after", test_retry_after);
    g_test_add_func("/judge/addresses", test_addresses);
    g_test_add_func("/judge/near-limit", test_near_limit);
    return g_test_run();
}
