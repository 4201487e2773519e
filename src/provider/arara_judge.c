#include "http/json.h"
#include "provider/arara_request.h"
#include "provider/judge.h"

#include <string.h>

/* The error codes of the API: what each means for the mail. */
static const JudgeRow arara_codes[] = {
    { "400", OUTCOME_PERMANENT, 554, "5.6.0", 0 },
    { "500", OUTCOME_TRANSIENT, 451, "4.3.0", 0 },
    { 0 },
};

static const JudgeRow too_many = { NULL, OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF };
static const JudgeRow login_refused = { NULL, OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM };
static const JudgeRow unclear = { NULL, OUTCOME_UNKNOWN, 451, "4.4.2", 0 };

/* What the API says of one delivery, or of the request as a whole. */
typedef struct {
    char *code;          /* "201"; for a request refused as a whole the status of HTTP, "" if that is a success */
    const char *message; /* or NULL */
    char *delivery_id;   /* or NULL */
} Result;

static void
result_clear(Result *self)
{
    g_free(self->code);
    g_free(self->delivery_id);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

/* The item with the request id, else the only one if it names none. */
static const cJSON *
find_item(const cJSON *items, const char *request_id)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, items) {
        if (g_strcmp0(json_string(item, "request_id"), request_id) == 0)
            return item;
    }
    item = items->child;
    return item && !item->next && !cJSON_GetObjectItemCaseSensitive(item, "request_id") ? item : NULL;
}

/* False: this is no answer of the API, at least not about our delivery. */
static bool
read_result(const cJSON *answer, const HttpResponse *response, const char *request_id, Result *result)
{
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(answer, "items");

    if (cJSON_IsArray(items) && items->child) {
        const cJSON *item = find_item(items, request_id);
        const cJSON *verdict = cJSON_GetObjectItemCaseSensitive(item, "result");
        result->code = json_text(verdict, "code");
        result->message = json_string(verdict, "message");
        result->delivery_id = json_text(item, "delivery_id");
    } else if ((result->message = json_string(answer, "message"))) {
        result->code = response->status < 300 ? g_strdup("") : g_strdup_printf("%d", response->status);
    }
    return result->code != NULL;
}

static bool
is_too_many(const char *message)
{
    static const char words[] = "Too Many Requests";

    for (; message && *message; message++) {
        if (g_ascii_strncasecmp(message, words, strlen(words)) == 0)
            return true;
    }
    return false;
}

/* One line for reply and log, without the secrets of this account. */
static char *
describe(const Provider *self, const CallTry *try, const char *code, const char *message)
{
    char *text = judge_text(self, code, message);

    return try->token ? judge_blot(text, secret_reveal(try->token)) : text;
}

static HttpRequest *
go_to(const Provider *self, CallTry *try, guint step)
{
    try->step = step;
    return arara_build(self, try);
}

/* A code that the table does not know means what it means in HTTP; but a success that is none of ours may be one. */
static void
judge_code(const Result *result, const HttpResponse *response, const char *text, Outcome *outcomes, guint n)
{
    const JudgeRow *row = is_too_many(result->message) ? &too_many : judge_find(arara_codes, result->code);
    HttpResponse as_http = *response;

    as_http.status = (int) g_ascii_strtoll(result->code, NULL, 10);
    if (row)
        judge_row(outcomes, n, row, text, response->retry_after_ms);
    else if (strlen(result->code) == 3 && result->code[0] == '2' && response->status / 100 == 2)
        judge_row(outcomes, n, &unclear, text, 0);
    else
        judge_status(outcomes, n, &as_http, text);
}

static HttpRequest *
judge_send(const Provider *self, CallTry *try, const HttpResponse *response, const cJSON *answer, Outcome *outcomes)
{
    g_auto(Result) result = { 0 };
    g_autofree char *id = arara_request_id(try);
    guint n = call_size(try->call);

    if (!read_result(answer, response, id, &result)) {
        judge_status(outcomes, n, response, "JSON that is not the API's");
        return NULL;
    }
    bool taken = g_str_equal(result.code, "409");
    if (taken && try->step == ARARA_SEND)
        return go_to(self, try, ARARA_LOOK_UP); /* whatever id the answer shows may be anyone's */

    g_autofree char *text = describe(self, try, result.code, result.message);
    if (g_str_equal(result.code, "201"))
        judge_delivered(outcomes, n, result.delivery_id && *result.delivery_id ? result.delivery_id : id);
    else if (taken)
        judge_row(outcomes, n, &unclear, text, 0); /* nobody but us makes that id */
    else
        judge_code(&result, response, text, outcomes, n);
    return NULL;
}

