#include "fixture.h"

#include <string.h>

#define ID "REQUEST-ID" /* becomes the one of the step */

enum { SEND, LOOK_UP, AGAIN };

/* What an answer means, at which step; `next` is the step it leads to instead. */
static const struct {
    guint step;
    bool maybe_taken;
    int status;
    const char *body;
    OutcomeVerdict verdict; /* OUTCOME_OPEN: another request */
    int code;
    const char *dsn;
    unsigned flags;
    const char *text; /* a piece of it; of the id where it was delivered */
    guint next;
} rows[] = {
#define ITEM(code, rest)                                                                                               \
    "{\"items\":[{\"result\":{\"code\":" code ",\"message\":\"words\"},\"request_id\":\"" ID "\"" rest "}],\"count\":1}"
#define OK(text) OUTCOME_DELIVERED, 250, "2.0.0", 0, text
#define TRANSIENT(text) OUTCOME_TRANSIENT, 451, "4.3.0", 0, text
#define UNKNOWN(text) OUTCOME_UNKNOWN, 451, "4.4.2", 0, text
    { SEND, false, 200, ITEM("\"201\"", ",\"delivery_id\":\"88\""), OK("88") },
    { SEND, false, 200, ITEM("201", ",\"delivery_id\":88"), OK("88") },
    { SEND, false, 200, ITEM("\"201\"", ""), OK(ID) },
    { SEND, false, 200, ITEM("\"201\"", ",\"delivery_id\":\"\""), OK(ID) },
    { SEND, false, 200, ITEM("\"201\"", ",\"delivery_id\":\"a\\r\\nb\""), OK("a??b") },
    { SEND, false, 200, "{\"items\":[{\"result\":{\"code\":\"201\"},\"delivery_id\":\"5\"}]}", OK("5") },
    { SEND, false, 500, ITEM("\"201\"", ",\"delivery_id\":\"88\""), OK("88") },
    { SEND, false, 200, ITEM("\"400\"", ""), OUTCOME_PERMANENT, 554, "5.6.0", 0, "400 words" },
    { SEND, false, 400, ITEM("400", ""), OUTCOME_PERMANENT, 554, "5.6.0", 0, "400 words" },
    { SEND, false, 200, ITEM("\"500\"", ",\"delivery_id\":\"88\""), TRANSIENT("500 words") },
    { SEND, false, 200, ITEM("\"418\"", ""), TRANSIENT("418 words") },
    { SEND, false, 200, ITEM("\"429\"", ""), OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF, "429 words" },
    { SEND, false, 200, ITEM("\"413\"", ""), OUTCOME_PERMANENT, 552, "5.3.4", 0, "413 words" },
    { SEND, false, 200, ITEM("\"202\"", ",\"delivery_id\":\"88\""), UNKNOWN("202 words") },
    { SEND, false, 200, ITEM("\"\"", ""), TRANSIENT("words") },
    { SEND, false, 200, ITEM("null", ""), TRANSIENT("JSON") },
    { SEND, false, 200, "{\"items\":[{\"request_id\":\"" ID "\"}]}", TRANSIENT("JSON") },
    /* about somebody else's delivery */
    { SEND, false, 200,
      "{\"items\":[{\"result\":{\"code\":\"201\"},\"delivery_id\":\"5\",\"request_id\":\"x\"}]}",
      TRANSIENT("JSON") },
    { SEND, false, 200, "{\"items\":[{\"result\":{\"code\":\"201\"}},{\"result\":{\"code\":\"201\"}}]}",
      TRANSIENT("JSON") },
    { SEND, false, 200, "{\"items\":[],\"count\":0}", TRANSIENT("JSON") },
    /* refused as a whole */
    { SEND, false, 400, "{\"message\":\"bad body\"}", OUTCOME_PERMANENT, 554, "5.6.0", 0, "400 bad body" },
    { SEND, false, 200, "{\"message\":\"Too Many Requests\"}", OUTCOME_TRANSIENT, 451, "4.3.2",
      OUTCOME_BACK_OFF, "Too Many" },
    { SEND, false, 400, "{\"message\":\"too many requests!\"}", OUTCOME_TRANSIENT, 451, "4.3.2",
      OUTCOME_BACK_OFF, "400 too many" },
    { SEND, false, 429, "{\"message\":\"slow\"}", OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF,
      "429 slow" },
    { SEND, false, 500, "{\"message\":\"oops\"}", TRANSIENT("500 oops") },
    { SEND, false, 503, "{\"message\":\"oops\"}", TRANSIENT("503 oops") },
    { SEND, false, 200, "{\"message\":\"oops\"}", TRANSIENT("oops") },
    { SEND, false, 201, "{\"message\":\"oops\"}", TRANSIENT("oops") },
    { SEND, false, 401, "{\"message\":\"Unauthorized\"}", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM,
      "401 Unauthorized" },
    { SEND, false, 403, "{\"message\":\"Forbidden\"}", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM,
      "403 Forbidden" },
    { SEND, false, 404, "{\"message\":\"Not Found\"}", OUTCOME_TRANSIENT, 451, "4.3.0", OUTCOME_ALARM,
      "404 Not" },
    { SEND, false, 413, "{\"message\":\"big\"}", OUTCOME_PERMANENT, 552, "5.3.4", 0, "413 big" },
    { SEND, false, 400, "{\"message\":\"token-of-tests key-of-tests\"}", OUTCOME_PERMANENT, 554, "5.6.0",
      0, "400 *** ***" },
    /* not the API's */
    { SEND, false, 400, "<html>Bad</html>", TRANSIENT("HTTP status 400") },
    { SEND, false, 400, "{\"error\":\"x\"}", TRANSIENT("JSON") },
    { SEND, false, 200, "<html>Hi</html>", TRANSIENT("HTTP status 200") },
    { SEND, false, 401, "<html>Hi</html>", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM,
      "HTTP status 401" },
    { SEND, false, 502, "<html>Hi</html>", TRANSIENT("HTTP status 502") },
    { SEND, false, 200, "[]", TRANSIENT("JSON") },
    { SEND, false, 200, "{\"items\":[{", UNKNOWN("without a whole answer") },
    { SEND, false, 200, "", UNKNOWN("without a whole answer") },
    /* a used request id */
    { SEND, false, 200, ITEM("\"409\"", ",\"delivery_id\":\"77\""), OUTCOME_OPEN, .next = LOOK_UP },
    { SEND, true, 200, ITEM("409", ""), OUTCOME_OPEN, .next = LOOK_UP },
    { SEND, false, 409, "{\"message\":\"used\"}", OUTCOME_OPEN, .next = LOOK_UP },
    { LOOK_UP, false, 200, "{\"items\":[{\"delivery_id\":\"88\",\"status\":\"x\"}],\"count\":1}", OK("88") },
    { LOOK_UP, false, 200,
      "{\"items\":[{\"delivery_id\":1,\"request_id\":\"x\"},{\"delivery_id\":88,\"request_id\":\"" ID "\"}]}", OK("88") },
    { LOOK_UP, true, 200, "{\"items\":[{\"delivery_id\":\"88\"}]}", OK("88") },
    { LOOK_UP, true, 200, "{\"items\":[]}", UNKNOWN("no delivery of it yet") },
    { LOOK_UP, true, 500, "{\"message\":\"oops\"}", UNKNOWN("looking it up failed") },
    { LOOK_UP, true, 200, "<html>", UNKNOWN("looking it up failed") },
    { LOOK_UP, false, 200, "{\"items\":[]}", OUTCOME_OPEN, .next = AGAIN },
    { LOOK_UP, false, 200, "{\"items\":[{\"delivery_id\":\"1\",\"request_id\":\"x\"}]}", OUTCOME_OPEN,
      .next = AGAIN },
    { LOOK_UP, false, 404, "{\"message\":\"none\"}", OUTCOME_OPEN, .next = AGAIN },
    { LOOK_UP, false, 404, "<html>", UNKNOWN("looking it up failed") },
    { LOOK_UP, false, 200, "{}", UNKNOWN("looking it up failed") },
    { LOOK_UP, false, 500, "{\"message\":\"oops\"}", UNKNOWN("looking it up failed") },
    { LOOK_UP, false, 401, "{\"message\":\"x\"}", UNKNOWN("looking it up failed") },
    { AGAIN, false, 200, ITEM("\"201\"", ",\"delivery_id\":\"99\""), OK("99") },
    { AGAIN, false, 200, ITEM("\"500\"", ""), TRANSIENT("500 words") },
    { AGAIN, false, 200, ITEM("\"409\"", ""), UNKNOWN("409 words") },
};

