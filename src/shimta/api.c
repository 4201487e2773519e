#include "shimta/api.h"

#include "query/driver.h"
#include "query/json_line.h"
#include "shimta/ask_api.h"
#include "shimta/output.h"
#include "shimta/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { SHEET_BYTES = 4 * 1024 * 1024, MAX_DRY_ROWS = 10000, SHOWN_OBJECTS = 3, MAX_BELOW = 64 * 1024 };

static const char *const request_columns[] = { "account", "task", "request", NULL };

int
api_exit_status(const GError *error)
{
    switch ((QueryError) error->code) {
    case QUERY_ERROR_USAGE:
        return EX_USAGE;
    case QUERY_ERROR_CANNOT:
        return EX_UNAVAILABLE;
    case QUERY_ERROR_AUTH:
        return EX_NOPERM;
    case QUERY_ERROR_NOT_FOUND:
        return 1;
    case QUERY_ERROR_REFUSED:
        return EX_DATAERR;
    case QUERY_ERROR_NONSENSE:
        return EX_PROTOCOL;
    case QUERY_ERROR_LIMIT:
    case QUERY_ERROR_TEMPORARY:
        return EX_TEMPFAIL;
    }
    return EX_SOFTWARE;
}

void
api_note(Api *self, int status)
{
    if (self->status == EX_OK)
        self->status = status;
}

/* --- rows ---------------------------------------------------------------------------------------- */

/* The name that an API's field has beside the account's. */
static const char *
shown_name(const QueryField *field)
{
    return strcmp(field->name, "account") == 0 ? API_ACCOUNT : field->name;
}

/* With the account's name, where there could be another, and for programs. */
static QueryRow *
with_account(const Api *self, const QueryRow *row)
{
    QueryRow *whole = query_row_new();

    if (self->task->csv || self->accounts->len > 1)
        query_row_add(whole, "account", self->account->name);
    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        query_row_add(whole, shown_name(field), field->value);
    }
    return whole;
}

static void
add_row(Api *self, const QueryRow *row)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(QueryRow) whole = with_account(self, row);

    if (sheet_add(self->sheet, whole, &error))
        return;
    complain("%s", error->message);
    api_note(self, EX_IOERR);
}

void
api_show(Api *self, const QueryRow *row)
{
    self->shown++;
    if (!self->task->json) {
        add_row(self, row);
        return;
    }
    progress_hide();
    api_print_json(self->account->name, row, false);
}

/* Of mails that were asked for, where the API tells of a whole day. */
static bool
is_wanted(const Api *self, const QueryRow *row)
{
    const char *id = query_row_get(row, QUERY_FIELD_MESSAGE_ID), *tag = query_row_get(row, QUERY_FIELD_TAG);
    GHashTable *only = self->ask->only;

    return !only || (id && g_hash_table_contains(only, id)) || (tag && g_hash_table_contains(only, tag));
}

static void
on_row(const QueryRow *row, void *user)
{
    Api *self = user;

    if (!is_wanted(self, row))
        return;
    if (self->raw && json_line_fits(self->raw)) /* the whole comes at the end */
        return;
    bool about_it = !self->ask->confirmed || api_confirm_row(self, row);
    if (self->row && about_it)
        self->row(self, row);
    else
        api_show(self, row);
}

static void
on_page(guint part, void *user)
{
    Api *self = user;

    if (self->ask->confirmed)
        api_confirm_page(self, part);
    self->names = false;
}

/* What the rows say themselves, or that all is well. */
static bool
is_news(const Api *self, const QueryField *field)
{
    if (self->sums)
        return true;
    bool blank = field->value[strspn(field->value, " \t\r\n")] == '\0';
    if (blank || strcmp(field->name, "count") == 0 || g_strcmp0(field->value, self->ask->query.sender) == 0)
        return false;
    return strcmp(field->name, "message") != 0 || g_ascii_strcasecmp(field->value, "success") != 0;
}

