/* Fuzzes one of the parsers of answers, PARSER (query/parser.h), without the reader that would choose it: the first byte
 * says how the rows lie in the answer, the second in what pieces it comes. Whatever comes, the values are UTF-8, rows and
 * values have bounds, and an answer that is whole is read the same however it was cut. */
#include "query/driver.h"
#include "query/parser.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

enum { MAX_ROW = 4 * 1024 * 1024 };

static const QueryName names[] = {
    { "message_to", QUERY_FIELD_ADDRESS }, { "datetime", QUERY_FIELD_TIME },     { "id", QUERY_FIELD_MESSAGE_ID },
    { "filtered", QUERY_FIELD_EXCLUDED },  { "parts.to", QUERY_FIELD_ADDRESS },  { 0 },
};

static const QueryCall calls[] = {
    { QUERY_UNSUB_LIST, .row = "requester row items", .signs = "requesters", .names = names },
    { QUERY_RESULTS, .row = "requester row items", .spread = "parts", .names = names },
    { QUERY_PLAN, .row = "", .names = names },
    { QUERY_DIRECT, QUERY_CALL_DIRECT, .row = "requester row items", .names = names },
};

static void
check_row(const QueryRow *row)
{
    size_t total = 0;

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        MUST(g_utf8_validate(field->name, -1, NULL) && g_utf8_validate(field->value, -1, NULL));
        total += strlen(field->name) + strlen(field->value);
    }
    MUST(total <= MAX_ROW);
}

typedef struct {
    bool good;
    guint rows;
    guint64 digest;
} Read;

static void
on_row(const QueryRow *row, void *user)
{
    Read *result = user;

    check_row(row);
    result->rows++;
    for (guint i = 0; i < row->fields->len; i++)
        result->digest = result->digest * 31 + g_str_hash(g_array_index(row->fields, QueryField, i).value);
}

static Read
read_in_pieces(const QueryCall *call, const char *bytes, size_t n, size_t step)
{
    const Query query = { .task = call->task };
    Read result = { 0 };
    Gather *gather = gather_new(call, &query, true, on_row, &result);
    void *parser = PARSER.new(gather);
    bool good = true;

    for (size_t at = 0; good && at < n; at += step)
        good = PARSER.push(parser, bytes + at, MIN(step, n - at));
    good = good && PARSER.finish(parser);
    PARSER.free(parser);
    MUST(gather_rows(gather) == result.rows);
    MUST(!good || !gather_fault(gather));
    check_row(gather_rest(gather));
    result.good = good;
    gather_free(gather);
    return result;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t n)
{
    if (n < 2)
        return 0;
    const QueryCall *call = &calls[data[0] % G_N_ELEMENTS(calls)];
    const char *bytes = (const char *) data + 2;
    Read whole = read_in_pieces(call, bytes, n - 2, MAX(n, 1));
    Read cut = read_in_pieces(call, bytes, n - 2, (size_t) data[1] + 1);

    if (whole.good && cut.good)
        MUST(whole.rows == cut.rows && whole.digest == cut.digest);
    else
        MUST(whole.good == cut.good);
    return 0;
}
