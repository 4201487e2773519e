#include "sandbox/blast.h"

#include <string.h>

#include "sandbox/tokens.h"

enum { FORM_BYTES = 64 * 1024, TOKEN_UUIDS = 1 };

struct Blast {
    Tokens *tokens;
    BlastArchive *archive;
};

Blast *
blast_new(const Options *options)
{
    Blast *self = g_new0(Blast, 1);

    self->tokens = tokens_new(options->token_lifetime_s, TOKEN_UUIDS);
    self->archive = blast_archive_new();
    return self;
}

void
blast_free(Blast *self)
{
    if (!self)
        return;
    tokens_free(self->tokens);
    blast_archive_free(self->archive);
    g_free(self);
}

BlastArchive *
blast_archive(const Blast *self)
{
    return self->archive;
}

void
blast_open(Exchange *exchange)
{
    exchange->sandbox->queries++;
    exchange->state = g_string_new(NULL);
}

void
blast_feed(Exchange *exchange, const char *bytes, size_t n)
{
    GString *form = exchange->state;

    g_string_append_len(form, bytes, (gssize) MIN(n, FORM_BYTES - MIN(form->len, FORM_BYTES)));
}

void
blast_close(Exchange *exchange)
{
    g_string_free(exchange->state, TRUE);
}

static bool
is_post(const Exchange *exchange)
{
    return strcmp(exchange->endpoint->method, "POST") == 0;
}

/* A search has f, all that is posted has format; without it XML is answered. */
static bool
wants_json(const Exchange *exchange, GHashTable *parameters)
{
    const char *format = parameters ? g_hash_table_lookup(parameters, is_post(exchange) ? "format" : "f") : NULL;

    return g_strcmp0(format, "json") == 0;
}

static void add_xml(GString *xml, const char *name, const cJSON *json);

/* The value of one element: parts of a mail as CDATA, all else escaped. */
static void
add_value(GString *xml, const char *name, const cJSON *json)
{
    const cJSON *member;

    cJSON_ArrayForEach(member, json)
        add_xml(xml, member->string, member);
    if (cJSON_IsNumber(json))
        g_string_append_printf(xml, "%d", json->valueint);
    if (cJSON_IsBool(json))
        g_string_append(xml, cJSON_IsTrue(json) ? "true" : "false");
    if (!cJSON_IsString(json))
        return;
    if (g_str_has_suffix(name, "Part")) {
        g_auto(GStrv) pieces = g_strsplit(json->valuestring, "]]>", -1);
        g_autofree char *text = g_strjoinv("]]]]><![CDATA[>", pieces);
        g_string_append_printf(xml, "<![CDATA[%s]]>", text);
    } else {
        g_autofree char *text = g_markup_escape_text(json->valuestring, -1);
        g_string_append(xml, text);
    }
}

/* An array is its elements, one after the other. */
static void
add_xml(GString *xml, const char *name, const cJSON *json)
{
    const cJSON *element;

    if (cJSON_IsArray(json)) {
        cJSON_ArrayForEach(element, json)
            add_xml(xml, name, element);
        return;
    }
    g_string_append_printf(xml, "<%s>", name);
    add_value(xml, name, json);
    g_string_append_printf(xml, "</%s>", name);
}

static void
answer(Exchange *exchange, unsigned status, const char *root, cJSON *json, bool as_json)
{
    if (as_json) {
        answer_json(&exchange->answer, status, json);
        return;
    }
    GString *xml = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    add_xml(xml, root, json);
    cJSON_Delete(json);
    answer_take(&exchange->answer, status, "application/xml; charset=UTF-8", xml);
}

void
blast_answer(Exchange *exchange, GHashTable *parameters, const char *root, cJSON *json)
{
    answer(exchange, 200, root, json, wants_json(exchange, parameters));
}

void
blast_answer_error(Exchange *exchange, GHashTable *parameters, unsigned status, const char *message)
{
    cJSON *error = cJSON_CreateObject();
    cJSON *json = error;

    cJSON_AddStringToObject(error, "message", message);
    if (wants_json(exchange, parameters)) {
        json = cJSON_CreateObject();
        cJSON_AddItemToObject(json, "error", error);
    }
    g_string_append_printf(exchange->note, " error=\"%s\"", message);
    exchange->sandbox->refused++;
    answer(exchange, status, "error", json, json != error);
}

