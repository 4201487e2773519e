/* Fuzzes what reads the answers to questions: the first byte chooses the call and the status, the second in what pieces
 * the rest comes, a body in JSON, XML or CSV. */
#include "query/driver.h"
#include "query/reader.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

static HttpRequest *
no_request(const QueryAsk *ask)
{
    return http_request_new("GET", "https://api.test");
}

static const QueryName names[] = {
    { "to", QUERY_FIELD_ADDRESS },     { "parts.to", QUERY_FIELD_ADDRESS },     { "date", QUERY_FIELD_TIME },
    { "id", QUERY_FIELD_MESSAGE_ID },  { "filtered", QUERY_FIELD_EXCLUDED },    { 0 },
};

static const QueryCall calls[] = {
    { QUERY_STATUS, .row = "items item", .spread = "parts", .signs = "list", .names = names, .build = no_request },
    { QUERY_PLAN, QUERY_CALL_ANY, .row = "", .names = names, .build = no_request },
    { QUERY_CANCEL, QUERY_CALL_FINAL | QUERY_CALL_EMPTY | QUERY_CALL_ANY | QUERY_CALL_MESSAGE, .row = "items",
      .build = no_request },
    { QUERY_HISTORY_EXPORT, QUERY_CALL_CSV, .row = "row", .names = names, .build = no_request },
    { 0 },
};
static const QueryDriver driver = { .name = "fuzz", .calls = calls };

static void
on_row(const QueryRow *row, void *user)
{
    guint *count = user;
    QueryEvent event;

    (*count)++;
    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        MUST(g_utf8_validate(field->name, -1, NULL) && g_utf8_validate(field->value, -1, NULL));
    }
    MUST(!query_row_event(row, &event) || *event.address);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t n)
{
    static const int statuses[] = { 200, 200, 200, 204, 400, 404, 500, 302 };
    static Secret *key;
    guint count = 0;
    QueryPage page;

    if (n < 2)
        return 0;
    key = key ? key : secret_new("secret");
    int status = statuses[data[0] / 4 % G_N_ELEMENTS(statuses)];
    size_t step = data[1] + 1;
    QueryAccount account = { .driver = &driver, .name = (char *) "main", .key = key };
    Query query = { .task = calls[data[0] % 4].task };
    QueryAsk ask = { &account, &query, NULL, NULL };
    HttpResponse response = { .transport = HTTP_OK, .status = status, .body = (char *) "" };
    g_autoptr(QueryReader) reader = query_reader_new(&ask, on_row, &count);
    g_autoptr(GError) error = NULL;

    for (size_t at = 2; at < n && response.transport == HTTP_OK; at += step) {
        if (!query_reader_push(status, (const char *) data + at, MIN(step, n - at), reader))
            response.transport = HTTP_BROKEN;
    }
    if (query_reader_finish(reader, &response, &page, &error)) {
        MUST(response.transport == HTTP_OK && status / 100 == 2);
        MUST(page.rows == count);
    } else {
        MUST(error && error->domain == QUERY_ERROR && g_utf8_validate(error->message, -1, NULL));
        MUST(!strpbrk(error->message, "\r\n\t"));
    }
    return 0;
}
