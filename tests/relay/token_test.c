#include "relay/attempt.h"

#include "base/clock.h"
#include "fake_http.h"
#include "provider/fixture.h"

#include <string.h>

#define LOGIN "POST https://auth.api.test/oauth2/token"
#define SEND "POST https://api.test/send"
#define SENT "{\"items\":[{\"result\":{\"code\":\"201\"},\"delivery_id\":\"88\"}]}"
#define USED "{\"items\":[{\"result\":{\"code\":\"409\"}}]}"

enum { MINUTE = 60 * 1000 };

typedef struct {
    TokenWait wait;
    guint ready;
    char *token, *refusal;
} Guest;

typedef struct {
    Provider *provider;
    HttpClient *http;
    Token *token;
    Mail *mail;
    Call *call;
    guint done;
} Site;

static void
on_ready(TokenWait *wait, const Secret *token, const Outcome *refusal)
{
    Guest *guest = (Guest *) wait;

    guest->ready++;
    guest->token = token ? g_strdup(secret_reveal(token)) : NULL;
    guest->refusal = refusal ? g_strdup(refusal->text) : NULL;
}

static void
guest_clear(Guest *self)
{
    g_clear_pointer(&self->token, g_free);
    g_clear_pointer(&self->refusal, g_free);
    self->ready = 0;
}

static void
site_open(Site *self)
{
    HttpConf conf = { .connections_per_host = 3 };

    fake_http_reset();
    self->provider = fixture_arara("");
    self->http = http_client_new(NULL, &conf);
    self->token = token_new(self->http, self->provider);
    self->mail = fixture_mail("me@from.test", "hello\n");
    self->call = fixture_call("a@x.test b@x.test");
    self->done = 0;
}

static void
site_close(Site *self)
{
    token_free(self->token);
    http_client_close(self->http);
    mail_free(self->mail);
    call_free(self->call);
    provider_free(self->provider);
}

static void
answer_login(const char *token)
{
    g_autofree char *request = fake_http_request(0);
    g_autofree char *body = g_strdup_printf("{\"access_token\":\"%s\",\"expires_in\":3600}", token);

    g_assert_cmpstr(request, ==, LOGIN);
    fake_http_answer(0, 200, body);
}

static void
test_shared(void)
{
    Site site;
    Guest guests[3] = { { { on_ready } }, { { on_ready } }, { { on_ready } } };

    site_open(&site);
    for (guint i = 0; i < 3; i++)
        g_assert_null(token_get(site.token, &guests[i].wait));
    token_forget(site.token, &guests[1].wait);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    answer_login("one");
    g_assert_cmpstr(guests[0].token, ==, "one");
    g_assert_cmpuint(guests[1].ready, ==, 0);
    g_assert_cmpstr(guests[2].token, ==, "one");
    g_assert_cmpstr(secret_reveal(token_get(site.token, &guests[1].wait)), ==, "one");
    g_assert_cmpuint(fake_http.sent, ==, 1);
    guest_clear(&guests[0]);
    guest_clear(&guests[2]);
    site_close(&site);
}

/* Renewed five minutes early; the old token is good while a login fails, but not beyond its end. */
static void
test_renewal(void)
{
    Site site;
    Guest guest = { { on_ready } };

    site_open(&site);
    g_assert_null(token_get(site.token, &guest.wait));
    answer_login("one");
    guest_clear(&guest);
    clock_skip(54 * MINUTE);
    g_assert_nonnull(token_get(site.token, &guest.wait));
    clock_skip(2 * MINUTE);
    g_assert_null(token_get(site.token, &guest.wait));
    fake_http_answer(0, 500, "");
    g_assert_cmpstr(guest.token, ==, "one");
    guest_clear(&guest);
    g_assert_null(token_get(site.token, &guest.wait));
    answer_login("two");
    g_assert_cmpstr(guest.token, ==, "two");
    guest_clear(&guest);
    clock_skip(61 * MINUTE);
    g_assert_null(token_get(site.token, &guest.wait));
    fake_http_fail(0, HTTP_NOT_SENT, false);
    g_assert_null(guest.token);
    g_assert_nonnull(strstr(guest.refusal, "No connection"));
    guest_clear(&guest);
    site_close(&site);
}

static void
test_refused(void)
{
    Site site;
    Guest guest = { { on_ready } };
    g_autoptr(Secret) old = secret_new("one");

    site_open(&site);
    g_assert_null(token_get(site.token, &guest.wait));
    answer_login("one");
    guest_clear(&guest);
    token_refused(site.token, old);
    g_assert_null(token_get(site.token, &guest.wait));
    answer_login("two");
    token_refused(site.token, old); /* by a slower attempt */
    g_assert_cmpstr(secret_reveal(token_get(site.token, &guest.wait)), ==, "two");
    guest_clear(&guest);
    site_close(&site);
}

/* A login that nobody waits for is ended with its account. */
static void
test_closed(void)
{
    Site site;
    Guest guest = { { on_ready } };

    site_open(&site);
    g_assert_null(token_get(site.token, &guest.wait));
    token_forget(site.token, &guest.wait);
    token_close(site.token);
    g_assert_cmpuint(fake_http.cancelled, ==, 1);
    g_assert_cmpuint(guest.ready, ==, 0);
    site_close(&site);
}

static void
on_done(Attempt *attempt, void *user)
{
    ((Site *) user)->done++;
}

static Attempt *
start(Site *site)
{
    AttemptJob job = { .provider = site->provider, .token = site->token, .mail = site->mail, .call = site->call };

    return attempt_start(site->http, &job, on_done, site);
}

