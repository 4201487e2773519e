#include "provider/cmc_request.h"

#include "base/clock.h"
#include "http/json.h"

#include <string.h>

/* Steps of a try that looks up first: so many days before today, then the mail itself. */
enum { CMC_LOOK_UP_DAYS = 7, CMC_SEND };

#define JST_MS (9 * 3600 * G_GINT64_CONSTANT(1000)) /* the service's time; it refuses dates in the future */
#define DAY_MS (24 * 3600 * G_GINT64_CONSTANT(1000))

static gint64
day_of(gint64 ms)
{
    return (ms + JST_MS) / DAY_MS;
}

/* How many days before today the earliest try may have been. */
static guint
days_back(const CallTry *try)
{
    gint64 days = try->since_ms ? day_of(clock_now()) - day_of(try->since_ms) : 1;

    return (guint) CLAMP(days, 0, CMC_LOOK_UP_DAYS - 1);
}

/* Parameters are those of the documents, no others: rows per page, say, are only known from clients. to may be
 * NULL. */
static HttpRequest *
list_request(const Provider *self, const char *api_data, const char *to, guint days)
{
    const CmcConf *conf = self->conf;
    g_autoptr(GDateTime) day = g_date_time_new_from_unix_utc((day_of(clock_now()) - days) * DAY_MS / 1000);
    g_autofree char *date = g_date_time_format(day, "%Y-%m-%d");
    const char *const fields[] = { "api_user", conf->api_user, "api_key", secret_reveal(self->key),
                                   "server_composition", conf->server_composition, "date", date,
                                   "api_data", api_data, "to", to };
    g_autoptr(GString) form = g_string_new(NULL);
    HttpRequest *request = http_request_new("POST", conf->deliveries_url);

    for (guint i = 0; i < G_N_ELEMENTS(fields) && fields[i + 1]; i += 2) {
        g_autofree char *value = g_uri_escape_string(fields[i + 1], NULL, false);
        g_string_append_printf(form, "%s%s=%s", i ? "&" : "", fields[i], value);
    }
    http_request_header(request, "Accept-Language", "en");
    http_request_take_body(request, "application/x-www-form-urlencoded", source_new_string(form->str));
    return request;
}

/* A tag of the sender's own may stand on many mails: it cannot tell whether this one is there. */
static bool
has_own_tag(const CallTry *try)
{
    return !g_str_equal(cmc_api_data(try->mail, try->call), try->call->key);
}

bool
cmc_is_look_up(const Provider *self, const CallTry *try)
{
    const CmcConf *conf = self->conf;

    return conf->look_up && try->maybe_taken && try->step < CMC_SEND && !has_own_tag(try);
}

/* The tag stands for the call's recipients, so that one of them shows what became of all. He is named where they, or
 * the calls beside this one (whose tags contain that of the whole mail), could fill pages. */
HttpRequest *
cmc_look_up(const Provider *self, const CallTry *try)
{
    const Call *call = try->call;
    bool many = call->each_alone || strchr(call->key, '-');
    g_autofree char *to = many ? address_to_ascii(call_recipient(call, 0)->address) : NULL;

    return list_request(self, call->key, to, try->step);
}

/* The first row of the call, whatever became of it; the list holds all whose tag contains the one asked for. */
static const cJSON *
find_row(const cJSON *rows, const char *key)
{
    const cJSON *row;

    cJSON_ArrayForEach(row, rows) {
        if (g_strcmp0(json_string(row, "apiData"), key) == 0)
            return row;
    }
    return NULL;
}

/* The code of an answer that is an error of the API's; "" if it has none, NULL if it is no such answer. */
static const char *
error_code(const cJSON *answer, const char **message)
{
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(answer, "errors");
    const cJSON *first = cJSON_IsArray(errors) ? errors->child : NULL;
    const char *code = json_string(first, "code");

    *message = json_string(first, "message");
    return first ? (code ? code : "") : NULL;
}

/* Whether asking again could help: the question was not understood, or not allowed. */
static bool
is_refused(const HttpResponse *response, const cJSON *answer)
{
    const char *message;
    const JudgeRow *row = judge_find(cmc_codes, error_code(answer, &message));

    if (row)
        return row->verdict == OUTCOME_PERMANENT || (row->flags & OUTCOME_ALARM);
    if (response->status >= 300 && response->status < 500)
        return response->status != 408 && response->status != 429;
    return answer && response->status < 300;
}

