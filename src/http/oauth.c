#include "http/oauth.h"

#include "http/json.h"
#include "http/url.h"

#include <string.h>

enum { TOKEN_MAX_BYTES = 8192, TOKEN_LIFETIME_S = 3600, TOKEN_LIFETIME_MAX_S = 24 * 3600 };

/* "Name: value" with one %s in the value. */
static bool
is_token_header(const char *form)
{
    const char *value = strchr(form, ':');
    const char *place = value ? strstr(value, "%s") : NULL;

    for (const char *p = form; value && p < value; p++) {
        if (!g_ascii_isalnum(*p) && !strchr("-_", *p))
            return false;
    }
    for (const char *p = form; *p; p++) {
        if (!g_ascii_isprint(*p))
            return false;
    }
    return place && value > form && !strchr(place + 1, '%') && strchr(value, '%') == place;
}

/* https://auth.{host}/oauth2/token, where there is a host to speak of. Caller frees. */
static char *
default_token_url(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    const char *host = uri ? g_uri_get_host(uri) : NULL;

    if (!host || g_hostname_is_ip_address(host) || !strchr(host, '.'))
        return NULL;
    return g_strdup_printf("https://auth.%s/oauth2/token", host);
}

static bool
prepare_token_url(OauthConf *self, const OauthSection *section, GError **error)
{
    if (!self->token_url)
        self->token_url = default_token_url(section->url);
    if (!self->token_url)
        return conf_fail(section->file, "account", section->account, "url", error,
                         "this URL needs a token-url beside it");
    const char *fault = http_url_fault(self->token_url, section->allow_http);
    if (fault)
        return conf_fail(section->file, "account", section->account, "token-url", error, "the URL %s", fault);
    return true;
}

Secret *
oauth_prepare(OauthConf *self, const OauthSection *section, GError **error)
{
    const ConfFile *file = section->file;
    const char *account = section->account;
    g_autoptr(GError) cause = NULL;

    if (!prepare_token_url(self, section, error))
        return NULL;
    if (!*self->client_id || !g_str_is_ascii(self->client_id) || strchr(self->client_id, ':')) {
        conf_fail(file, "account", account, "client-id", error, "not a client id");
        return NULL;
    }
    if (!is_token_header(self->token_header)) {
        conf_fail(file, "account", account, "token-header", error,
                  "must look like 'Authorization: Bearer %%s', with one %%s for the token");
        return NULL;
    }
    Secret *secret = secret_load(self->client_secret_file, &cause);
    if (!secret)
        conf_fail(file, "account", account, "client-secret-file", error, "%s", cause->message);
    return secret;
}

char *
oauth_credentials(const OauthConf *self, const Secret *secret)
{
    g_autofree char *both = g_strconcat(self->client_id, ":", secret_reveal(secret), NULL);

    return g_base64_encode((const guchar *) both, strlen(both));
}

HttpRequest *
oauth_login(const OauthConf *self, const Secret *secret)
{
    HttpRequest *request = http_request_new("POST", self->token_url);
    g_autofree char *credentials = oauth_credentials(self, secret);
    g_autofree char *basic = g_strconcat("Basic ", credentials, NULL);

    http_request_header(request, "Authorization", basic);
    http_request_take_body(request, "application/x-www-form-urlencoded",
                           source_new_string("grant_type=client_credentials"));
    return request;
}

/* Goes into a header: visible ASCII. */
static bool
is_token(const char *token)
{
    size_t n = token ? strlen(token) : 0;

    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isgraph(token[i]))
            return false;
    }
    return n > 0 && n <= TOKEN_MAX_BYTES;
}

static gint64
lifetime_of(const cJSON *answer)
{
    g_autofree char *text = json_text(answer, "expires_in");
    gint64 seconds = text ? g_ascii_strtoll(text, NULL, 10) : 0;

    if (seconds <= 0)
        seconds = TOKEN_LIFETIME_S;
    return MIN(seconds, TOKEN_LIFETIME_MAX_S) * 1000;
}

Secret *
oauth_token(const HttpResponse *response, gint64 *lifetime_ms)
{
    g_autoptr(cJSON) answer = json_parse(response->body, response->body_length);
    const char *token = json_string(answer, "access_token");

    if (response->transport != HTTP_OK || response->status / 100 != 2 || !is_token(token))
        return NULL;
    *lifetime_ms = lifetime_of(answer);
    return secret_new(token);
}

void
oauth_put_token(const OauthConf *self, HttpRequest *request, const Secret *token)
{
    g_auto(GStrv) form = g_strsplit(self->token_header, ":", 2);
    g_auto(GStrv) around = g_strsplit(g_strstrip(form[1]), "%s", 2);
    g_autofree char *value = g_strconcat(around[0], token ? secret_reveal(token) : "", around[1], NULL);

    http_request_header(request, g_strstrip(form[0]), value);
}