static char *
request_id(const Provider *provider, const Mail *mail, const Call *call, guint step)
{
    CallTry try = { .mail = mail, .call = call, .step = LOOK_UP };
    g_autoptr(HttpRequest) look_up = provider->driver->build(provider, &try);

    if (step != AGAIN)
        return g_strdup(strchr(look_up->url, '=') + 1);
    try.step = AGAIN;
    g_autoptr(HttpRequest) again = provider->driver->build(provider, &try);
    char buf[4096] = { 0 };
    g_assert_cmpint(source_read(again->body, buf, sizeof buf - 1, NULL), >, 0);
    GString *text = g_string_new(buf);
    while (source_read(again->body, memset(buf, 0, sizeof buf), sizeof buf - 1, NULL) > 0)
        g_string_append(text, buf);
    char *id = g_strndup(strstr(text->str, "\"request_id\":\"") + strlen("\"request_id\":\""), 32);
    g_string_free(text, TRUE);
    return id;
}

static char *
with_id(const char *text, const char *id)
{
    g_auto(GStrv) pieces = g_strsplit(text, ID, -1);

    return g_strjoinv(id, pieces);
}

static void
check_outcome(guint r, const Outcome *outcome, const char *id)
{
    g_autofree char *want = with_id(rows[r].text, id);

    g_assert_cmpint(outcome->verdict, ==, rows[r].verdict);
    g_assert_cmpint(outcome->code, ==, rows[r].code);
    g_assert_cmpstr(outcome->dsn, ==, rows[r].dsn);
    g_assert_cmpuint(outcome->flags, ==, rows[r].flags);
    if (outcome->verdict == OUTCOME_DELIVERED)
        g_assert_cmpstr(outcome->remote_id, ==, want);
    else
        g_assert_nonnull(strstr(outcome->text, want));
    g_assert_null(strstr(outcome->text, "of-tests"));
}