/* The mail may be there: as long as an answer may still come it is not sent again. Where none ever will, a duplicate
 * is better than a loss. */
bool
cmc_judge_look_up(CallTry *try, const HttpResponse *response, Outcome *outcomes)
{
    static const JudgeRow failed = { NULL, OUTCOME_UNKNOWN, 451, "4.4.2", OUTCOME_ASIDE };
    g_autoptr(cJSON) answer = json_parse(response->body, response->body_length);
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(answer, "deliveries");
    guint n = call_size(try->call);

    if (response->transport == HTTP_OK && response->status / 100 == 2 && cJSON_IsArray(rows)) {
        const cJSON *row = find_row(rows, try->call->key);
        const char *id = json_string(row, "messageId");
        if (row)
            judge_delivered(outcomes, n, id && *id ? id : try->call->key);
        else
            try->step = try->step < days_back(try) ? try->step + 1 : CMC_SEND;
        return row != NULL;
    }
    if (response->transport == HTTP_OK && is_refused(response, answer)) {
        try->step = CMC_SEND;
        return false;
    }
    g_autofree char *text = response->transport == HTTP_OK
        ? g_strdup_printf("The API may have it, and looking it up failed (HTTP status %d)", response->status)
        : g_strdup_printf("The API may have it, and looking it up failed: %s",
                          response->error ? response->error : "connection lost");
    judge_row(outcomes, n, &failed, text, 0);
    return true;
}

/* Where the lists can be asked, for mail that never was. Else for mail without anything a mail needs, which shows
 * little of the credentials: the service may look at them last. */
HttpRequest *
cmc_probe(const Provider *self, const Secret *token)
{
    const CmcConf *conf = self->conf;
    g_autofree char *url = g_strconcat(self->url, CMC_PATH, NULL);

    return conf->server_composition ? list_request(self, "shimta-check", NULL, 0) : cmc_request(self, url);
}

/* The fields of the mail were missing, and nothing else was wrong. */
static bool
only_misses_fields(const cJSON *answer)
{
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(answer, "errors");
    const cJSON *error;

    cJSON_ArrayForEach(error, errors) {
        if (g_strcmp0(json_string(error, "code"), "11-009") != 0)
            return false;
    }
    return cJSON_IsArray(errors) && errors->child;
}

/* The worst of the errors is the first that is not about a missing field. */
static void
refuse_probe(const Provider *self, const HttpResponse *response, const cJSON *answer, Outcome *found)
{
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(answer, "errors");
    const cJSON *error;
    const cJSON *worst = errors->child;

    cJSON_ArrayForEach(error, errors) {
        if (g_strcmp0(json_string(worst, "code"), "11-009") == 0)
            worst = error;
    }
    const char *code = json_string(worst, "code");
    g_autofree char *text = judge_text(self, code, json_string(worst, "message"));
    const JudgeRow *row = judge_find(cmc_codes, code);
    if (row)
        judge_row(found, 1, row, text, response->retry_after_ms);
    else
        judge_status(found, 1, response, text);
}

bool
cmc_probed(const Provider *self, const HttpResponse *response, Outcome *found)
{
    const CmcConf *conf = self->conf;
    g_autoptr(cJSON) answer = json_parse(response->body, response->body_length);
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(answer, "errors");
    bool spoke = response->transport == HTTP_OK && answer;
    bool listed = response->status / 100 == 2 && cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(answer, "deliveries"));

    if (spoke && conf->server_composition && listed) {
        outcome_set(found, OUTCOME_DELIVERED, 250, "2.0.0", "The API takes the key");
        return true;
    }
    if (spoke && !conf->server_composition && only_misses_fields(answer)) {
        outcome_set(found, OUTCOME_UNKNOWN, 250, "2.0.0",
                    "The API answers; whether it takes the key shows a mail, or a probe with server-composition set");
        return true;
    }
    if (spoke && cJSON_IsArray(errors) && errors->child)
        refuse_probe(self, response, answer, found);
    else if (spoke)
        judge_status(found, 1, response, "JSON that is not the API's");
    else
        judge_default(found, 1, response);
    return false;
}
