/* Folders tests/provider/DRIVER/CASE: message.eml and envelope go in; form or request.json (every call's request, and
 * those that answers led to) and outcome (what answer.http, answer-2.http … mean for the first call) come out. With a
 * file maybe-taken the API may have the first call. UPDATE=1 writes what comes out, to be reviewed as a difference. */
#include "fixture.h"

#include "base/clock.h"
#include "http/json.h"

#include <string.h>

static char *
contents(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

static const struct {
    const char *folder;
    Provider *(*open)(const char *more);
    const char *requests;
} drivers[] = {
    { "cmc", fixture_account, "form" },
    { "arara", fixture_arara, "request.json" },
};

/* Lines "from a@x", "to b@x", "null" and "headers" (sendmail -t). */
static Envelope *
read_envelope(const char *folder)
{
    g_autofree char *text = contents(folder, "envelope");
    g_assert_nonnull(text);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    Envelope *envelope = envelope_new(g_str_has_prefix(lines[0], "from ") ? lines[0] + 5 : "");

    for (guint i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], "to "))
            envelope_add_recipient(envelope, lines[i] + 3);
        envelope->from_headers |= g_str_equal(lines[i], "headers");
    }
    return envelope;
}

static Mail *
read_mail(const char *folder, const Provider *provider, const Envelope *envelope)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(folder, "message.eml", NULL);
    g_autofree char *text = NULL;
    gsize n = 0;

    g_assert_true(g_file_get_contents(path, &text, &n, &error));
    g_autoptr(Spool) spool = spool_new(1 << 20, NULL);
    g_autoptr(Scan) scan = scan_new();
    spool_append(spool, text, n);
    g_assert_true(spool_finish(spool, NULL));
    scan_push(scan, text, n);
    scan_finish(scan);
    g_autoptr(Message) message = message_open(spool, scan, &error);
    g_assert_no_error(error);
    TranslateContext context = {
        .conf = &provider->translate,
        .hostname = "here.test",
        .default_domain = "here.test",
        .id = "3fQz81",
        .envelope = envelope,
        .text_chars = provider->limits.text_chars,
        .html_chars = provider->limits.html_chars,
        .header_bytes = provider->limits.header_bytes,
    };
    Mail *mail = mail_from_message(message, &context, &error);
    g_assert_no_error(error);
    return mail;
}

static void
print_source(GString *out, Source *source)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    char buf[100];
    gssize n;
    gint64 total = 0;

    while ((n = source_read(source, buf, sizeof buf, NULL)) > 0) {
        g_checksum_update(sum, (guchar *) buf, n);
        total += n;
    }
    g_assert_cmpint(n, ==, 0);
    g_assert_cmpint(total, ==, source->length);
    g_string_append_printf(out, " %" G_GINT64_FORMAT " bytes, SHA-256 %s\n", total, g_checksum_get_string(sum));
}

static char *
read_body(Source *source)
{
    GString *text = g_string_new(NULL);
    char buf[100];
    gssize n;

    while ((n = source_read(source, buf, sizeof buf, NULL)) > 0)
        g_string_append_len(text, buf, n);
    g_assert_cmpint(n, ==, 0);
    g_assert_cmpint((gint64) text->len, ==, source->length);
    g_assert_true(g_utf8_validate(text->str, (gssize) text->len, NULL));
    return g_string_free(text, FALSE);
}

static void
add_json(cJSON *array, const HttpRequest *request)
{
    g_autofree char *line = g_strdup_printf("%s %s", request->method, request->url);
    cJSON *object = cJSON_CreateObject();

    cJSON_AddItemToArray(array, object);
    json_put_string(object, "request", line);
    cJSON *headers = cJSON_AddArrayToObject(object, "headers");
    for (guint i = 0; i < request->headers->len; i++)
        cJSON_AddItemToArray(headers, cJSON_CreateString(request->headers->pdata[i]));
    if (request->body) {
        g_autofree char *text = read_body(request->body);
        cJSON *body = json_parse(text, strlen(text));
        g_assert_nonnull(body);
        cJSON_AddItemToObject(object, "body", body);
    }
}

static void
print_request(GString *out, const HttpRequest *request)
{
    g_string_append_printf(out, "%s %s\n", request->method, request->url);
    for (guint i = 0; i < request->headers->len; i++)
        g_string_append_printf(out, "%s\n", (const char *) request->headers->pdata[i]);
    for (guint i = 0; i < request->fields->len; i++) {
        const HttpField *field = request->fields->pdata[i];
        if (field->source) {
            g_string_append_printf(out, "%s: %s (%s)", field->name, field->filename, field->type);
            print_source(out, field->source);
            continue;
        }
        g_auto(GStrv) lines = g_strsplit(field->value, "\n", -1);
        g_autofree char *value = g_strjoinv("\n    ", lines);
        g_assert_true(g_utf8_validate(field->value, -1, NULL));
        g_string_append_printf(out, "%s: %s\n", field->name, value);
    }
    if (request->body) {
        g_autofree char *body = read_body(request->body);
        g_string_append_printf(out, "%s\n", body);
    }
}

