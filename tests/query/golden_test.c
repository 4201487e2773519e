/* Files tests/query/DRIVER/NAME.case: lines of a question, then "--- answer" sections as they look on the wire. Before
 * each stands the request that asked for it, behind it what it was read as; behind a line "--- again" the same question
 * is put from its start, for another answer. UPDATE=1 writes requests and results, to be reviewed as a difference. */
#include "fixture.h"

#include "base/clock.h"
#include "query/time.h"

#include <string.h>

typedef struct {
    Query query;
    GPtrArray *ids, *request_ids, *addresses, *subjects, *groups;
    GPtrArray *kept; /* texts that the query points to */
    GString *more;   /* keys of the account */
    bool login;
} Question;

static const char *
keep(Question *self, const char *text)
{
    char *copy = g_strdup(text);

    g_ptr_array_add(self->kept, copy);
    return copy;
}

static gint64
time_of(const char *text)
{
    gint64 ms = 0;

    g_assert_true(query_time_parse(text, &ms));
    return ms;
}

static QueryTask
task_of(const char *name)
{
    for (QueryTask task = 0; task < QUERY_TASKS; task++) {
        if (g_str_equal(query_task_name(task), name))
            return task;
    }
    g_error("no task %s", name);
}

static void
read_list(Question *self, const char *name, const char *value)
{
    const struct {
        const char *name;
        GPtrArray *list;
    } lists[] = {
        { "id", self->ids },           { "request-id", self->request_ids }, { "address", self->addresses },
        { "subject", self->subjects }, { "group", self->groups },
    };

    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        if (g_str_equal(lists[i].name, name)) {
            g_ptr_array_add(lists[i].list, (char *) keep(self, value));
            return;
        }
    }
    g_error("no member %s", name);
}

static void
read_member(Question *self, const char *name, const char *value)
{
    Query *query = &self->query;
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        { "sender", &query->sender }, { "tag", &query->tag },           { "status", &query->status },
        { "domain", &query->domain }, { "selector", &query->selector }, { "start-date", &query->start_date },
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (g_str_equal(texts[i].name, name)) {
            *texts[i].text = keep(self, value);
            return;
        }
    }
    if (g_str_equal(name, "task"))
        query->task = task_of(value);
    else if (g_str_equal(name, "login"))
        self->login = true;
    else if (g_str_equal(name, "account"))
        g_string_append_printf(self->more, "%s\n", value);
    else if (g_str_equal(name, "since"))
        query->since_ms = time_of(value);
    else if (g_str_equal(name, "until"))
        query->until_ms = time_of(value);
    else if (g_str_equal(name, "now"))
        clock_freeze(time_of(value));
    else if (g_str_equal(name, "failed"))
        query->failed = true;
    else if (g_str_equal(name, "count"))
        query->count = (guint) atoi(value);
    else if (g_str_equal(name, "key-bits"))
        query->key_bits = (guint) atoi(value);
    else if (g_str_equal(name, "default"))
        query->is_default = atoi(value);
    else if (g_str_equal(name, "enabled"))
        query->enabled = atoi(value);
    else
        read_list(self, name, value);
}

static const char *const *
list_of(GPtrArray *list)
{
    g_ptr_array_add(list, NULL);
    return list->len > 1 ? (const char *const *) list->pdata : NULL;
}

static Question *
question_new(const char *text)
{
    Question *self = g_new0(Question, 1);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    self->kept = g_ptr_array_new_with_free_func(g_free);
    self->ids = g_ptr_array_new();
    self->request_ids = g_ptr_array_new();
    self->addresses = g_ptr_array_new();
    self->subjects = g_ptr_array_new();
    self->groups = g_ptr_array_new();
    self->more = g_string_new(NULL);
    for (guint i = 0; lines[i]; i++) {
        g_auto(GStrv) words = g_strsplit(lines[i], " ", 2);
        if (words[0] && *words[0] != '#')
            read_member(self, words[0], words[1] ? words[1] : "");
    }
    self->query.ids = list_of(self->ids);
    self->query.request_ids = list_of(self->request_ids);
    self->query.addresses = list_of(self->addresses);
    self->query.subjects = list_of(self->subjects);
    self->query.groups = list_of(self->groups);
    return self;
}

static void
question_free(Question *self)
{
    g_ptr_array_unref(self->ids);
    g_ptr_array_unref(self->request_ids);
    g_ptr_array_unref(self->addresses);
    g_ptr_array_unref(self->subjects);
    g_ptr_array_unref(self->groups);
    g_ptr_array_unref(self->kept);
    g_string_free(self->more, TRUE);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Question, question_free)

static void
print_request(GString *out, HttpRequest *request)
{
    char buf[1000];
    gssize n;
    g_autofree char *shown = http_request_shown(request);

    g_string_append_printf(out, "--- request\n%s %s\n", request->method, request->url);
    g_assert_null(strstr(shown, "key-of-tests"));
    g_assert_null(strstr(shown, "token-of-tests"));
    for (guint i = 0; i < request->headers->len; i++)
        g_string_append_printf(out, "%s\n", (char *) request->headers->pdata[i]);
    for (guint i = 0; i < request->fields->len; i++) {
        const HttpField *field = request->fields->pdata[i];
        g_string_append_printf(out, "%s: %s\n", field->name, field->value);
    }
    if (!request->body)
        return;
    g_string_append_c(out, '\n');
    while ((n = source_read(request->body, buf, sizeof buf, NULL)) > 0)
        g_string_append_len(out, buf, n);
    if (out->str[out->len - 1] != '\n')
        g_string_append_c(out, '\n');
}

