#include "provider/cmc.h"

#include "provider/cmc_marker.h"
#include "provider/cmc_request.h"

#include "http/json.h"
#include "http/url.h"

#include <string.h>

#define CMC_BULK_PATH "/api/v2/emails/bulk.json"

enum { CMC_BULK_TO = 1000 };

static const ConfKey cmc_keys[] = {
    CONF_KEY(CmcConf, api_user, "api-user", CONF_STRING, NULL, .required = true),
    CONF_KEY(CmcConf, api_key_file, "api-key-file", CONF_STRING, NULL, .required = true),
    CONF_KEY(CmcConf, bulk, "bulk", CONF_BOOL, "no"),
    CONF_KEY(CmcConf, server_composition, "server-composition", CONF_STRING, NULL),
    CONF_KEY(CmcConf, deliveries_url, "deliveries-url", CONF_STRING, NULL),
    CONF_KEY(CmcConf, look_up, "lookup-before-retry", CONF_BOOL, "no"),
    { 0 },
};

/* The error codes of the API: what each means for the mail. */
const JudgeRow cmc_codes[] = {
    { "01-001", OUTCOME_TRANSIENT, 451, "4.3.0", 0 }, /* near the size limit: cmc_too_large */
    { "11-004", OUTCOME_PERMANENT, 554, "5.5.3", OUTCOME_ALARM },
    { "11-005", OUTCOME_PERMANENT, 553, "5.1.3", 0 },
    { "11-006", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-007", OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF },
    { "11-008", OUTCOME_PERMANENT, 552, "5.3.4", 0 },
    { "11-009", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-010", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-011", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-012", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-013", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-014", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-015", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-016", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-017", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-018", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "11-019", OUTCOME_PERMANENT, 554, "5.6.0", OUTCOME_ALARM },
    { "13-001", OUTCOME_TRANSIENT, 451, "4.3.0", 0 },
    { "13-002", OUTCOME_TRANSIENT, 451, "4.3.0", 0 },
    { "13-003", OUTCOME_PERMANENT, 553, "5.1.3", 0 },
    { "13-004", OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM },
    { "13-005", OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF },
    { "13-006", OUTCOME_PERMANENT, 550, "5.7.1", 0 },
    { "13-007", OUTCOME_PERMANENT, 552, "5.3.4", 0 },
    { "13-008", OUTCOME_TRANSIENT, 451, "4.3.0", 0 },
    { "13-009", OUTCOME_TRANSIENT, 451, "4.7.5", OUTCOME_ALARM },
    { 0 },
};

static const JudgeRow cmc_too_large = { "01-001", OUTCOME_PERMANENT, 552, "5.3.4", 0 };

/* Where the vendor documents the lists for its own hosts; another host that plays the API has them itself. */
static char *
default_deliveries_url(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    g_autofree char *host = uri ? g_ascii_strdown(g_uri_get_host(uri), -1) : g_strdup("");
    bool vendor = g_str_has_suffix(host, ".smtps.jp");

    return g_strconcat(vendor ? "https://api.smtps.jp" : url, CMC_DELIVERIES_PATH, NULL);
}

static bool
prepare_deliveries(Provider *self, const ConfFile *file, GError **error)
{
    CmcConf *conf = self->conf;

    if (!conf->deliveries_url)
        conf->deliveries_url = default_deliveries_url(self->url);
    const char *fault = http_url_fault(conf->deliveries_url, self->allow_http);
    if (fault)
        return conf_fail(file, "account", self->name, "deliveries-url", error, "the URL %s", fault);
    if (conf->look_up && !conf->server_composition)
        return conf_fail(file, "account", self->name, "lookup-before-retry", error, "needs a server-composition");
    return true;
}

static bool
cmc_prepare(Provider *self, const ConfFile *file, GError **error)
{
    const CmcConf *conf = self->conf;
    g_autoptr(GError) cause = NULL;

    if (strstr(self->url, "/api/v2"))
        return conf_fail(file, "account", self->name, "url", error, "the URL must end before " CMC_PATH);
    if (!*conf->api_user || !g_str_is_ascii(conf->api_user))
        return conf_fail(file, "account", self->name, "api-user", error, "not an API user");
    self->key = secret_load(conf->api_key_file, &cause);
    if (!self->key)
        return conf_fail(file, "account", self->name, "api-key-file", error, "%s", cause->message);
    return prepare_deliveries(self, file, error);
}

/* Copies up to max recipients from *next on. */
static void
take(GPtrArray *to, const GPtrArray *from, guint *next, guint max)
{
    for (guint end = MIN(from->len, *next + max); *next < end; (*next)++) {
        const Mailbox *box = from->pdata[*next];
        g_ptr_array_add(to, mailbox_new(box->name, box->address));
    }
}

/* Hidden recipients whom no call to visible ones can take: nobody may see them. */
static void
add_single(const Provider *self, const Mail *mail, const GPtrArray *hidden, guint next, GPtrArray *calls)
{
    const CmcConf *conf = self->conf;
    guint left = hidden->len - next;
    g_autoptr(GPtrArray) keys = conf->bulk && left > 1 ? cmc_marker_keys(mail, MIN(left, CMC_BULK_TO)) : NULL;

    while (next < hidden->len) {
        Call *call = call_new(NULL);
        take(call->to, hidden, &next, keys ? CMC_BULK_TO : 1);
        call->each_alone = call->to->len > 1;
        g_ptr_array_add(calls, call);
    }
}

static GPtrArray *
cmc_partition(const Provider *self, const Mail *mail, const Recipients *recipients)
{
    GPtrArray *calls = g_ptr_array_new_with_free_func((GDestroyNotify) call_free);
    const ProviderLimits *limits = &self->limits;
    guint to = 0, cc = 0, hidden = 0;

    while (to < recipients->to->len || cc < recipients->cc->len) {
        Call *call = call_new(NULL);
        take(call->to, recipients->to, &to, limits->to);
        if (call->to->len == 0)
            take(call->to, recipients->cc, &cc, 1); /* `to` must not be empty */
        take(call->cc, recipients->cc, &cc, limits->cc);
        take(call->bcc, recipients->hidden, &hidden, limits->bcc);
        g_ptr_array_add(calls, call);
    }
    add_single(self, mail, recipients->hidden, hidden, calls);
    return calls;
}

static cJSON *
mailbox_json(const Mailbox *box)
{
    g_autofree char *ascii = address_to_ascii(box->address);
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "name", box->name);
    cJSON_AddStringToObject(object, "address", ascii ? ascii : box->address);
    return object;
}

/* Takes json. */
static void
field_json(HttpRequest *request, const char *name, cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);

    http_request_field(request, name, text);
    cJSON_free(text);
    cJSON_Delete(json);
}

