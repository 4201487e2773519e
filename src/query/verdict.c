#include "query/verdict.h"

#include "mail/charset.h"
#include "query/blot.h"

#include <string.h>

enum { VERDICT_MAX_TEXT = 300 };

/* Where the APIs say what went wrong, the most telling first. */
static const char *const message_names[] = { "errors.message", "error.message", "message",      "error_description",
                                             "errors.error",   "error",         "result.error", "result.message",
                                             "result",         "faultString",   "title",        "value",
                                             "errors.error.kind" };
static const char *const code_names[] = { "errors.code", "errors.error.code", "error.code", "result.code", "code" };
static const char *const kind_names[] = { "errors.code", "errors.error.code", "error.code", "result.code", "code",
                                          "errors.error.kind" };

static const char *
first_of(const QueryRow *rest, const char *const *names, guint n)
{
    for (guint i = 0; rest && i < n; i++) {
        const char *value = query_row_get(rest, names[i]);
        if (value && *value)
            return value;
    }
    return NULL;
}

/* One line, without the account's secrets. Caller frees. */
static char *
one_line(const QueryVerdict *self, const char *message)
{
    g_autofree char *clean = blot_text(self->ask, message, 0);
    g_autofree char *text = charset_valid_utf8(clean, -1);
    GString *line = g_string_new(NULL);

    for (const char *p = text; *p && line->len < VERDICT_MAX_TEXT; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        bool space = g_unichar_isspace(c) || !g_unichar_isprint(c);
        if (!space)
            g_string_append_unichar(line, c);
        else if (line->len > 0 && line->str[line->len - 1] != ' ')
            g_string_append_c(line, ' ');
    }
    return g_string_free(line, FALSE);
}

static bool
says_too_many(const char *message)
{
    g_autofree char *lower = message ? g_ascii_strdown(message, -1) : NULL;

    return lower && strstr(lower, "too many requests");
}

/* Without a word, too: it is what gates and servers answer at the right URL. */
static bool
is_told_by_status(int status)
{
    return status == 401 || status == 403 || status == 408 || status == 429 || status >= 500;
}

static bool
refuse(const QueryVerdict *self, QueryError kind, const char *message, GError **error)
{
    const char *code = self->gather ? first_of(gather_rest(self->gather), code_names, G_N_ELEMENTS(code_names)) : NULL;
    g_autofree char *number = one_line(self, code ? code : "");
    bool plain = code || is_told_by_status(self->response->status);
    const char *silence = plain ? "without a reason" : "without a word of the API's: is this its URL?";
    g_autofree char *line = one_line(self, message ? message : silence);

    g_set_error(error, QUERY_ERROR, kind, "%s%s%s (HTTP status %d)", number, *number ? " " : "", line,
                self->response->status);
    return false;
}

static bool
is_change(const QueryVerdict *self)
{
    return self->call && self->call->flags & (QUERY_CALL_CHANGES | QUERY_CALL_FINAL);
}

static bool
is_direct(const QueryVerdict *self)
{
    return self->call && self->call->flags & QUERY_CALL_DIRECT;
}

static bool
refuse_transport(const QueryVerdict *self, GError **error)
{
    const HttpResponse *response = self->response;
    const char *why = response->error ? response->error : "connection lost";

    if (self->fault) {
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_NONSENSE, "not an answer of the API: %s", self->fault);
        return false;
    }
    if (response->transport == HTTP_NOT_SENT)
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_TEMPORARY, "no connection to the API: %s", why);
    else if (is_change(self) && response->sent_whole)
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_TEMPORARY,
                    "no whole answer from the API, which may have done it: %s", why);
    else
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_TEMPORARY, "no whole answer from the API: %s", why);
    return false;
}

/* Whether it would be done twice where the first time went well after all. */
static bool
is_final(const QueryVerdict *self)
{
    return self->call && self->call->flags & QUERY_CALL_FINAL;
}

/* A 404 is about what was asked for, or about a path that the API does not have. A login that is not understood shows
 * wrong credentials, too (RFC 6749, section 5.2). A 503 that names a time wants to be asked again then (RFC 9110, section
 * 15.6.4). */
static QueryError
error_of_status(const QueryVerdict *self, bool spoke)
{
    int status = self->response->status;
    bool login = !self->call;

    if (status == 401 || status == 403 || (login && (status == 400 || status == 405)))
        return QUERY_ERROR_AUTH;
    if (status == 404)
        return spoke ? QUERY_ERROR_NOT_FOUND : QUERY_ERROR_NONSENSE;
    if (status == 429 || (status == 503 && self->response->retry_after_ms > 0 && !is_final(self)))
        return QUERY_ERROR_LIMIT;
    if (status == 408 || status >= 500)
        return QUERY_ERROR_TEMPORARY;
    return status >= 400 ? QUERY_ERROR_REFUSED : QUERY_ERROR_NONSENSE;
}

/* Below zero (Arara v1), or one of HTTP's (v2). */
static bool
is_failing(const char *code)
{
    return *code == '-' || ((*code == '4' || *code == '5') && strlen(code) == 3);
}

/* The API's own code says more than its status. Beside rows, or where another code says how it went, it is a warning. */
static const QueryFault *
known_fault(const QueryVerdict *self, const QueryRow *rest)
{
    const QueryFault *fault = self->ask->account->driver->faults;
    const char *result = rest ? query_row_get(rest, "result.code") : NULL;
    bool coded = self->call && self->call->flags & QUERY_CALL_CODED;

    if (coded && rest && (gather_rows(self->gather) > 0 || (result && !is_failing(result))))
        return NULL;
    for (guint i = 0; fault && i < G_N_ELEMENTS(kind_names); i++) {
        const char *code = rest ? query_row_get(rest, kind_names[i]) : NULL;
        for (const QueryFault *row = fault; code && row->code; row++) {
            if (g_str_equal(row->code, code))
                return row;
        }
    }
    return NULL;
}

