#include "shimta/check.h"

#include "shimta/ask_api.h"
#include "shimta/output.h"

#include <uv.h>

/* One account: a token first, where its API wants one. */
typedef struct {
    Check *check;
    const Provider *provider;
    HttpClient *http;
    Secret *token;
} Probe;

static void
probe_end(Probe *self, const char *text, OutcomeVerdict verdict)
{
    g_autofree char *what = g_strdup_printf("account %s", self->provider->name);
    bool works = verdict == OUTCOME_DELIVERED;

    if (verdict == OUTCOME_UNKNOWN)
        check_leave_open(self->check, what, text);
    else
        check_say(self->check, what, text,
              works ? NULL : "see the url, the credentials and what the API's operator says of the account");
}

static void
on_probed(const HttpResponse *response, void *user)
{
    Probe *self = user;
    Outcome found = { 0 };
    bool works = self->provider->driver->probed(self->provider, response, &found);

    /* What works without a word on the credentials is unknown. */
    probe_end(self, found.text ? found.text : "no answer", works ? found.verdict : OUTCOME_PERMANENT);
    outcome_clear(&found);
}

static void
send_probe(Probe *self)
{
    const Provider *provider = self->provider;

    http_send(self->http, provider->driver->probe(provider, self->token), on_probed, self);
}

static void
on_login(const HttpResponse *response, void *user)
{
    Probe *self = user;
    Outcome refusal = { 0 };
    gint64 lifetime_ms;

    self->token = self->provider->driver->token(self->provider, response, &lifetime_ms, &refusal);
    if (self->token)
        send_probe(self);
    else
        probe_end(self, refusal.text ? refusal.text : "no token", OUTCOME_PERMANENT);
    outcome_clear(&refusal);
}

static void
check_account(Check *check, const RelaySettings *settings, const Provider *provider)
{
    uv_loop_t loop;
    Probe probe = { .check = check, .provider = provider };

    output_wait(provider->name);
    uv_loop_init(&loop);
    probe.http = ask_api_client(&loop, &settings->conf);
    if (provider->driver->login)
        http_send(probe.http, provider->driver->login(provider), on_login, &probe);
    else
        send_probe(&probe);
    uv_run(&loop, UV_RUN_DEFAULT);
    http_client_close(probe.http);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    secret_free(probe.token);
}

/* --- accounts that are only asked ---------------------------------------------------------------- */

typedef struct {
    Check *check;
    const QueryAccount *account;
} Login;

static void
on_query_login(const HttpResponse *response, void *user)
{
    const Login *self = user;
    g_autofree char *what = g_strdup_printf("account %s", self->account->name);
    g_autoptr(GError) error = NULL;
    gint64 lifetime_ms;
    g_autoptr(Secret) token = query_token(self->account, response, &lifetime_ms, &error);

    check_say(self->check, what, token ? "the API gives a token" : error->message,
              token ? NULL : "see the url, the credentials and what the API's operator says of the account");
}

/* A login where there is one; all else that such an API can do is about something. */
static void
check_query(Check *check, const RelaySettings *settings, const QueryAccount *account)
{
    g_autofree char *what = g_strdup_printf("account %s", account->name);
    Login login = { check, account };
    uv_loop_t loop;

    if (!query_wants_token(account)) {
        check_leave_open(check, what, "its API has no call that could be made without a question");
        return;
    }
    output_wait(account->name);
    uv_loop_init(&loop);
    HttpClient *http = ask_api_client(&loop, &settings->conf);
    http_send(http, query_login(account), on_query_login, &login);
    uv_run(&loop, UV_RUN_DEFAULT);
    http_client_close(http);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

void
check_accounts(Check *self, const RelaySettings *settings)
{
    for (guint i = 0; i < settings->accounts->len; i++)
        check_account(self, settings, settings->accounts->pdata[i]);
    for (guint i = 0; i < settings->queries->len; i++) {
        const QueryAccount *account = settings->queries->pdata[i];
        if (query_only(account->driver_name))
            check_query(self, settings, account);
    }
}