static void
field_mailboxes(HttpRequest *request, const char *name, const GPtrArray *boxes)
{
    if (boxes->len == 0)
        return;
    cJSON *array = cJSON_CreateArray();
    for (guint i = 0; i < boxes->len; i++)
        cJSON_AddItemToArray(array, mailbox_json(boxes->pdata[i]));
    field_json(request, name, array);
}

/* The recipients of a bulk call, each with the properties that leave the mail as it is. */
static void
field_bulk_to(HttpRequest *request, const Mail *mail, const GPtrArray *boxes)
{
    g_autoptr(GPtrArray) keys = cmc_marker_keys(mail, boxes->len);
    cJSON *array = cJSON_CreateArray();

    for (guint i = 0; i < boxes->len; i++) {
        cJSON *object = mailbox_json(boxes->pdata[i]);
        for (guint k = 0; keys && k < keys->len; k++) {
            g_autofree char *marker = cmc_marker(keys->pdata[k]);
            cJSON_AddStringToObject(object, keys->pdata[k], marker);
        }
        cJSON_AddItemToArray(array, object);
    }
    field_json(request, "to", array);
}

static bool
is_in(const GPtrArray *boxes, const char *address)
{
    for (guint i = 0; i < boxes->len; i++) {
        const Mailbox *box = boxes->pdata[i];
        if (address_same(box->address, address))
            return true;
    }
    return false;
}

/* The list as the sender wrote it, for a call that does not show all of it. */
static void
add_original_list(GPtrArray *headers, const char *name, const char *list, const GPtrArray *boxes, const Call *call,
                  guint max_bytes)
{
    bool whole = true;

    for (guint i = 0; i < boxes->len && whole; i++) {
        const Mailbox *box = boxes->pdata[i];
        whole = is_in(call->to, box->address) || is_in(call->cc, box->address);
    }
    if (whole || !list || (max_bytes && strlen(name) + strlen(": ") + strlen(list) > max_bytes))
        return;
    g_ptr_array_add(headers, mail_header_new(name, list));
}

/* What translation put in for tracing is the mail's id; the call's begins with that and tells calls apart. */
static const char *
header_value_for(const MailHeader *header, const Call *call)
{
    bool is_ours = g_ascii_strcasecmp(header->name, "X-Api-Data") == 0 && g_str_has_prefix(call->key, header->value);

    return is_ours ? call->key : header->value;
}

const char *
cmc_api_data(const Mail *mail, const Call *call)
{
    for (guint i = 0; i < mail->headers->len; i++) {
        const MailHeader *header = mail->headers->pdata[i];
        if (g_ascii_strcasecmp(header->name, "X-Api-Data") == 0)
            return header_value_for(header, call);
    }
    return call->key;
}