/* The lines below that were not there yet: each page of a list says the same. */
static bool
add_below(Api *self, const QueryRow *rest)
{
    gsize before = self->below->len;

    for (guint i = 0; i < rest->fields->len && before < MAX_BELOW; i++) {
        const QueryField *field = &g_array_index(rest->fields, QueryField, i);
        if (!is_news(self, field))
            continue;
        g_autofree char *name = output_clean(field->name), *value = output_clean(field->value);
        g_autofree char *line = g_strdup_printf("%s: %s %s\n", self->account->name, name, value);
        if (strstr(self->below->str, line))
            continue;
        g_string_append(self->below, line);
        if (self->task->csv && !self->sums)
            complain("%.*s", (int) strlen(line) - 1, line);
    }
    return self->below->len > before;
}

/* What an answer says outside its rows: in CSV sums are a row, everything else goes to people. */
static void
on_rest(const QueryRow *rest, void *user)
{
    Api *self = user;
    bool news = add_below(self, rest);

    if (self->task->json && news)
        api_print_json(self->account->name, rest, true);
    else if (self->task->csv && self->sums)
        add_row(self, rest);
}

static void
on_miss(const GError *error, void *user)
{
    Api *self = user;

    complain("account %s: %s", self->account->name, error->message);
    api_note(self, api_exit_status(error));
    self->names = false;
}

/* A change that the API had nothing to say about. */
static void
show_done(Api *self)
{
    g_autoptr(QueryRow) row = query_row_new();

    query_row_add(row, "task", query_task_name(self->query.task));
    query_row_add(row, "result", "done");
    api_show(self, row);
}

/* --- output -------------------------------------------------------------------------------------- */

static void
print_all(Api *self)
{
    g_autoptr(GError) error = NULL;

    if (self->task->json)
        return;
    SheetForm form = sheet_form(self->sheet, self->task->csv, stdout);
    if (form == SHEET_TABLE && self->record)
        form = SHEET_RECORDS;
    if (!sheet_print(self->sheet, form, stdout, &error)) {
        complain("%s", error->message);
        api_note(self, EX_IOERR);
    }
    if (!self->task->csv)
        fputs(self->below->str, stdout);
}

/* --- asking -------------------------------------------------------------------------------------- */

ApiAsk *
api_ask_new(const QueryAccount *account, const Query *query)
{
    ApiAsk *self = g_new0(ApiAsk, 1);

    self->account = account;
    self->query = *query;
    return self;
}

static void
ask_free(ApiAsk *self)
{
    g_clear_pointer(&self->only, g_hash_table_unref);
    g_clear_pointer(&self->confirmed, g_hash_table_unref);
    g_clear_pointer(&self->ids, g_ptr_array_unref);
    g_clear_pointer(&self->request_ids, g_ptr_array_unref);
    g_free(self);
}

static bool
changes(const ApiAsk *ask)
{
    const QueryDirect *direct = ask->query.direct;

    return direct ? strcmp(direct->method, "GET") != 0 : query_changes(ask->account, ask->query.task);
}

/* Of a change that ended with an error: whether it may have been done, and where to go on. */
static void
tell_what_is_left(const ApiAsk *ask, const AskApiResult *result, const GError *error)
{
    const QueryCall *call = query_find_call(ask->account->driver, ask->query.task);
    const char *const *list = ask->query.addresses ? ask->query.addresses : ask->query.ids;
    guint n = list ? g_strv_length((char **) list) : 0, from = result->part * MAX(call->batch, 1);
    bool refused = error->code == QUERY_ERROR_REFUSED || error->code == QUERY_ERROR_NOT_FOUND;

    from += refused ? MAX(call->batch, 1) : 0; /* what the API has said no to is no more to be done */
    if (!changes(ask))
        return;
    if (result->unsure)
        complain("account %s: it may have been done nevertheless: look before you repeat it", ask->account->name);
    if (call->next && from < n && n > 1)
        complain("account %s: %u of %u are left, from '%s' on", ask->account->name, n - from, n, list[from]);
}

static bool
print_as_is(Api *self)
{
    if (!self->raw || !json_line_fits(self->raw))
        return false;
    output_json_text(self->raw->str);
    self->shown++;
    return true;
}

