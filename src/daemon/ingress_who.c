#include "daemon/ingress_state.h"

#include "base/log.h"

#include <string.h>

void
ingress_answer(Ingress *self, int code, const char *dsn, const char *text)
{
    const Reply reply = { code, dsn, (char *) text };

    smtp_session_resume(self->session, &reply);
}

/* --- who it is ----------------------------------------------------------------------------------- */

static void
on_auth_judged(const Reply *reply, void *user)
{
    Ingress *self = user;

    self->check = NULL;
    if (reply->code == 235)
        self->authenticated = g_steal_pointer(&self->claimed);
    g_clear_pointer(&self->claimed, g_free);
    smtp_session_resume(self->session, reply);
    self->ops->answered(self->user);
}

void
ingress_on_auth(void *user, const SmtpAuth *what)
{
    Ingress *self = user;
    AuthClient client = {
        .client = self->client.client,
        .listener = self->client.listen->name,
        .passwords = self->client.listen->secure.passwords,
    };

    memcpy(client.key, self->client.key, sizeof client.key);
    self->claimed = g_strdup(what->user);
    self->check = auth_check(self->hub->auth, &client, what, on_auth_judged, self);
}

void
ingress_on_starttls(void *user)
{
    Ingress *self = user;

    self->ops->starttls(self->user);
}

void
ingress_secured(Ingress *self, const TlsFacts *facts)
{
    self->client.tls = facts;
    g_clear_pointer(&self->helo, g_free);
    smtp_session_secured(self->session);
}

/* --- trusted clients ----------------------------------------------------------------------------- */

void
ingress_on_xclient(void *user, const SmtpOrigin *said)
{
    Ingress *self = user;
    const Reply *refusal = origin_take(&self->stands_for, said, self->client.listen);

    if (refusal) {
        smtp_session_resume(self->session, refusal);
        return;
    }
    if (self->stands_for.client[0]) {
        log_event(LOG_INFO, "stands-for", "client", self->connected, "for", self->stands_for.client, "listener",
                  self->client.listen->name, NULL);
        self->client.client = self->stands_for.client;
        memcpy(self->client.key, self->stands_for.key, sizeof self->client.key);
    }
    g_free(self->helo);
    self->helo = g_strdup(self->stands_for.helo);
    g_free(self->authenticated);
    self->authenticated = g_strdup(self->stands_for.login);
    ingress_answer(self, 220, NULL, "Ok");
}

void
ingress_on_xforward(void *user, const SmtpOrigin *said)
{
    Ingress *self = user;
    const Reply *refusal = origin_take(&self->forwards, said, NULL);

    if (refusal)
        smtp_session_resume(self->session, refusal);
    else
        ingress_answer(self, 250, "2.0.0", "Ok");
}
