/* Logins by OAuth's client credentials (RFC 6749, section 4.4): settings, the request for a token, the token of its
 * answer, the header that carries it. Pure. */
#pragma once

#include "base/conf.h"
#include "base/secret.h"
#include "http/request.h"

/* Members of an account's settings, which the driver's table reads. */
typedef struct {
    char *token_url; /* complete after oauth_prepare() */
    char *client_id;
    char *client_secret_file;
    char *token_header; /* "Name: value" with one %s */
} OauthConf;

/* The section they were read from. */
typedef struct {
    const ConfFile *file;
    const char *account, *url;
    bool allow_http;
} OauthSection;

/* Checks and completes the settings (the token's URL is at auth.HOST where none is set), and loads the client's secret;
 * NULL: an error of conf_fail(). */
Secret *oauth_prepare(OauthConf *self, const OauthSection *section, GError **error);

HttpRequest *oauth_login(const OauthConf *self, const Secret *secret);

/* What a login shows of itself: id and secret in base64. Caller frees. */
char *oauth_credentials(const OauthConf *self, const Secret *secret);

/* The token of a login's answer, good for lifetime_ms from now; NULL: it has none. */
Secret *oauth_token(const HttpResponse *response, gint64 *lifetime_ms);

/* The header in the account's form; without a token, without one. */
void oauth_put_token(const OauthConf *self, HttpRequest *request, const Secret *token);