/* True if the answer to a look-up is the API's; id is then the delivery's, NULL if there is none. Caller frees id. */
static bool
read_look_up(const HttpResponse *response, const cJSON *answer, const char *request_id, char **id)
{
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(answer, "items");
    const cJSON *item;

    *id = NULL;
    if (response->status == 404)
        return json_string(answer, "message") != NULL;
    if (response->status / 100 != 2 || !cJSON_IsArray(items))
        return false;
    cJSON_ArrayForEach(item, items) {
        const char *of = json_string(item, "request_id");
        if (!*id && (!of || g_str_equal(of, request_id)))
            *id = json_text(item, "delivery_id");
    }
    return true;
}

/* Our request id was refused as used: delivered is what the look-up shows. Where an earlier try may have used it the
 * delivery may show later, as the API says; otherwise somebody else had that id. */
static HttpRequest *
judge_look_up(const Provider *self, CallTry *try, const HttpResponse *response, const cJSON *answer,
              Outcome *outcomes)
{
    g_autofree char *request_id = arara_request_id(try);
    g_autofree char *id = NULL;
    guint n = call_size(try->call);
    bool clear = response->transport == HTTP_OK && read_look_up(response, answer, request_id, &id);

    if (id && *id) {
        judge_delivered(outcomes, n, id);
        return NULL;
    }
    if (clear && !try->maybe_taken)
        return go_to(self, try, ARARA_SEND_AGAIN);
    judge_row(outcomes, n, &unclear, clear ? "409 The request id is used, but there is no delivery of it yet"
                                           : "409 The request id is used, and looking it up failed", 0);
    return NULL;
}

HttpRequest *
arara_judge(const Provider *self, CallTry *try, const HttpResponse *response, Outcome *outcomes)
{
    g_autoptr(cJSON) answer = json_parse(response->body, response->body_length);

    if (try->step == ARARA_LOOK_UP)
        return judge_look_up(self, try, response, answer, outcomes);
    if (response->transport == HTTP_OK && answer)
        return judge_send(self, try, response, answer, outcomes);
    judge_default(outcomes, call_size(try->call), response);
    return NULL;
}

/* Of a login nothing is permanent for a mail, and no mail is on its way. */
static void
refuse_login(const Provider *self, const HttpResponse *response, const cJSON *answer, Outcome *refusal)
{
    const AraraConf *conf = self->conf;
    const char *message = json_string(answer, "message");
    const char *detail = json_string(answer, "error_description");
    g_autofree char *credentials = oauth_credentials(&conf->oauth, self->key);
    g_autofree char *said = judge_text(self, json_string(answer, "error"), detail ? detail : message);
    g_autofree char *text = g_strdup_printf("Login to the API failed (HTTP status %d): %s", response->status, said);
    int status = response->status;

    text = judge_blot(g_steal_pointer(&text), credentials);
    if (response->transport != HTTP_OK)
        judge_default(refusal, 1, response);
    else if (is_too_many(message))
        judge_row(refusal, 1, &too_many, text, response->retry_after_ms);
    else if (status == 400 || status == 401 || status == 403 || status == 405)
        judge_row(refusal, 1, &login_refused, text, response->retry_after_ms);
    else
        judge_status(refusal, 1, response, text);
    if (refusal->code / 100 != 4)
        outcome_set(refusal, OUTCOME_TRANSIENT, 451, "4.3.0", text);
    refusal->verdict = OUTCOME_TRANSIENT;
}

Secret *
arara_token(const Provider *self, const HttpResponse *response, gint64 *lifetime_ms, Outcome *refusal)
{
    Secret *token = oauth_token(response, lifetime_ms);
    g_autoptr(cJSON) answer = token ? NULL : json_parse(response->body, response->body_length);

    if (!token)
        refuse_login(self, response, answer, refusal);
    return token;
}