static void
test_judge(void)
{
    g_autoptr(Provider) provider = fixture_arara("");
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = fixture_call("a@x.test b@x.test");
    g_autoptr(Secret) token = secret_new("token-of-tests");

    for (guint r = 0; r < G_N_ELEMENTS(rows); r++) {
        g_autofree char *id = request_id(provider, mail, call, rows[r].step);
        g_autofree char *body = with_id(rows[r].body, id);
        g_autoptr(HttpResponse) response = fixture_response(rows[r].status, body);
        CallTry try = { mail, call, token, rows[r].maybe_taken, rows[r].step };
        g_autoptr(GArray) outcomes = outcomes_new(2);
        g_test_message("%u: step %u, %d %s", r, rows[r].step, rows[r].status, rows[r].body);
        g_autoptr(HttpRequest) next = provider->driver->judge(provider, &try, response, (Outcome *) outcomes->data);

        g_assert_cmpint(next != NULL, ==, rows[r].verdict == OUTCOME_OPEN);
        g_assert_cmpuint(try.step, ==, next ? rows[r].next : rows[r].step);
        for (guint i = 0; !next && i < outcomes->len; i++)
            check_outcome(r, &g_array_index(outcomes, Outcome, i), id);
        if (next)
            g_assert_cmpstr(next->method, ==, rows[r].next == LOOK_UP ? "GET" : "POST");
    }
}