static GPtrArray *
cmc_headers(const Provider *self, const Mail *mail, const Call *call)
{
    GPtrArray *headers = g_ptr_array_new_with_free_func((GDestroyNotify) mail_header_free);
    guint max_bytes = self->limits.header_bytes;

    for (guint i = 0; i < mail->headers->len; i++) {
        const MailHeader *header = mail->headers->pdata[i];
        g_ptr_array_add(headers, mail_header_new(header->name, header_value_for(header, call)));
    }
    add_original_list(headers, "X-Original-To-Header", mail->to_header, mail->to, call, max_bytes);
    add_original_list(headers, "X-Original-Cc-Header", mail->cc_header, mail->cc, call, max_bytes);
    return headers;
}

static void
field_headers(HttpRequest *request, const Provider *self, const Mail *mail, const Call *call)
{
    g_autoptr(GPtrArray) headers = cmc_headers(self, mail, call);
    cJSON *array = cJSON_CreateArray();

    for (guint i = 0; i < headers->len; i++) {
        const MailHeader *header = headers->pdata[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", header->name);
        cJSON_AddStringToObject(object, "value", header->value);
        cJSON_AddItemToArray(array, object);
    }
    if (array->child)
        field_json(request, "headers", array);
    else
        cJSON_Delete(array);
}

static void
field_attachments(HttpRequest *request, const GPtrArray *attachments)
{
    if (attachments->len == 0)
        return;
    g_autofree char *count = g_strdup_printf("%u", attachments->len);
    http_request_field(request, "attachments", count);
    for (guint i = 0; i < attachments->len; i++) {
        const MailPart *part = attachments->pdata[i];
        g_autofree char *name = g_strdup_printf("attachment%u", i + 1);
        http_request_take_file(request, name, part->filename, part->type, mail_part_bytes(part));
    }
}

HttpRequest *
cmc_request(const Provider *self, const char *url)
{
    const CmcConf *conf = self->conf;
    HttpRequest *request = http_request_new("POST", url);

    http_request_header(request, "Accept-Language", "en"); /* its error texts go into SMTP replies */
    http_request_field(request, "api_user", conf->api_user);
    http_request_field(request, "api_key", secret_reveal(self->key));
    return request;
}

static HttpRequest *
cmc_build(const Provider *self, const CallTry *try)
{
    if (cmc_is_look_up(self, try))
        return cmc_look_up(self, try);
    const Mail *mail = try->mail;
    const Call *call = try->call;
    g_autofree char *url = g_strconcat(self->url, call->each_alone ? CMC_BULK_PATH : CMC_PATH, NULL);
    g_autofree char *envelope_from = address_to_ascii(mail->envelope_from);
    HttpRequest *request = cmc_request(self, url);

    if (call->each_alone)
        field_bulk_to(request, mail, call->to);
    else
        field_mailboxes(request, "to", call->to);
    field_mailboxes(request, "cc", call->cc);
    field_mailboxes(request, "bcc", call->bcc);
    field_json(request, "from", mailbox_json(mail->from));
    if (envelope_from && *envelope_from)
        http_request_field(request, "envfrom", envelope_from);
    if (mail->reply_to)
        field_json(request, "replyto", mailbox_json(mail->reply_to));
    field_headers(request, self, mail, call);
    http_request_field(request, "charset", mail->charset);
    http_request_field(request, "subject", mail->subject);
    http_request_field(request, "text", mail->text);
    if (mail->html)
        http_request_field(request, "html", mail->html);
    field_attachments(request, mail->attachments);
    return request;
}

/* What retrying can't mend outweighs what it can; what only the operator can mend comes between. */
static int
severity(const cJSON *error)
{
    const JudgeRow *row = judge_find(cmc_codes, json_string(error, "code"));

    if (row && row->verdict == OUTCOME_PERMANENT)
        return 2;
    return row && (row->flags & OUTCOME_ALARM) ? 1 : 0;
}

static const cJSON *
worst_of(const cJSON *errors)
{
    const cJSON *worst = errors->child;
    const cJSON *error;

    cJSON_ArrayForEach(error, errors) {
        if (severity(error) > severity(worst))
            worst = error;
    }
    return worst;
}

/* True if a word of the API's message is the address. */
static bool
names(const char *message, const char *address)
{
    g_autofree char *ascii = address_to_ascii(address);
    g_auto(GStrv) words = g_strsplit_set(message ? message : "", " \t\r\n<>\"',;()", -1);

    for (guint i = 0; words[i]; i++) {
        if (strchr(words[i], '@') && (address_same(words[i], address) || (ascii && address_same(words[i], ascii))))
            return true;
    }
    return false;
}

/* A call is all or nothing: one bad address stops the mail for the others, who need a call without it. */
static void
judge_addresses(const Provider *self, const Call *call, const cJSON *errors, const JudgeRow *row, Outcome *outcomes)
{
    const cJSON *error;
    guint n = call_size(call);
    g_autofree bool *named = g_new0(bool, n);
    g_autofree char *first = NULL;

    cJSON_ArrayForEach(error, errors) {
        const char *message = json_string(error, "message");
        if (g_strcmp0(json_string(error, "code"), row->api_code) != 0)
            continue;
        g_autofree char *text = judge_text(self, row->api_code, message);
        for (guint i = 0; i < n; i++) {
            if (named[i] || !names(message, call_recipient(call, i)->address))
                continue;
            named[i] = true;
            outcome_set(&outcomes[i], row->verdict, row->code, row->dsn, text);
            if (!first)
                first = g_strdup(text);
        }
    }
    g_autofree char *others = g_strdup_printf("Not sent because of another recipient: %s", first ? first : "");
    for (guint i = 0; first && i < n; i++) {
        if (named[i])
            continue;
        outcome_set(&outcomes[i], OUTCOME_TRANSIENT, 451, "4.3.0", others);
        outcomes[i].flags = OUTCOME_AGAIN | OUTCOME_ASIDE;
    }
}

/* The blog's case: an oversized mail is answered with a general 01-001. */
static bool
is_near_limit(const Provider *self, const Mail *mail)
{
    gint64 limit = self->limits.mail_bytes;

    return limit && provider_mail_bytes(mail) > limit / 8 * 7;
}

static void
judge_errors(const Provider *self, const Mail *mail, const Call *call, const cJSON *errors,
             const HttpResponse *response, Outcome *outcomes)
{
    const cJSON *worst = worst_of(errors);
    const char *code = json_string(worst, "code");
    const JudgeRow *row = judge_find(cmc_codes, code);
    g_autofree char *text = judge_text(self, code, json_string(worst, "message"));
    guint n = call_size(call);

    if (!row) {
        judge_status(outcomes, n, response, text);
        return;
    }
    if (g_str_equal(code, "01-001") && is_near_limit(self, mail))
        row = &cmc_too_large;
    if (g_str_equal(code, "13-006")) {
        const char *domain = address_domain(mail->from->address);
        g_autofree char *with = g_strdup_printf("%s (From domain: %s)", text, domain ? domain : "none");
        judge_row(outcomes, n, row, with, 0);
        return;
    }
    judge_row(outcomes, n, row, text, response->retry_after_ms);
    if (row->code == 553)
        judge_addresses(self, call, errors, row, outcomes);
}

static HttpRequest *
cmc_judge(const Provider *self, CallTry *try, const HttpResponse *response, Outcome *outcomes)
{
    g_autoptr(cJSON) answer = json_parse(response->body, response->body_length);
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(answer, "errors");
    const char *id = json_string(answer, "id");
    guint n = call_size(try->call);

    if (cmc_is_look_up(self, try))
        return cmc_judge_look_up(try, response, outcomes) ? NULL : cmc_build(self, try);
    if (response->transport != HTTP_OK || !answer)
        judge_default(outcomes, n, response);
    else if (cJSON_IsArray(errors) && errors->child)
        judge_errors(self, try->mail, try->call, errors, response, outcomes);
    else if (id && *id && response->status >= 200 && response->status < 300)
        judge_delivered(outcomes, n, id);
    else if (try->call->each_alone && json_string(answer, "message") && response->status >= 200 && response->status < 300)
        judge_delivered(outcomes, n, cmc_api_data(try->mail, try->call)); /* bulk gives no id */
    else
        judge_status(outcomes, n, response, "JSON that is not the API's");
    return NULL;
}

/* customers-mail-cloud.md sections 2 and 3; the size is the blog's. */
const ProviderDriver provider_cmc = {
    .name = "customers-mail-cloud",
    .limits = { .subject_chars = 512, .text_chars = 524228, .html_chars = 524228, .header_bytes = 998,
                .attachments = 10, .mail_bytes = 20 * 1024 * 1024, .calls = 10, .to = 10, .cc = 10, .bcc = 10 },
    .keys = cmc_keys,
    .conf_size = sizeof(CmcConf),
    .prepare = cmc_prepare,
    .partition = cmc_partition,
    .headers = cmc_headers,
    .build = cmc_build,
    .judge = cmc_judge,
    .probe = cmc_probe,
    .probed = cmc_probed,
};