/* What the APIs call done, in a text or a code of the answer's own. */
static bool
says_done(const QueryVerdict *self, const QueryRow *rest)
{
    static const char *const names[] = { "message", "result", "result.message", "status" };
    static const char *const words[] = { "success",   "succeeded", "successful", "ok", "done",
                                         "completed", "accepted",  NULL };
    const char *code = query_row_get(rest, "result.code");

    if (code)
        return self->call->flags & QUERY_CALL_CODED ? !is_failing(code) : *code == '2' && strlen(code) == 3;
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = query_row_get(rest, names[i]);
        g_autofree char *word = g_ascii_strdown(value ? value : "", -1);
        g_strstrip(word);
        if (g_str_has_suffix(word, "."))
            word[strlen(word) - 1] = '\0';
        if (g_strv_contains(words, word))
            return true;
    }
    return false;
}

/* A code for it, "error" and its kin, or a message where none belongs to a success, unless it says that all is well. */
static bool
names_failure(const QueryVerdict *self, const QueryRow *rest)
{
    const char *code = query_row_get(rest, "result.code");
    bool fine = self->call->flags & QUERY_CALL_MESSAGE || gather_rows(self->gather) > 0 || says_done(self, rest);

    if (code && (is_failing(code) || self->call->flags & QUERY_CALL_CODED))
        return is_failing(code);
    for (guint i = 0; i < rest->fields->len; i++) {
        const QueryField *field = &g_array_index(rest->fields, QueryField, i);
        if (g_ascii_strncasecmp(field->name, "error", 5) == 0 && *field->value)
            return true;
        if (g_str_equal(field->name, "message") && !fine)
            return true;
    }
    return false;
}

static bool
takes_nothing(const QueryVerdict *self)
{
    unsigned flags = self->call->flags;

    return flags & QUERY_CALL_EMPTY || (flags & QUERY_CALL_NO_CONTENT && self->response->status == 204);
}

/* A change is done where the answer has what a success has, and not because it names no failure. */
static bool
is_done(const QueryVerdict *self, const QueryRow *rest)
{
    if (gather_is_empty(self->gather))
        return takes_nothing(self);
    return gather_signed(self->gather) || says_done(self, rest);
}

/* An answer to a call of the user's own: no word of it, and nothing that is missing, is a failure; only the codes are that
 * the APIs document for one. Beside a result's code that is none, errors are warnings. */
static bool
has_failure_code(const QueryRow *rest)
{
    static const char *const names[] = { "errors.code", "errors.error.code", "error.code", "errors.error.kind" };
    const char *result = query_row_get(rest, "result.code");

    return result ? is_failing(result) : first_of(rest, names, G_N_ELEMENTS(names)) != NULL;
}

/* A text alone, outside of any object, is a message. */
static bool
is_bare(const QueryRow *rest)
{
    return rest->fields->len == 1 && query_row_get(rest, "value");
}

/* Whether an answer with a good status holds what was asked for, or that there is nothing. */
static bool
is_answer(const QueryVerdict *self, const QueryRow *rest, bool failed)
{
    bool odd = failed || gather_odd(self->gather);

    if (is_change(self))
        return !odd && is_done(self, rest);
    if (gather_rows(self->gather) > 0)
        return true;
    if (gather_signed(self->gather) && !odd)
        return true;
    if (rest->fields->len == 0 && !gather_odd(self->gather))
        return takes_nothing(self);
    return self->call->flags & QUERY_CALL_ANY && !odd && !is_bare(rest);
}

bool
query_judge(const QueryVerdict *self, GError **error)
{
    const HttpResponse *response = self->response;
    const QueryRow *rest = self->gather ? gather_rest(self->gather) : NULL;
    const char *message = first_of(rest, message_names, G_N_ELEMENTS(message_names));
    const char *refusal = self->gather ? gather_refusal(self->gather) : NULL;
    bool good = response->status / 100 == 2;

    if (response->transport != HTTP_OK)
        return refuse_transport(self, error);
    const QueryFault *known = known_fault(self, rest);
    if (known)
        return refuse(self, known->error, message, error);
    bool shown = message && good && (is_direct(self) || gather_rows(self->gather) > 0);
    if (message && says_too_many(message) && !shown)
        return refuse(self, QUERY_ERROR_LIMIT, message, error);
    bool spoke = rest && rest->fields->len > 0 && !self->fault;
    if (!good)
        return refuse(self, error_of_status(self, spoke), message, error);
    if (self->fault)
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_NONSENSE, "not an answer of the API: %s", self->fault);
    else if (!self->call)
        return refuse(self, QUERY_ERROR_NONSENSE, message ? message : "there is no token in it", error);
    else if (self->empty && takes_nothing(self))
        return true;
    else if (self->empty)
        g_set_error_literal(error, QUERY_ERROR, QUERY_ERROR_NONSENSE, "not an answer of the API: it is empty");
    else if (refusal)
        return refuse(self, *refusal == '5' ? QUERY_ERROR_TEMPORARY : QUERY_ERROR_REFUSED, refusal, error);
    else if (is_direct(self) && has_failure_code(rest))
        return refuse(self, QUERY_ERROR_REFUSED, message, error);
    else if (is_direct(self) || is_answer(self, rest, names_failure(self, rest)))
        return true;
    else if (message || query_row_get(rest, "result.code"))
        return refuse(self, QUERY_ERROR_REFUSED, message, error);
    else
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_NONSENSE, "not an answer of the API: nothing %s is in it",
                    is_change(self) ? "that says whether it was done" : "of what was asked for");
    return false;
}