/* Transport failures, by step: only where a request that creates mail went out is anything unknown. */
static void
test_broken(void)
{
    g_autoptr(Provider) provider = fixture_arara("");
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = fixture_call("a@x.test");
    static const struct {
        guint step;
        bool maybe_taken;
        const char *answer;
        OutcomeVerdict verdict;
        const char *dsn;
    } failures[] = {
        { SEND, false, "not-sent", OUTCOME_TRANSIENT, "4.4.1" },
        { SEND, false, "broken-whole", OUTCOME_UNKNOWN, "4.4.2" },
        { SEND, false, "broken-part", OUTCOME_TRANSIENT, "4.4.2" },
        { LOOK_UP, false, "not-sent", OUTCOME_UNKNOWN, "4.4.2" },
        { LOOK_UP, false, "broken-whole", OUTCOME_UNKNOWN, "4.4.2" },
        { LOOK_UP, true, "not-sent", OUTCOME_UNKNOWN, "4.4.2" },
        { AGAIN, false, "not-sent", OUTCOME_TRANSIENT, "4.4.1" },
        { AGAIN, false, "broken-whole", OUTCOME_UNKNOWN, "4.4.2" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(failures); i++) {
        g_autofree char *name = g_strconcat(failures[i].answer, ".http", NULL);
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "provider", "answers", name, NULL);
        g_autoptr(HttpResponse) response = fixture_answer(path);
        CallTry try = { mail, call, NULL, failures[i].maybe_taken, failures[i].step };
        g_autoptr(GArray) outcomes = outcomes_new(1);
        const Outcome *outcome = (Outcome *) outcomes->data;

        g_assert_null(provider->driver->judge(provider, &try, response, (Outcome *) outcomes->data));
        g_assert_cmpint(outcome->verdict, ==, failures[i].verdict);
        g_assert_cmpstr(outcome->dsn, ==, failures[i].dsn);
    }
}

/* Equal for a call over all of its tries, another for each other call. */
static void
test_request_id(void)
{
    static const char *const keys[] = { "3fQz81", "3fQz81-1", "3fQz81-2", "3FQZ81", "3fQz81 x" };
    g_autoptr(Provider) provider = fixture_arara("");
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(Call) call = call_new(keys[i]);
        g_autofree char *first = request_id(provider, mail, call, SEND);
        g_autofree char *repeat = request_id(provider, mail, call, SEND);
        g_autofree char *again = request_id(provider, mail, call, AGAIN);

        g_assert_cmpstr(first, ==, repeat);
        g_assert_cmpuint(strspn(first, "abcdefghijklmnopqrstuvwxyz0123456789"), ==, strlen(first));
        g_assert_cmpuint(strlen(again), ==, 32);
        g_assert_true(g_hash_table_add(seen, g_steal_pointer(&first)));
        g_assert_true(g_hash_table_add(seen, g_steal_pointer(&again)));
    }
}

static const char *
header_of(const HttpRequest *request, const char *name)
{
    for (guint i = 0; i < request->headers->len; i++) {
        if (g_str_has_prefix(request->headers->pdata[i], name))
            return request->headers->pdata[i];
    }
    return NULL;
}

static void
test_login(void)
{
    g_autoptr(Provider) provider = fixture_arara("");
    g_autoptr(HttpRequest) request = provider->driver->login(provider);
    char body[100] = { 0 };

    g_assert_cmpstr(request->method, ==, "POST");
    g_assert_cmpstr(request->url, ==, "https://auth.api.test/oauth2/token");
    g_assert_cmpstr(header_of(request, "Authorization"), ==,
                    "Authorization: Basic Y2xpZW50LW9mLXRlc3RzOmtleS1vZi10ZXN0cw==");
    g_assert_cmpstr(header_of(request, "Content-Type"), ==, "Content-Type: application/x-www-form-urlencoded");
    g_assert_cmpint(source_read(request->body, body, sizeof body - 1, NULL), >, 0);
    g_assert_cmpstr(body, ==, "grant_type=client_credentials");
}

