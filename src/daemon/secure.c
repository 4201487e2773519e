#include "daemon/secure.h"

static const char *const tls_ways[] = { "off", "starttls", "required", "implicit", NULL };
static const char *const client_ways[] = { "off", "request", "require", NULL };
static const char *const auth_ways[] = { "no", "yes", "required", NULL };

const ConfKey secure_conf_keys[] = {
    CONF_KEY(SecureConf, tls, "tls", CONF_CHOICE, "off", .choices = tls_ways),
    CONF_KEY(SecureConf, certificates, "tls-certificate", CONF_LIST, NULL),
    CONF_KEY(SecureConf, keys, "tls-key", CONF_LIST, NULL),
    CONF_KEY(SecureConf, client, "tls-client", CONF_CHOICE, "off", .choices = client_ways),
    CONF_KEY(SecureConf, client_ca, "tls-client-ca", CONF_STRING, NULL),
    CONF_KEY(SecureConf, auth, "auth", CONF_CHOICE, "no", .choices = auth_ways),
    CONF_KEY(SecureConf, auth_without_tls, "auth-without-tls", CONF_BOOL, "no"),
    CONF_KEY(SecureConf, password_file, "password-file", CONF_STRING, NULL),
    { 0 },
};

typedef struct {
    const char *key, *text;
} Wrong;

static Wrong
find_wrong(const SecureConf *conf, bool local)
{
    guint keys = g_strv_length(conf->keys), certificates = g_strv_length(conf->certificates);

    if (conf->tls != SMTP_TLS_OFF && local)
        return (Wrong) { "tls", "nobody can listen in on a unix socket: TLS is for addresses" };
    if (conf->tls != SMTP_TLS_OFF && certificates == 0)
        return (Wrong) { "tls", "TLS needs tls-certificate = …" };
    if (conf->tls == SMTP_TLS_OFF && certificates > 0)
        return (Wrong) { "tls-certificate", "it is for nothing while there is no tls = …" };
    if (keys > 0 && keys != certificates)
        return (Wrong) { "tls-key", "there must be a key for each certificate, in the same order" };
    if (conf->client != TLS_CLIENT_OFF && (!conf->client_ca || conf->tls == SMTP_TLS_OFF))
        return (Wrong) { "tls-client", "it needs tls = … and tls-client-ca = …" };
    if (conf->client == TLS_CLIENT_OFF && conf->client_ca)
        return (Wrong) { "tls-client-ca", "it is for nothing while there is no tls-client = …" };
    if (conf->auth != AUTH_NO && !conf->password_file)
        return (Wrong) { "auth", "AUTH needs password-file = …" };
    if (conf->auth == AUTH_NO && conf->password_file)
        return (Wrong) { "password-file", "it is for nothing while there is no auth = …" };
    if (conf->auth != AUTH_NO && conf->tls == SMTP_TLS_OFF && !conf->auth_without_tls && !local)
        return (Wrong) { "auth", "passwords would cross the network for everyone to read: set tls = …, or "
                                 "auth-without-tls = yes" };
    return (Wrong) { 0 };
}

static bool
open_context(Secure *self, const ConfFile *file, const char *name, GError **error)
{
    static const char *const keys[] = { "tls-certificate", "tls-key", "tls-client-ca", "tls" };
    g_autoptr(GError) cause = NULL;
    const TlsSettings settings = {
        .name = name,
        .certificates = (const char *const *) self->conf.certificates,
        .keys = (const char *const *) self->conf.keys,
        .client_ca = self->conf.client_ca,
        .client = (TlsClient) self->conf.client,
    };

    if (self->conf.tls == SMTP_TLS_OFF)
        return true;
    self->context = tls_context_new(&settings, &cause);
    if (self->context)
        return true;
    const char *key = keys[cause->code];
    if (cause->code == TLS_ERROR_KEY && !self->conf.keys[0])
        key = "tls-certificate";
    return conf_fail(file, "listen", name, key, error, "%s", cause->message);
}

static bool
open_passwords(Secure *self, const ConfFile *file, const char *name, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (self->conf.auth == AUTH_NO)
        return true;
    self->passwords = passwords_load(self->conf.password_file, &cause);
    return self->passwords || conf_fail(file, "listen", name, "password-file", error, "%s", cause->message);
}

bool
secure_read(Secure *self, ConfFile *file, const char *name, bool local, GError **error)
{
    if (!conf_read(file, "listen", name, secure_conf_keys, &self->conf, error))
        return false;
    Wrong wrong = find_wrong(&self->conf, local);
    if (wrong.key)
        return conf_fail(file, "listen", name, wrong.key, error, "%s", wrong.text);
    return open_context(self, file, name, error) && open_passwords(self, file, name, error);
}

const char *
secure_doubt(const Secure *self)
{
    return self->passwords && passwords_are_none(self->passwords) ? "password-file: it has no users, nobody can log in"
                                                                  : NULL;
}

void
secure_clear(Secure *self)
{
    conf_clear(secure_conf_keys, &self->conf);
    g_clear_pointer(&self->context, tls_context_unref);
    g_clear_pointer(&self->passwords, passwords_unref);
}

bool
secure_knows_all(const Secure *self)
{
    bool tls = self->conf.tls == SMTP_TLS_REQUIRED || self->conf.tls == SMTP_TLS_ALWAYS;

    return self->conf.auth == AUTH_REQUIRED || (tls && self->conf.client == TLS_CLIENT_REQUIRE);
}

void
secure_apply(const Secure *self, bool local, SmtpSettings *smtp)
{
    smtp->tls = self->context ? (SmtpTls) self->conf.tls : SMTP_TLS_OFF;
    smtp->passwords = self->passwords;
    smtp->auth_required = self->passwords && self->conf.auth == AUTH_REQUIRED;
    smtp->auth_in_plain = local || self->conf.auth_without_tls;
}
