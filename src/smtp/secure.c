#include "smtp/state.h"

#include <string.h>

bool
smtp_lacks_tls(const SmtpSession *self)
{
    return self->settings->tls == SMTP_TLS_REQUIRED && !self->secure;
}

bool
smtp_lacks_auth(const SmtpSession *self)
{
    return self->settings->auth_required && !self->authenticated;
}

static bool
may_authenticate(const SmtpSession *self)
{
    return self->secure || self->settings->auth_in_plain;
}

static bool
has_starttls(const SmtpSession *self)
{
    return self->settings->tls == SMTP_TLS_OFFERED || self->settings->tls == SMTP_TLS_REQUIRED;
}

bool
smtp_offers_starttls(const SmtpSession *self)
{
    return has_starttls(self) && !self->secure;
}

bool
smtp_offers_auth(const SmtpSession *self)
{
    return self->settings->passwords && may_authenticate(self);
}

char *
smtp_secure_offers(const SmtpSession *self)
{
    bool auth = smtp_offers_auth(self);

    return g_strconcat(smtp_offers_starttls(self) ? "\nSTARTTLS" : "", auth ? "\nAUTH" : "",
                       auth ? sasl_mechanisms(self->settings->passwords) : "", NULL);
}

/* --- STARTTLS ------------------------------------------------------------------------------------ */

void
smtp_starttls(SmtpSession *self, char *args)
{
    if (!has_starttls(self))
        smtp_fail(self, 502, "5.5.1", "Command not offered");
    else if (self->secure)
        smtp_fail(self, 503, "5.5.1", "TLS is on already");
    else if (self->authenticated || self->state != SMTP_IDENTIFIED)
        smtp_fail(self, 503, "5.5.1", "Say STARTTLS after EHLO, before AUTH and MAIL");
    else if (self->left > 0) {
        /* Whatever came with the command was slipped in by somebody who cannot speak after it. */
        smtp_quit(self, smtp_early_talk.code, smtp_early_talk.dsn, smtp_early_talk.text);
    }
    else {
        smtp_say(self, 220, "2.0.0", "Ready for TLS");
        self->asked = ASKED_TLS;
        smtp_flush(self);
        if (!self->freed)
            self->handler->starttls(self->user);
    }
}

/* --- AUTH ---------------------------------------------------------------------------------------- */

static void
smtp_auth_ask(SmtpSession *self, SaslResult result)
{
    const SmtpAuth auth = {
        .mechanism = sasl_mechanism(self->sasl),
        .user = sasl_user(self->sasl),
        .password = result == SASL_CHECK ? sasl_password(self->sasl) : NULL,
        .proved = result == SASL_PROVED,
    };

    self->asked = ASKED_AUTH;
    self->handler->auth(self->user, &auth);
}

static void
smtp_auth_step(SmtpSession *self, const char *response)
{
    const char *challenge = NULL;
    SaslResult result = sasl_step(self->sasl, response, &challenge);

    if (result == SASL_MORE) {
        /* Not a line of text: it may be longer than those. */
        smtp_say_challenge(self, challenge);
    }
    else if (result == SASL_BAD) {
        g_clear_pointer(&self->sasl, sasl_free);
        smtp_fail(self, 501, "5.5.2", "Not what the mechanism expects");
    }
    else {
        smtp_auth_ask(self, result);
    }
}

void
smtp_auth(SmtpSession *self, char *args)
{
    const Passwords *passwords = self->settings->passwords;
    char *response = args + strcspn(args, " ");

    if (*response)
        *response++ = '\0';
    response += strspn(response, " ");
    if (!passwords)
        smtp_fail(self, 503, "5.5.1", "Authentication not offered");
    else if (!may_authenticate(self))
        smtp_fail(self, 538, "5.7.11", "Say STARTTLS first");
    else if (self->authenticated)
        smtp_fail(self, 503, "5.5.1", "Authenticated already");
    else if (!*args)
        smtp_fail(self, 501, "5.5.4", "Syntax: AUTH mechanism");
    else if (!(self->sasl = sasl_new(args, passwords)))
        smtp_fail(self, 504, "5.5.4", "Mechanism not offered");
    else
        smtp_auth_step(self, *response ? response : NULL);
}

void
smtp_auth_line(SmtpSession *self, const char *line)
{
    if (strcmp(line, "*") != 0) {
        smtp_auth_step(self, line);
        return;
    }
    g_clear_pointer(&self->sasl, sasl_free);
    smtp_fail(self, 501, "5.0.0", "Authentication cancelled");
}

void
smtp_auth_answer(SmtpSession *self, const Reply *reply)
{
    g_clear_pointer(&self->sasl, sasl_free);
    self->authenticated = reply->code == 235;
    if (reply->code == 535 && ++self->auth_failures >= SMTP_AUTH_TRIES)
        smtp_quit(self, 421, "4.7.0", "Too many wrong passwords");
    else if (reply->code >= 500)
        smtp_fail(self, reply->code, reply->dsn, reply->text);
    else
        smtp_say_reply(self, reply);
}
