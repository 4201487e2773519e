#include "provider/judge.h"

enum { REMOTE_ID_MAX = 250 }; /* leaves room on a reply line of 512 bytes */

const JudgeRow *
judge_find(const JudgeRow *rows, const char *api_code)
{
    for (; api_code && rows->api_code; rows++) {
        if (g_str_equal(rows->api_code, api_code))
            return rows;
    }
    return NULL;
}

void
judge_row(Outcome *outcomes, guint n, const JudgeRow *row, const char *text, gint64 retry_after_ms)
{
    for (guint i = 0; i < n; i++) {
        outcome_set(&outcomes[i], row->verdict, row->code, row->dsn, text);
        outcomes[i].flags = row->flags;
        if (row->verdict == OUTCOME_TRANSIENT)
            outcomes[i].retry_after_ms = retry_after_ms;
    }
}

void
judge_delivered(Outcome *outcomes, guint n, const char *remote_id)
{
    g_autofree char *id = g_strndup(remote_id, REMOTE_ID_MAX);

    for (char *p = id; *p; p++) {
        if (!g_ascii_isgraph(*p))
            *p = '?';
    }
    for (guint i = 0; i < n; i++) {
        outcome_set(&outcomes[i], OUTCOME_DELIVERED, 250, "2.0.0", "Ok");
        outcomes[i].remote_id = g_strdup(id);
    }
}

/* What a status says where nothing else is known; `first` and `last` are inclusive. */
static const struct {
    int first, last;
    JudgeRow row;
} statuses[] = {
    { 300, 399, { NULL, OUTCOME_TRANSIENT, 451, "4.3.0", OUTCOME_ALARM } }, /* never followed: a wrong url */
    { 401, 401, { NULL, OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM } },
    { 403, 403, { NULL, OUTCOME_TRANSIENT, 454, "4.7.0", OUTCOME_ALARM } },
    { 404, 405, { NULL, OUTCOME_TRANSIENT, 451, "4.3.0", OUTCOME_ALARM } },
    { 407, 407, { NULL, OUTCOME_TRANSIENT, 451, "4.3.0", OUTCOME_ALARM } },
    { 413, 413, { NULL, OUTCOME_PERMANENT, 552, "5.3.4", 0 } },
    { 429, 429, { NULL, OUTCOME_TRANSIENT, 451, "4.3.2", OUTCOME_BACK_OFF } },
    { 0, 999, { NULL, OUTCOME_TRANSIENT, 451, "4.3.0", 0 } },
};

void
judge_status(Outcome *outcomes, guint n, const HttpResponse *response, const char *text)
{
    guint i = 0;

    while (i < G_N_ELEMENTS(statuses) - 1 &&
           (response->status < statuses[i].first || response->status > statuses[i].last))
        i++;
    judge_row(outcomes, n, &statuses[i].row, text, response->retry_after_ms);
}

static const JudgeRow not_sent = { NULL, OUTCOME_TRANSIENT, 451, "4.4.1", 0 };
static const JudgeRow cut_while_sending = { NULL, OUTCOME_TRANSIENT, 451, "4.4.2", 0 };
static const JudgeRow no_answer = { NULL, OUTCOME_UNKNOWN, 451, "4.4.2", 0 };
static const JudgeRow own_fault = { NULL, OUTCOME_TRANSIENT, 451, "4.3.0", OUTCOME_ASIDE };

static void
judge_transport(Outcome *outcomes, guint n, const HttpResponse *response)
{
    const char *why = response->error ? response->error : "connection lost";
    const JudgeRow *row = &no_answer;
    const char *what = "No answer from the API";

    if (response->transport == HTTP_NOT_SENT) {
        row = &not_sent;
        what = "No connection to the API";
    } else if (response->transport == HTTP_SOURCE) {
        row = &own_fault;
        what = "Message could not be read";
    } else if (!response->sent_whole) {
        /* Its length was announced: without the last byte there was no request to act on. */
        row = &cut_while_sending;
        what = "Connection lost while sending";
    }
    g_autofree char *text = g_strdup_printf("%s: %s", what, why);
    judge_row(outcomes, n, row, text, 0);
}

/* A body that began as an answer of the API and ends too early, or has nothing at all. */
static bool
answer_is_cut(const HttpResponse *response)
{
    const char *body = response->body;

    while (g_ascii_isspace(*body))
        body++;
    return *body == '\0' || *body == '{' || *body == '[';
}

void
judge_default(Outcome *outcomes, guint n, const HttpResponse *response)
{
    if (response->transport != HTTP_OK) {
        judge_transport(outcomes, n, response);
        return;
    }
    bool success = response->status >= 200 && response->status < 300;
    g_autofree char *text = g_strdup_printf("HTTP status %d with an answer that is not the API's", response->status);
    judge_status(outcomes, n, response, text);
    if (success && answer_is_cut(response)) {
        g_autofree char *cut = g_strdup_printf("HTTP status %d without a whole answer", response->status);
        judge_row(outcomes, n, &no_answer, cut, 0);
    }
}

char *
judge_text(const Provider *provider, const char *code, const char *message)
{
    g_autoptr(GString) text = g_string_new(code ? code : "");

    if (message && *message && g_str_is_ascii(message))
        g_string_append_printf(text, "%s%s", text->len ? " " : "", message);
    if (text->len == 0)
        g_string_append(text, "The API gave no reason");
    for (char *p = text->str; *p; p++) {
        if (!g_ascii_isprint(*p))
            *p = g_ascii_isspace(*p) ? ' ' : '?';
    }
    char *line = g_string_free(g_steal_pointer(&text), FALSE);
    return provider->key ? judge_blot(line, secret_reveal(provider->key)) : line;
}

char *
judge_blot(char *text, const char *secret)
{
    if (!*secret)
        return text;
    g_auto(GStrv) pieces = g_strsplit(text, secret, -1);

    g_free(text);
    return g_strjoinv("***", pieces);
}