static const struct {
    int status;
    const char *body;
    const char *token;
    gint64 lifetime_s;
    int code;
    const char *dsn;
    unsigned flags;
    const char *text;
} logins[] = {
    { 200, "{\"access_token\":\"abc.def\",\"expires_in\":600,\"token_type\":\"Bearer\"}", "abc.def", 600 },
    { 200, "{\"access_token\":\"abc\"}", "abc", 3600 },
    { 200, "{\"access_token\":\"abc\",\"expires_in\":\"90\"}", "abc", 90 },
    { 200, "{\"access_token\":\"abc\",\"expires_in\":-1}", "abc", 3600 },
    { 200, "{\"access_token\":\"abc\",\"expires_in\":99999999999}", "abc", 86400 },
    { 200, "{\"access_token\":\"a\\r\\nX: y\"}", NULL, 0, 451, "4.3.0", 0, "HTTP status 200" },
    { 200, "{\"access_token\":\"\"}", NULL, 0, 451, "4.3.0", 0, "HTTP status 200" },
    { 200, "{\"access_token\":7}", NULL, 0, 451, "4.3.0", 0, "HTTP status 200" },
    { 200, "{\"access_token\":\"abc", NULL, 0, 451, "4.3.0", 0, "HTTP status 200" },
    { 200, "<html>", NULL, 0, 451, "4.3.0", 0, "HTTP status 200" },
    { 400, "{\"error\":\"invalid_client\"}", NULL, 0, 454, "4.7.0", OUTCOME_ALARM, "invalid_client" },
    { 401, "", NULL, 0, 454, "4.7.0", OUTCOME_ALARM, "HTTP status 401" },
    { 403, "<html>", NULL, 0, 454, "4.7.0", OUTCOME_ALARM, "HTTP status 403" },
    { 405, "{\"message\":\"x\"}", NULL, 0, 454, "4.7.0", OUTCOME_ALARM, "HTTP status 405" },
    { 400, "{\"message\":\"Too Many Requests\"}", NULL, 0, 451, "4.3.2", OUTCOME_BACK_OFF, "Too Many" },
    { 429, "", NULL, 0, 451, "4.3.2", OUTCOME_BACK_OFF, "HTTP status 429" },
    { 413, "", NULL, 0, 451, "4.3.0", 0, "HTTP status 413" },
    { 500, "{\"access_token\":\"abc\"}", NULL, 0, 451, "4.3.0", 0, "HTTP status 500" },
    { 400, "{\"error\":\"no key-of-tests Y2xpZW50LW9mLXRlc3RzOmtleS1vZi10ZXN0cw==\"}", NULL, 0, 454,
      "4.7.0", OUTCOME_ALARM,
      "no *** ***" },
};

static void
test_token(void)
{
    g_autoptr(Provider) provider = fixture_arara("");

    for (guint i = 0; i < G_N_ELEMENTS(logins); i++) {
        g_autoptr(HttpResponse) response = fixture_response(logins[i].status, logins[i].body);
        gint64 lifetime_ms = 0;
        Outcome refusal = { 0 };
        g_test_message("%d %s", logins[i].status, logins[i].body);
        g_autoptr(Secret) token = provider->driver->token(provider, response, &lifetime_ms, &refusal);

        g_assert_cmpstr(token ? secret_reveal(token) : NULL, ==, logins[i].token);
        g_assert_cmpint(lifetime_ms, ==, logins[i].lifetime_s * 1000);
        if (!token) {
            g_assert_cmpint(refusal.verdict, ==, OUTCOME_TRANSIENT);
            g_assert_cmpint(refusal.code, ==, logins[i].code);
            g_assert_cmpstr(refusal.dsn, ==, logins[i].dsn);
            g_assert_cmpuint(refusal.flags, ==, logins[i].flags);
            g_assert_nonnull(strstr(refusal.text, logins[i].text));
        }
        outcome_clear(&refusal);
    }
}

/* No mail is on its way while there is no token. */
static void
test_token_broken(void)
{
    static const char *const answers[] = { "not-sent", "broken-whole", "broken-part" };
    g_autoptr(Provider) provider = fixture_arara("");

    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autofree char *name = g_strconcat(answers[i], ".http", NULL);
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "provider", "answers", name, NULL);
        g_autoptr(HttpResponse) response = fixture_answer(path);
        gint64 lifetime_ms = 0;
        Outcome refusal = { 0 };

        g_assert_null(provider->driver->token(provider, response, &lifetime_ms, &refusal));
        g_assert_cmpint(refusal.verdict, ==, OUTCOME_TRANSIENT);
        g_assert_cmpint(refusal.code, ==, 451);
        outcome_clear(&refusal);
    }
}

#define BASE "[account main]\nprovider = arara\nclient-id = c\nclient-secret-file = KEYFILE\n"