/* The response of the wire's text, whose last line end is the file's own. */
static HttpResponse *
response_new(const char *text, size_t n)
{
    HttpResponse *response = g_new0(HttpResponse, 1);
    const char *body = strstr(text, "\n\n");

    g_assert_nonnull(body);
    body += 2;
    n -= (size_t) (body - text);
    response->status = atoi(strchr(text, ' '));
    response->body_length = n > 0 ? n - 1 : 0;
    response->body = g_malloc0(n + 1);
    memcpy(response->body, body, response->body_length);
    response->sent_whole = true;
    return response;
}

static void
print_error(GString *out, const GError *error)
{
    g_string_append_printf(out, "! %s: %s\n", fixture_error_name(error), error->message);
    g_assert_null(strstr(error->message, "key-of-tests"));
    g_assert_null(strstr(error->message, "token-of-tests"));
}

static void
read_page(const QueryAsk *ask, const HttpResponse *response, GString *out, QueryPage *page)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(QueryReader) reader = query_reader_new(ask, fixture_print_row, out);

    if (!query_reader_finish(reader, response, page, &error)) {
        print_error(out, error);
        return;
    }
    g_string_append_printf(out, "%u rows%s\n", page->rows, page->cut ? ", cut" : "");
    if (page->rest && page->rest->fields->len > 0) {
        g_string_append(out, "rest\n");
        fixture_print_row(page->rest, out);
        g_string_truncate(out, out->len - 1);
    }
    page->rest = NULL;
}

static void
read_login(const QueryAccount *account, const HttpResponse *response, GString *out)
{
    g_autoptr(GError) error = NULL;
    gint64 lifetime_ms = 0;
    g_autoptr(Secret) token = query_token(account, response, &lifetime_ms, &error);

    if (token)
        g_string_append_printf(out, "token %s for %" G_GINT64_FORMAT " ms\n", secret_reveal(token), lifetime_ms);
    else
        print_error(out, error);
}

/* The answer sections of a case, with their line of dashes; the last one of `at` moved behind it. */
static char *
next_answer(const char **at)
{
    const char *start = strstr(*at, "\n--- answer\n");

    if (!start)
        return NULL;
    start += strlen("\n--- answer\n");
    const char *end = strstr(start, "\n--- result\n");
    end = end ? end + 1 : start + strlen(start);
    *at = end - 1;
    return g_strndup(start, (gsize) (end - start));
}

static void
run_pages(const QueryAccount *account, const Question *question, const char *text, GString *out)
{
    g_autoptr(Secret) token = query_wants_token(account) ? secret_new("token-of-tests") : NULL;
    QueryCursor cursor = { 0 };
    QueryAsk ask = { account, &question->query, &cursor, token };
    QueryPage page = { 0 };

    do {
        g_autofree char *answer = next_answer(&text);
        g_autoptr(HttpRequest) request = question->login ? query_login(account) : query_build(&ask);
        print_request(out, request);
        if (!answer)
            return;
        g_autoptr(HttpResponse) response = response_new(answer, strlen(answer));
        g_string_append_printf(out, "--- answer\n%s--- result\n", answer);
        if (question->login)
            read_login(account, response, out);
        else
            read_page(&ask, response, out, &page);
    } while (!question->login && query_next(account, &question->query, &cursor, &page));
    g_assert_null(next_answer(&text));
}

/* The sections of a case from the line of dashes that ends its head, as often as the question is put. */
static void
run_all(const QueryAccount *account, const Question *question, const char *text, GString *out)
{
    static const char again[] = "\n--- again\n";

    for (const char *end; (end = strstr(text, again)); text = end + strlen(again) - 1) {
        g_autofree char *once = g_strndup(text, (gsize) (end + 1 - text));
        run_pages(account, question, once, out);
        g_string_append(out, again + 1);
    }
    run_pages(account, question, text, out);
}

static void
test_case(gconstpointer data)
{
    const char *path = data;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *driver = g_path_get_basename(folder);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    const char *dashes = strstr(text, "--- ");
    g_assert_nonnull(dashes);
    g_autofree char *head = g_strndup(text, (gsize) (dashes - text));
    clock_freeze(time_of("2027-01-01"));
    g_autoptr(Question) question = question_new(head);
    g_autoptr(QueryAccount) account = fixture_account(driver, question->more->str, &error);
    g_assert_no_error(error);
    g_autoptr(GString) out = g_string_new(head);
    if (question->login || query_check(account, &question->query, &error)) {
        run_all(account, question, dashes - 1, out);
    } else {
        g_string_append(out, "--- result\n");
        print_error(out, error);
    }
    if (g_getenv("UPDATE"))
        g_assert_true(g_file_set_contents(path, out->str, (gssize) out->len, NULL));
    else
        g_assert_cmpstr(out->str, ==, text);
}

static void
add_cases(const char *driver)
{
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "query", driver, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    guint n = 0;

    g_assert_nonnull(dir);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_strdup_printf("/golden/%s/%s", driver, name);
        if (!g_str_has_suffix(name, ".case"))
            continue;
        g_test_add_data_func_full(path, g_build_filename(folder, name, NULL), test_case, g_free);
        n++;
    }
    g_assert_cmpuint(n, >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases("arara");
    add_cases("arara-v1");
    add_cases("blastmail");
    add_cases("customers-mail-cloud");
    return g_test_run();
}