static void
print_outcomes(GString *out, const Call *call, const GArray *outcomes)
{
    for (guint i = 0; i < outcomes->len; i++) {
        const Outcome *outcome = &g_array_index(outcomes, Outcome, i);
        g_string_append_printf(out, "%s: %s %d %s %s%s%s\n", call_recipient(call, i)->address,
                               outcome_verdict_name(outcome->verdict), outcome->code, outcome->dsn, outcome->text,
                               outcome->remote_id ? " " : "", outcome->remote_id ? outcome->remote_id : "");
    }
}

static void
check(const char *folder, const char *name, const GString *got)
{
    if (g_getenv("UPDATE")) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_assert_true(g_file_set_contents(path, got->str, (gssize) got->len, NULL));
        return;
    }
    g_autofree char *want = contents(folder, name);
    g_assert_cmpstr(got->str, ==, want);
}

typedef struct {
    GString *text;
    cJSON *array;
} Requests;

static void
put_request(Requests *self, const HttpRequest *request)
{
    if (self->array)
        add_json(self->array, request);
    else
        print_request(self->text, request);
}

static void
check_requests(Requests *self, const char *folder, const char *name)
{
    if (self->array) {
        char *text = cJSON_Print(self->array);
        g_string_append_printf(self->text, "%s\n", text);
        cJSON_free(text);
        cJSON_Delete(self->array);
    }
    check(folder, name, self->text);
    g_string_free(self->text, TRUE);
}

/* The answers in turn, as long as there is another request. */
static void
answer_call(const Provider *provider, CallTry *try, const char *folder, Requests *requests, GArray *outcomes)
{
    for (guint i = 1; i <= 3; i++) {
        g_autofree char *name = i == 1 ? g_strdup("answer.http") : g_strdup_printf("answer-%u.http", i);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autoptr(HttpResponse) response = fixture_answer(path);
        g_autoptr(HttpRequest) next = provider->driver->judge(provider, try, response, (Outcome *) outcomes->data);
        if (!next)
            return;
        put_request(requests, next);
    }
    g_assert_not_reached();
}

static void
run_case(const Provider *provider, const char *folder, Requests *requests)
{
    const ProviderDriver *driver = provider->driver;
    g_autoptr(Envelope) envelope = read_envelope(folder);
    g_autoptr(Mail) mail = read_mail(folder, provider, envelope);
    for (guint i = 0; envelope->from_headers && i < mail->named->len; i++) {
        const Mailbox *box = mail->named->pdata[i];
        envelope_add_recipient(envelope, box->address);
    }
    g_autoptr(Recipients) recipients = recipients_classify(envelope->recipients, mail);
    g_autoptr(GPtrArray) calls = driver->partition(provider, mail, recipients);
    calls_set_keys(calls, "3fQz81", envelope->recipients->len);
    g_autoptr(Secret) token = driver->login ? secret_new("token-of-tests") : NULL;
    g_autofree char *again = contents(folder, "maybe-taken");
    g_autoptr(GString) outcome = g_string_new(NULL);

    for (guint i = 0; i < calls->len; i++) {
        CallTry try = { .mail = mail, .call = calls->pdata[i], .token = token, .maybe_taken = again && i == 0 };
        g_autoptr(HttpRequest) request = driver->build(provider, &try);
        put_request(requests, request);
    }
    CallTry try = { .mail = mail, .call = calls->pdata[0], .token = token, .maybe_taken = again != NULL };
    g_autoptr(GArray) outcomes = outcomes_new(call_size(try.call));
    answer_call(provider, &try, folder, requests, outcomes);
    print_outcomes(outcome, try.call, outcomes);
    check(folder, "outcome", outcome);
}

static void
test_case(gconstpointer data)
{
    const char *folder = data;
    g_autofree char *keys = contents(folder, "account");
    g_autofree char *above = g_path_get_dirname(folder);
    g_autofree char *driver = g_path_get_basename(above);
    guint i = 0;

    while (!g_str_equal(drivers[i].folder, driver))
        i++;
    g_autoptr(Provider) provider = drivers[i].open(keys ? keys : "");
    bool json = g_str_has_suffix(drivers[i].requests, ".json");
    Requests requests = { g_string_new(NULL), json ? cJSON_CreateArray() : NULL };
    run_case(provider, folder, &requests);
    check_requests(&requests, folder, drivers[i].requests);
}

static guint
add_cases(const char *driver)
{
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "provider", driver, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    guint n = 0;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strdup_printf("/golden/%s/%s", driver, name);
        g_test_add_data_func_full(path, g_build_filename(folder, name, NULL), test_case, g_free);
        n++;
    }
    return n;
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_freeze(G_GINT64_CONSTANT(1798772400000)); /* 2027-01-01T03:00Z */
    for (guint i = 0; i < G_N_ELEMENTS(drivers); i++)
        g_assert_cmpuint(add_cases(drivers[i].folder), >, 0);
    return g_test_run();
}