static const struct {
    const char *more, *error; /* NULL: none */
} accounts[] = {
    { "url = https://api.test\n", NULL },
    { "url = http://127.0.0.1:80\ntoken-url = http://127.0.0.1:81/t\n", NULL },
    { "url = https://api.test\ntoken-header = X-Token:%s\n", NULL },
    { "url = http://127.0.0.1:80\n", "needs a token-url" },
    { "url = http://localhost\n", "needs a token-url" },
    { "url = https://api.test/send\n", "must end before /send" },
    { "url = https://api.test\ntoken-url = http://auth.api.test/t\n", "token-url" },
    { "url = https://api.test\ntoken-url = x\n", "token-url" },
    { "url = https://api.test\ntoken-header = Authorization: Bearer\n", "one %s" },
    { "url = https://api.test\ntoken-header = Authorization: %s %s\n", "one %s" },
    { "url = https://api.test\ntoken-header = Authorization: %n%s\n", "one %s" },
    { "url = https://api.test\ntoken-header = %s: x\n", "one %s" },
    { "url = https://api.test\ntoken-header = : %s\n", "one %s" },
    { "url = https://api.test\nmulti-to = both\n", "multi-to" },
    { "url = https://api.test\nmax-subject = 0\n", "max-subject" },
    { "url = https://api.test\napi-key-file = x\n", "api-key-file" },
};

static void
test_accounts(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(accounts); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strconcat(BASE, accounts[i].more, NULL);
        g_autoptr(Provider) provider = fixture_open(text, &error);

        g_test_message("%s", accounts[i].more);
        g_assert_cmpint(provider != NULL, ==, accounts[i].error == NULL);
        if (accounts[i].error)
            g_assert_nonnull(strstr(error->message, accounts[i].error));
    }
}

static void
test_limits(void)
{
    g_autoptr(Provider) plain = fixture_arara("");
    g_autoptr(Provider) own = fixture_arara("max-subject = 998\nmax-attachments = 10\n"
                                             "max-calls = 2\nmax-mail-size = 1M\n");
    g_autoptr(GString) out = g_string_new(NULL);

    g_assert_cmpuint(plain->limits.subject_bytes, ==, 500);
    g_assert_cmpint(plain->limits.text_chars, ==, 524228);
    g_assert_cmpuint(plain->limits.attachments, ==, 3);
    g_assert_cmpuint(plain->limits.calls, ==, 1);
    g_assert_cmpuint(own->limits.subject_bytes, ==, 998);
    g_assert_cmpuint(own->limits.attachments, ==, 10);
    g_assert_cmpuint(own->limits.calls, ==, 2);
    g_assert_cmpint(own->limits.mail_bytes, ==, 1 << 20);
    provider_print(plain, out);
    g_assert_nonnull(strstr(out->str, "token-url = https://auth.api.test/oauth2/token\n"));
    g_assert_null(strstr(out->str, "key-of-tests"));
}

/* A minute is the smallest unit, and none before the time that was asked for. */
static void
test_send_time(void)
{
    static const struct {
        gint64 at_ms;
        const char *text;
    } times[] = {
        { 0, "\"send_time\":\"now\"" },
        { G_GINT64_CONSTANT(1798729140000), "\"send_time\":\"2026-12-31T23:59+09:00\"" },
        { G_GINT64_CONSTANT(1798729140001), "\"send_time\":\"2027-01-01T00:00+09:00\"" },
    };
    g_autoptr(Provider) provider = fixture_arara("");
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = call_new("3fQz81");

    for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
        CallTry try = { .mail = mail, .call = call, .step = SEND, .send_at_ms = times[i].at_ms };
        g_autoptr(HttpRequest) request = provider->driver->build(provider, &try);
        g_autoptr(GString) text = g_string_new(NULL);
        char buf[4096] = { 0 };
        while (source_read(request->body, memset(buf, 0, sizeof buf), sizeof buf - 1, NULL) > 0)
            g_string_append(text, buf);
        g_assert_nonnull(strstr(text->str, times[i].text));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arara/judge", test_judge);
    g_test_add_func("/arara/broken", test_broken);
    g_test_add_func("/arara/request-id", test_request_id);
    g_test_add_func("/arara/send-time", test_send_time);
    g_test_add_func("/arara/login", test_login);
    g_test_add_func("/arara/token", test_token);
    g_test_add_func("/arara/token-broken", test_token_broken);
    g_test_add_func("/arara/accounts", test_accounts);
    g_test_add_func("/arara/limits", test_limits);
    return g_test_run();
}