static GHashTable *
read_parameters(const Exchange *exchange)
{
    static const char type[] = "application/x-www-form-urlencoded";
    const GString *form = exchange->state;

    if (!is_post(exchange))
        return g_hash_table_ref(exchange->arguments);
    if (!exchange->content_type || g_ascii_strncasecmp(exchange->content_type, type, strlen(type)) != 0
        || g_hash_table_size(exchange->arguments) > 0 || form->len >= FORM_BYTES)
        return NULL;
    return g_uri_parse_params(form->str, (gssize) form->len, "&", G_URI_PARAMS_WWW_FORM, NULL);
}

/* True if each parameter is one of names and none that is needed is missing or empty. */
static bool
are_good(GHashTable *parameters, const char *names)
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);
    guint known = 0;

    for (char **name = list; *name; name++) {
        bool needed = g_str_has_suffix(*name, "!");
        if (needed)
            (*name)[strlen(*name) - 1] = '\0';
        const char *value = g_hash_table_lookup(parameters, *name);
        if (needed && (!value || !*value))
            return false;
        known += value != NULL;
    }
    return known == g_hash_table_size(parameters);
}

/* The wrong format gets 500; that is how the live service does it. A search with "format" is wrong in any case. */
static bool
answer_format(Exchange *exchange, GHashTable *parameters)
{
    const char *format = g_hash_table_lookup(parameters, "format");
    const char *f = g_hash_table_lookup(parameters, "f");
    const char *wrong = NULL;

    if (is_post(exchange))
        wrong = format && strcmp(format, "xml") != 0 && strcmp(format, "json") != 0 ? format : NULL;
    else if (format || (f && strcmp(f, "xml") != 0 && strcmp(f, "json") != 0))
        wrong = format ? format : f;
    if (!wrong)
        return false;
    g_autofree char *shown = g_strescape(wrong, NULL);
    g_autofree char *text = g_strdup_printf("illegal format: %.40s,%.40s", shown, shown);
    blast_answer_error(exchange, parameters, 500, text);
    return true;
}

GHashTable *
blast_read(Exchange *exchange, const char *names)
{
    g_autoptr(GHashTable) parameters = read_parameters(exchange);
    bool is_login = strstr(names, "access_token") == NULL;

    if (exchange->fault.kind == FAULT_ERROR) {
        blast_answer_error(exchange, parameters, 500, "Ordered by --fault");
    } else if (!parameters) {
        blast_answer_error(exchange, NULL, 400, BLAST_BAD_DATA);
    } else if (!answer_format(exchange, parameters)) {
        const char *token = g_hash_table_lookup(parameters, "access_token");
        if (!is_login && (!token || !tokens_client(exchange->sandbox->blast->tokens, token)))
            blast_answer_error(exchange, parameters, 401, "unauthorized");
        else if (!are_good(parameters, names))
            blast_answer_error(exchange, parameters, 400, BLAST_BAD_DATA);
        else
            return g_steal_pointer(&parameters);
    }
    return NULL;
}

static bool
is_right(const char *wanted, const char *given)
{
    return !wanted || strcmp(wanted, given) == 0;
}

static void
login_answer(Exchange *exchange)
{
    Sandbox *sandbox = exchange->sandbox;
    g_autoptr(GHashTable) parameters = blast_read(exchange, "username! password! api_key! format f");

    if (!parameters)
        return;
    const char *user = g_hash_table_lookup(parameters, "username");
    if (!is_right(sandbox->options->user, user)
        || !is_right(sandbox->options->key, g_hash_table_lookup(parameters, "api_key"))) {
        blast_answer_error(exchange, parameters, 401, "unauthorized");
        return;
    }
    sandbox->logins++;
    cJSON *json = cJSON_CreateObject();
    const char *name = wants_json(exchange, parameters) ? "accessToken" : "access_token";
    cJSON_AddStringToObject(json, name, tokens_issue(sandbox->blast->tokens, user));
    blast_answer(exchange, parameters, "authenticate", json);
}

static void
logout_answer(Exchange *exchange)
{
    g_autoptr(GHashTable) parameters = blast_read(exchange, "access_token! f");

    if (!parameters)
        return;
    tokens_end(exchange->sandbox->blast->tokens, g_hash_table_lookup(parameters, "access_token"));
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "message", "Log out");
    blast_answer(exchange, parameters, "authenticate", json);
}

const Endpoint blast_endpoints[] = {
    { "POST", "/rest/1.0/authenticate/login", API_QUERY, blast_open, blast_feed, login_answer, blast_close },
    { "GET", "/rest/1.0/authenticate/logout", API_QUERY, blast_open, blast_feed, logout_answer, blast_close },
    { NULL },
};
