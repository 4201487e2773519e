#include "relay/token.h"

#include "base/clock.h"

#define RENEW_EARLY_MS (5 * 60 * 1000)

struct Token {
    HttpClient *http;
    const Provider *provider;
    Secret *secret;    /* or NULL */
    gint64 renew, end; /* monotonic */
    HttpExchange *login;
    GQueue line; /* of TokenWait */
};

Token *
token_new(HttpClient *http, const Provider *provider)
{
    Token *self = g_new0(Token, 1);

    self->http = http;
    self->provider = provider;
    g_queue_init(&self->line);
    return self;
}

void
token_free(Token *self)
{
    if (!self)
        return;
    token_close(self);
    secret_free(self->secret);
    g_free(self);
}

void
token_close(Token *self)
{
    g_assert(g_queue_is_empty(&self->line));
    http_cancel(&self->login);
}

/* A short-lived token is used for half of its life. */
static void
take(Token *self, Secret *secret, gint64 lifetime_ms)
{
    gint64 now = clock_monotonic();

    secret_free(self->secret);
    self->secret = secret;
    self->end = now + lifetime_ms;
    self->renew = self->end - MIN(RENEW_EARLY_MS, lifetime_ms / 2);
}

/* Who waits now is answered; who comes back in there waits for the next login. */
static void
answer_all(Token *self, const Outcome *refusal)
{
    for (guint left = self->line.length; left > 0 && !g_queue_is_empty(&self->line); left--) {
        TokenWait *wait = g_queue_pop_head_link(&self->line)->data;
        wait->waiting = false;
        wait->ready(wait, refusal ? NULL : self->secret, refusal);
    }
}

static void
on_login(const HttpResponse *response, void *user)
{
    Token *self = user;
    Outcome refusal = { 0 };
    gint64 lifetime_ms = 0;
    Secret *secret = self->provider->driver->token(self->provider, response, &lifetime_ms, &refusal);

    self->login = NULL;
    if (secret) /* else the old one, which is renewed early, is good until its end */
        take(self, secret, lifetime_ms);
    bool usable = self->secret && clock_monotonic() < self->end;
    answer_all(self, usable ? NULL : &refusal);
    outcome_clear(&refusal);
}

const Secret *
token_get(Token *self, TokenWait *wait)
{
    if (self->secret && clock_monotonic() < self->renew)
        return self->secret;
    wait->link = (GList) { .data = wait };
    wait->waiting = true;
    g_queue_push_tail_link(&self->line, &wait->link);
    if (!self->login)
        self->login = http_send(self->http, self->provider->driver->login(self->provider), on_login, self);
    return NULL;
}

void
token_forget(Token *self, TokenWait *wait)
{
    if (!wait->waiting)
        return;
    wait->waiting = false;
    g_queue_unlink(&self->line, &wait->link);
}

void
token_refused(Token *self, const Secret *token)
{
    if (self->secret && g_str_equal(secret_reveal(self->secret), secret_reveal(token)))
        g_clear_pointer(&self->secret, secret_free);
}