static void
check_open(const char *request, const char *token)
{
    g_autofree char *open = fake_http_request(0);
    g_autofree char *header = g_strconcat("Authorization: Bearer ", token, NULL);

    g_assert_cmpuint(fake_http.open->len, ==, 1);
    g_assert_cmpstr(open, ==, request);
    g_assert_cmpstr(fake_http_header(0, "Authorization"), ==, header);
}

static void
check_done(Site *site, Attempt *attempt, const char *want)
{
    const GArray *outcomes = attempt_outcomes(attempt);

    g_assert_cmpuint(site->done, ==, 1);
    g_assert_cmpuint(fake_http.open->len, ==, 0);
    g_assert_cmpuint(outcomes->len, ==, 2);
    for (guint i = 0; i < outcomes->len; i++) {
        const Outcome *outcome = &g_array_index(outcomes, Outcome, i);
        g_autofree char *text = g_strdup_printf("%d %s %s", outcome->code, outcome->dsn, outcome->text);
        g_assert_true(g_str_has_prefix(text, want));
    }
    attempt_free(attempt);
    site_close(site);
}

static void
test_attempt(void)
{
    Site site;

    site_open(&site);
    Attempt *attempt = start(&site);
    answer_login("one");
    check_open(SEND, "one");
    fake_http_answer(0, 200, SENT);
    check_done(&site, attempt, "250 2.0.0 Ok");
}

/* Once more with a new token, and not again. */
static void
test_attempt_renews(void)
{
    Site site;

    site_open(&site);
    Attempt *attempt = start(&site);
    answer_login("one");
    fake_http_answer(0, 401, "{\"message\":\"expired one\"}");
    answer_login("two");
    check_open(SEND, "two");
    fake_http_answer(0, 200, SENT);
    check_done(&site, attempt, "250 2.0.0 Ok");

    site_open(&site);
    attempt = start(&site);
    answer_login("one");
    fake_http_answer(0, 403, "");
    answer_login("two");
    fake_http_answer(0, 403, "{\"message\":\"no two\"}");
    check_done(&site, attempt, "454 4.7.0 403 no ***");
}

static void
test_attempt_login_fails(void)
{
    Site site;

    site_open(&site);
    Attempt *attempt = start(&site);
    fake_http_answer(0, 400, "{\"error\":\"invalid_client\"}");
    check_done(&site, attempt, "454 4.7.0 Login to the API failed (HTTP status 400): invalid_client");

    site_open(&site);
    attempt = start(&site);
    answer_login("one");
    fake_http_answer(0, 401, "{\"message\":\"expired\"}");
    fake_http_fail(0, HTTP_NOT_SENT, false);
    check_done(&site, attempt, "454 4.7.0 401 expired");
}

/* Both are refused with the old token, one login serves both. */
static void
test_attempts_share(void)
{
    Site site;

    site_open(&site);
    Attempt *first = start(&site);
    Attempt *second = start(&site);
    answer_login("one");
    g_assert_cmpuint(fake_http.open->len, ==, 2);
    fake_http_answer(0, 401, "");
    fake_http_answer(1, 200, "{\"access_token\":\"two\"}");
    fake_http_answer(0, 401, "");
    g_assert_cmpuint(fake_http.open->len, ==, 2);
    g_assert_cmpuint(fake_http.sent, ==, 6);
    for (guint i = 0; i < 2; i++)
        g_assert_cmpstr(fake_http_header(i, "Authorization"), ==, "Authorization: Bearer two");
    fake_http_answer(0, 200, SENT);
    fake_http_answer(0, 200, SENT);
    g_assert_cmpuint(site.done, ==, 2);
    attempt_free(first);
    attempt_free(second);
    site_close(&site);
}

/* The whole way: send, look up, send under another id; a renewal on it counts for nothing. */
static void
test_attempt_steps(void)
{
    Site site;

    site_open(&site);
    Attempt *attempt = start(&site);
    answer_login("one");
    fake_http_answer(0, 200, USED);
    g_autofree char *look_up = fake_http_request(0);
    g_assert_true(g_str_has_prefix(look_up, "GET https://api.test/send?request_id="));
    fake_http_answer(0, 401, "");
    answer_login("two");
    check_open(look_up, "two");
    fake_http_answer(0, 200, "{\"items\":[]}");
    check_open(SEND, "two");
    fake_http_answer(0, 200, SENT);
    check_done(&site, attempt, "250 2.0.0 Ok");
}

/* Ended before there was a token nothing was sent, so nothing is unknown. */
static void
test_attempt_ended(void)
{
    Site site;

    site_open(&site);
    Attempt *attempt = start(&site);
    const GArray *outcomes = attempt_outcomes(attempt);
    g_assert_cmpint(g_array_index(outcomes, Outcome, 0).verdict, ==, OUTCOME_TRANSIENT);
    attempt_free(attempt);
    answer_login("one");

    attempt = start(&site);
    outcomes = attempt_outcomes(attempt);
    g_assert_cmpint(g_array_index(outcomes, Outcome, 0).verdict, ==, OUTCOME_UNKNOWN);
    attempt_free(attempt);
    g_assert_cmpuint(site.done, ==, 0);
    site_close(&site);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/token/shared", test_shared);
    g_test_add_func("/token/renewal", test_renewal);
    g_test_add_func("/token/refused", test_refused);
    g_test_add_func("/token/closed", test_closed);
    g_test_add_func("/attempt/token", test_attempt);
    g_test_add_func("/attempt/renews", test_attempt_renews);
    g_test_add_func("/attempt/login-fails", test_attempt_login_fails);
    g_test_add_func("/attempt/share", test_attempts_share);
    g_test_add_func("/attempt/steps", test_attempt_steps);
    g_test_add_func("/attempt/ended", test_attempt_ended);
    return g_test_run();
}
