#include "smtp/sasl.h"

#include <gsasl.h>
#include <string.h>

static const char *const mechanisms[] = { "SCRAM-SHA-256", "PLAIN", "LOGIN" };
enum { SCRAM, PLAIN, LOGIN };

struct Sasl {
    Gsasl_session *session;
    const Passwords *passwords;
    guint mechanism;
    guint steps;
    bool proved;          /* only the client's empty answer is missing */
    bool wants_another;   /* to act for somebody else */
    char *user, *challenge;
    Secret *password;
};

const char *
sasl_mechanisms(const Passwords *passwords)
{
    return passwords_have_scram(passwords) ? " SCRAM-SHA-256 PLAIN LOGIN" : " PLAIN LOGIN";
}

/* --- what libgsasl asks -------------------------------------------------------------------------- */

/* Takes name and password; both are judged later. */
static int
take_simple(Sasl *self, Gsasl_session *session)
{
    const char *user = gsasl_property_fast(session, GSASL_AUTHID);
    const char *other = gsasl_property_fast(session, GSASL_AUTHZID);
    const char *password = gsasl_property_fast(session, GSASL_PASSWORD);

    if (!user || !password)
        return GSASL_MECHANISM_PARSE_ERROR;
    self->user = g_strdup(user);
    self->wants_another = other && *other && strcmp(other, user) != 0;
    self->password = secret_new(password);
    /* The library's copy would be freed as it is. */
    explicit_bzero((char *)password, strlen(password));
    return GSASL_OK;
}

static int
give_verifier(Sasl *self, Gsasl_session *session)
{
    const char *user = gsasl_property_fast(session, GSASL_AUTHID);
    const char *other = gsasl_property_fast(session, GSASL_AUTHZID);

    if (!user || !password_user_is_clean(user))
        return GSASL_MECHANISM_PARSE_ERROR;
    g_free(self->user);
    self->user = g_strdup(user);
    self->wants_another = other && *other && strcmp(other, user) != 0;
    ScramVerifier verifier = passwords_scram(self->passwords, user);
    gsasl_property_set(session, GSASL_SCRAM_ITER, verifier.iterations);
    gsasl_property_set(session, GSASL_SCRAM_SALT, verifier.salt);
    gsasl_property_set(session, GSASL_SCRAM_STOREDKEY, verifier.stored_key);
    gsasl_property_set(session, GSASL_SCRAM_SERVERKEY, verifier.server_key);
    scram_verifier_clear(&verifier);
    return GSASL_OK;
}

static int
on_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
    Sasl *self = gsasl_session_hook_get(session);

    switch ((int)property) {
    case GSASL_VALIDATE_SIMPLE:
        return take_simple(self, session);
    case GSASL_SCRAM_ITER:
    case GSASL_SCRAM_SALT:
    case GSASL_SCRAM_STOREDKEY:
    case GSASL_SCRAM_SERVERKEY:
        return give_verifier(self, session);
    default:
        return GSASL_NO_CALLBACK;
    }
}

static Gsasl *
library(void)
{
    static Gsasl *one;

    if (!one) {
        int failed = gsasl_init(&one);
        if (failed)
            g_error("cannot begin with SASL: %s", gsasl_strerror(failed));
        gsasl_callback_set(one, on_property);
    }
    return one;
}

/* --- the exchange -------------------------------------------------------------------------------- */

Sasl *
sasl_new(const char *mechanism, const Passwords *passwords)
{
    guint which = 0;

    while (which < G_N_ELEMENTS(mechanisms) && g_ascii_strcasecmp(mechanism, mechanisms[which]) != 0)
        which++;
    if (which == G_N_ELEMENTS(mechanisms) || (which == SCRAM && !passwords_have_scram(passwords)))
        return NULL;

    Sasl *self = g_new0(Sasl, 1);
    self->passwords = passwords;
    self->mechanism = which;
    if (gsasl_server_start(library(), mechanisms[which], &self->session) != GSASL_OK) {
        g_free(self);
        return NULL;
    }
    gsasl_session_hook_set(self->session, self);
    return self;
}

void
sasl_free(Sasl *self)
{
    if (!self)
        return;
    gsasl_finish(self->session);
    secret_free(self->password);
    g_free(self->user);
    g_free(self->challenge);
    g_free(self);
}

/* GLib's decoder skips what it does not understand. */
static guchar *
decode(const char *text, gsize *n)
{
    size_t length = strlen(text);
    size_t letters = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

    if (length == 0 || length % 4 != 0 || length - letters > 2 || strspn(text + letters, "=") != length - letters)
        return NULL;
    return g_base64_decode(text, n);
}

/* What old clients look for; the library's words are others. */
static const char *
login_prompt(const Sasl *self)
{
    return self->steps == 1 ? "Username:" : "Password:";
}

static SaslResult
challenge_client(Sasl *self, const char *text, size_t n, const char **challenge)
{
    g_free(self->challenge);
    self->challenge = g_base64_encode((const guchar *)text, n);
    *challenge = self->challenge;
    return SASL_MORE;
}

static SaslResult
finish(Sasl *self, const char *output, size_t n, const char **challenge)
{
    if (!self->user || !password_user_is_clean(self->user))
        return SASL_BAD;
    if (self->password && !*secret_reveal(self->password))
        return SASL_BAD;
    if (self->mechanism != SCRAM)
        return self->wants_another ? SASL_REFUSED : SASL_CHECK;
    if (self->wants_another)
        return SASL_REFUSED;
    self->proved = true;
    return challenge_client(self, output, n, challenge);
}

static SaslResult
step_decoded(Sasl *self, const char *input, size_t n, const char **challenge)
{
    char *output = NULL;
    size_t length = 0;
    int result = gsasl_step(self->session, input, n, &output, &length);
    SaslResult said = result == GSASL_AUTHENTICATION_ERROR ? SASL_REFUSED : SASL_BAD;

    self->steps++;
    if (result == GSASL_OK)
        said = finish(self, output, length, challenge);
    else if (result == GSASL_NEEDS_MORE && self->mechanism == LOGIN)
        said = challenge_client(self, login_prompt(self), strlen(login_prompt(self)), challenge);
    else if (result == GSASL_NEEDS_MORE)
        said = challenge_client(self, output, length, challenge);
    gsasl_free(output);
    return said;
}

SaslResult
sasl_step(Sasl *self, const char *response, const char **challenge)
{
    gsize n = 0;

    if (!response)
        return step_decoded(self, NULL, 0, challenge);
    if (self->proved)
        return *response ? SASL_BAD : SASL_PROVED;
    guchar *input = decode(response, &n);
    if (!input)
        return SASL_BAD;
    /* LOGIN has no initial response, but clients send the name as one. */
    if (self->mechanism == LOGIN && self->steps == 0) {
        const char *unsaid;
        step_decoded(self, NULL, 0, &unsaid);
    }
    bool has_nul = self->mechanism == LOGIN && memchr(input, '\0', n);
    SaslResult result = has_nul ? SASL_BAD : step_decoded(self, (const char *)input, n, challenge);
    explicit_bzero(input, n);
    g_free(input);
    return result;
}

const char *
sasl_mechanism(const Sasl *self)
{
    return mechanisms[self->mechanism];
}

const char *
sasl_user(const Sasl *self)
{
    return self->user && password_user_is_clean(self->user) ? self->user : NULL;
}

const Secret *
sasl_password(const Sasl *self)
{
    return self->password;
}