static void
ask_account(Api *self, ApiAsk *ask)
{
    AskApiReader reader = { on_row, on_rest, on_page, on_miss, self, self->raw };
    const QueryAccount *account = ask->account;
    AskApiQuestion question = { account, &ask->query };
    g_autoptr(GError) error = NULL;
    guint64 shown = self->shown;
    AskApiResult result;

    self->account = account;
    self->ask = ask;
    ask->confirmed = changes(ask) ? g_hash_table_new(NULL, NULL) : NULL;
    if (!api_find_requests(self, ask))
        return;
    if (!ask_api(&self->settings->relay->conf, &question, &reader, &result, &error)) {
        if (error->code == QUERY_ERROR_REFUSED)
            print_as_is(self);
        complain("account %s: %s", account->name, error->message);
        api_note(self, api_exit_status(error));
        tell_what_is_left(ask, &result, error);
        return;
    }
    if (!print_as_is(self) && result.rows == 0 && result.missed == 0 && (changes(ask) || ask->query.direct))
        show_done(self);
    if (ask->guesses && self->shown == shown) {
        ask->guesses = false;
        ask->query.tag = NULL;
        ask_account(self, ask);
    }
    if (result.cut) {
        complain("account %s: this may not be all%s", account->name,
                 query_takes_hours(account, ask->query.task) ? "; ask for a shorter period" : ": the API shows no more");
        api_note(self, EX_PROTOCOL);
    }
}

/* The account as a request is shown of: where its secrets would stand there are dots. */
static QueryAccount
without_secrets(const QueryAccount *account, Secret *dots)
{
    QueryAccount shown = *account;

    shown.key = account->key ? dots : NULL;
    shown.password = account->password ? dots : NULL;
    return shown;
}

/* A body, which is text in memory. Caller frees; NULL: there is none. */
static char *
body_of(HttpRequest *request)
{
    Source *body = http_request_encode(request);
    g_autofree char *text = body ? g_malloc0((gsize) body->length + 1) : NULL;
    gint64 n = 0;

    for (gssize got = 1; body && got > 0 && n < body->length; n += MAX(got, 0))
        got = source_read(body, text + n, (gsize) (body->length - n), NULL);
    return g_steal_pointer(&text);
}

/* Each request, as far as they are known before the answers; none goes out. */
static void
show_requests(Api *self, const ApiAsk *one)
{
    g_autoptr(Secret) dots = secret_new("...");
    QueryAccount account = without_secrets(one->account, dots);
    Query query = api_find_first(one);
    QueryCursor cursor = { 0 };
    QueryAsk ask = { &account, &query, &cursor, query_wants_token(&account) ? dots : NULL };
    QueryPage none = { 0 };
    guint n = 0;

    self->account = one->account;
    self->ask = one;
    do {
        g_autoptr(HttpRequest) request = query_build(&ask);
        g_autoptr(QueryRow) row = query_row_new();
        request->secret_url = false; /* it was built without any */
        g_autofree char *line = http_request_shown(request), *body = body_of(request);
        query_row_add(row, "task", query_task_name(query.task));
        query_row_add(row, "request", line);
        if (body)
            query_row_add(row, "body", body);
        api_show(self, row);
    } while (++n < MAX_DRY_ROWS && query_next(&account, &query, &cursor, &none));
    g_string_append_printf(self->below, "%s: %u %s\n", one->account->name, n, n == 1 ? "request" : "requests");
}

/* What it is about: "1, 2, 3 and 7 more". Caller frees. */
static char *
objects_of(const Query *query)
{
    const char *first = query->direct ? query->direct->path : query->selector ? query->selector : query->sender;
    const char *const single[] = { first, query->domain, NULL };
    const char *const *list = query->ids ? query->ids : query->addresses ? query->addresses : single;
    guint n = g_strv_length((char **) list);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < MIN(n, SHOWN_OBJECTS); i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", list[i]);
    if (n > SHOWN_OBJECTS)
        g_string_append_printf(text, " and %u more", n - SHOWN_OBJECTS);
    g_autofree char *raw = g_string_free(text, FALSE);
    return output_clean(raw);
}

