#include "sandbox/arara_token.h"

#include <string.h>

#include "sandbox/arara.h"
#include "sandbox/base64.h"

enum { FORM_BYTES = 4096 };

/* Why there is no token; status 0: there is one. */
typedef struct {
    unsigned status;
    const char *error;
} Refusal;

static void
token_open(Exchange *exchange)
{
    exchange->state = g_string_new(NULL);
}

static void
token_feed(Exchange *exchange, const char *bytes, size_t n)
{
    GString *form = exchange->state;

    g_string_append_len(form, bytes, (gssize) MIN(n, FORM_BYTES - MIN(form->len, FORM_BYTES)));
}

static bool
is_form_type(const char *type)
{
    static const char form[] = "application/x-www-form-urlencoded";

    return type && g_ascii_strncasecmp(type, form, strlen(form)) == 0
           && strchr("; \t", type[strlen(form)]) != NULL;
}

/* Splits the credentials of "Basic ..."; the client id and, after its end, the secret. */
static char *
read_basic(const char *authorization, const char **secret)
{
    if (g_ascii_strncasecmp(authorization, "Basic ", 6) != 0)
        return NULL;
    g_autoptr(GByteArray) bytes = base64_decode(authorization + 6);
    if (!bytes || memchr(bytes->data, '\0', bytes->len))
        return NULL;
    g_autofree char *text = g_strndup((char *) bytes->data, bytes->len);
    char *colon = strchr(text, ':');
    if (!colon)
        return NULL;
    *colon = '\0';
    *secret = colon + 1;
    return g_steal_pointer(&text);
}

static bool
is_right(const char *wanted, const char *given)
{
    return wanted ? strcmp(wanted, given) == 0 : *given != '\0';
}

static Refusal
check_form(const Exchange *exchange)
{
    const GString *form = exchange->state;

    if (!is_form_type(exchange->content_type))
        return (Refusal) { 400, "invalid_request" };
    g_autoptr(GHashTable) values = g_uri_parse_params(form->str, (gssize) form->len, "&", G_URI_PARAMS_WWW_FORM,
                                                      NULL);
    const char *type = values ? g_hash_table_lookup(values, "grant_type") : NULL;
    if (values && !type)
        return (Refusal) { 405, "invalid_request" };
    if (!values || g_hash_table_size(values) != 1)
        return (Refusal) { 400, "invalid_request" };
    if (strcmp(type, "client_credentials") != 0)
        return (Refusal) { 400, "unsupported_grant_type" };
    return (Refusal) { 0 };
}

/* The client, checked; NULL with refusal set. The caller frees it. */
static char *
find_client(const Exchange *exchange, Refusal *refusal)
{
    const Options *options = exchange->sandbox->options;
    const char *secret = NULL;

    *refusal = check_form(exchange);
    if (refusal->status)
        return NULL;
    if (!exchange->authorization) {
        *refusal = (Refusal) { 401, "invalid_client" };
        return NULL;
    }
    g_autofree char *client = read_basic(exchange->authorization, &secret);
    if (!client)
        *refusal = (Refusal) { 400, "invalid_request" };
    else if (!is_right(options->client_id, client) || !is_right(options->client_secret, secret))
        *refusal = (Refusal) { 401, "invalid_client" };
    return refusal->status ? NULL : g_steal_pointer(&client);
}

static void
token_answer(Exchange *exchange)
{
    Sandbox *sandbox = exchange->sandbox;
    Refusal refusal = { 0 };
    cJSON *json = cJSON_CreateObject();
    g_autofree char *client = NULL;

    if (exchange->fault.kind == FAULT_ERROR)
        refusal = (Refusal) { arara_error_status(exchange), "ordered_by_fault" };
    else
        client = find_client(exchange, &refusal);
    if (client) {
        sandbox->logins++;
        exchange->answer.accepted = true;
        cJSON_AddStringToObject(json, "access_token", tokens_issue(arara_tokens(sandbox->arara), client));
        cJSON_AddNumberToObject(json, "expires_in", sandbox->options->token_lifetime_s);
        cJSON_AddStringToObject(json, "token_type", "Bearer");
        answer_json(&exchange->answer, 200, json);
        return;
    }
    g_string_append_printf(exchange->note, " error=%s", refusal.error);
    cJSON_AddStringToObject(json, "error", refusal.error);
    answer_json(&exchange->answer, refusal.status, json);
}

static void
token_close(Exchange *exchange)
{
    g_string_free(exchange->state, TRUE);
}

const Endpoint arara_token_endpoints[] = {
    { "POST", "/oauth2/token", API_ARARA_LOGIN, token_open, token_feed, token_answer, token_close },
    { NULL },
};