/* An exit status: whether to go on. */
static int
confirm(const Api *self)
{
    const QueryAccount *account = self->accounts->pdata[0];
    g_autofree char *name = output_clean(account->name), *objects = objects_of(&self->query);
    char answer[8] = "";

    if (self->task->yes || !self->question)
        return EX_OK;
    if (!isatty(STDIN_FILENO)) {
        complain("%s; say --yes", self->query.direct ? "this may change something" : "this can't be undone");
        return EX_USAGE;
    }
    fprintf(stderr, "%s %s at account %s? %s. [y/N] ", self->question, objects, name,
            self->query.direct ? "It may change something" : "This can't be undone");
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y') ? EX_OK : 1;
}

static void
ask_all(Api *self)
{
    for (guint i = 0; i < self->asks->len && !ferror(stdout); i++) {
        if (self->task->dry_run)
            show_requests(self, self->asks->pdata[i]);
        else
            ask_account(self, self->asks->pdata[i]);
    }
    print_all(self);
    /* One account that does not know an id is no failure where another does. */
    if (self->status == 1 && self->shown > 0 && self->accounts->len > 1)
        self->status = EX_OK;
    if (self->status == EX_OK && self->shown == 0) {
        complain("nothing found");
        self->status = 1;
    }
}

/* Who is asked what. An exit status; complains. */
static int
plan(Api *self)
{
    bool rest = true;

    self->accounts = g_ptr_array_new();
    self->asks = g_ptr_array_new_with_free_func((GDestroyNotify) ask_free);
    int status = self->finds ? api_find(self, &rest) : EX_OK;
    guint found = self->asks->len;
    if (status == EX_OK && rest)
        status = api_choose(self);
    for (guint i = 0; i < self->accounts->len; i++) {
        Query query = api_query(self, self->accounts->pdata[i]);
        g_ptr_array_add(self->asks, api_ask_new(self->accounts->pdata[i], &query));
    }
    for (guint i = 0; i < found; i++) {
        const ApiAsk *ask = self->asks->pdata[i];
        if (!g_ptr_array_find(self->accounts, ask->account, NULL))
            g_ptr_array_add(self->accounts, (void *) ask->account);
    }
    if (found > 0 && status != EX_OK) { /* what is known is asked for all the same */
        api_note(self, status);
        return EX_OK;
    }
    return status == EX_OK && self->asks->len == 0 ? self->status : status;
}

static int
run(Api *self)
{
    g_autoptr(GError) error = NULL;

    if (self->task->csv && self->task->json) {
        complain("--csv or --json, not both");
        return EX_USAGE;
    }
    int status = api_read_words(self);
    if (status != EX_OK)
        return status;
    self->settings = settings_open_to_ask(self->task->config, &error);
    if (!self->settings) {
        complain("%s", error->message);
        return EX_CONFIG;
    }
    status = plan(self);
    if (status == EX_OK && self->asks->len > 0 && !self->task->dry_run)
        status = confirm(self);
    if (status != EX_OK || self->asks->len == 0)
        return status;
    self->record = self->record && !self->task->dry_run;
    self->sheet = sheet_new(self->task->dry_run ? request_columns : self->columns, SHEET_BYTES);
    self->below = g_string_new(NULL);
    self->raw = self->as_is && self->task->json ? g_string_new(NULL) : NULL;
    ask_all(self);
    return self->status;
}

int
api_run(Api *self)
{
    int status = run(self);

    g_clear_pointer(&self->sheet, sheet_free);
    g_clear_pointer(&self->asks, g_ptr_array_unref);
    g_clear_pointer(&self->accounts, g_ptr_array_unref);
    g_clear_pointer(&self->held, g_ptr_array_unref);
    g_clear_pointer(&self->settings, settings_free);
    if (self->below)
        g_string_free(self->below, TRUE);
    if (self->raw)
        g_string_free(self->raw, TRUE);
    return status;
}
