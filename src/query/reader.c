#include "query/reader.h"

#include "query/blot.h"
#include "query/overlap.h"
#include "query/parser.h"
#include "query/time.h"
#include "query/verdict.h"

#include <string.h>

struct QueryReader {
    const QueryAsk *ask;
    const QueryCall *call;
    QuerySink sink;
    void *user;
    Overlap *overlap;
    Gather *gather; /* once the status is known */
    const QueryParser *parser;
    void *state;       /* of the parser */
    char head[4];      /* bytes before the format is known: a byte order mark, a signature */
    size_t head_length;
    bool begun;        /* it is known */
    const char *fault; /* literal */
    QueryRow *rest;    /* without secrets, or NULL: as it came */
};

/* Only where the period has a clock: what a day is the API knows itself. */
static bool
is_outside(const QueryReader *self, const QueryRow *row)
{
    const Query *query = self->ask->query;
    const char *time = query_row_get(row, QUERY_FIELD_TIME);
    gint64 ms;

    if (!(self->call->flags & QUERY_CALL_DAYS) || query->until_ms <= 0 || !time || !query_time_parse(time, &ms))
        return false;
    bool from = query_time_day(query->since_ms) != query->since_ms;
    bool to = query_time_day(query->until_ms) != query->until_ms;
    return (from && ms < query->since_ms) || (to && ms >= query->until_ms);
}

static void
on_new_row(const QueryRow *row, void *user)
{
    QueryReader *self = user;

    if (is_outside(self, row))
        return;
    g_autoptr(QueryRow) clean = blot_row(self->ask, row);
    self->sink(clean ? clean : row, self->user);
}

QueryReader *
query_reader_new(const QueryAsk *ask, QuerySink sink, void *user)
{
    QueryReader *self = g_new0(QueryReader, 1);

    self->ask = ask;
    self->call = query_find_call(ask->account->driver, ask->query->task);
    self->sink = sink;
    self->user = user;
    bool later = ask->cursor && ask->cursor->at > 0;
    self->overlap = overlap_new(later ? &ask->cursor->head : NULL, on_new_row, self);
    return self;
}

void
query_reader_free(QueryReader *self)
{
    if (!self)
        return;
    if (self->parser)
        self->parser->free(self->state);
    gather_free(self->gather);
    overlap_free(self->overlap);
    query_row_free(self->rest);
    g_free(self);
}

static bool
fail(QueryReader *self, const char *fault)
{
    if (!self->fault)
        self->fault = fault;
    return false;
}

static const char *
fault_of(const QueryReader *self)
{
    const char *fault = gather_fault(self->gather);

    if (fault)
        return fault;
    return self->parser == &query_json ? "its JSON is broken"
        : self->parser == &query_xml   ? "its XML is broken"
                                       : "its CSV is broken";
}

static bool
parse(QueryReader *self, const char *bytes, size_t n)
{
    if (n == 0 || self->parser->push(self->state, bytes, n))
        return true;
    return fail(self, fault_of(self));
}

/* By the first bytes: what APIs say of the format in headers and what they then send are two things. */
static bool
begin(QueryReader *self, const char *bytes, size_t n)
{
    bool csv = self->call->flags & QUERY_CALL_CSV;

    self->begun = true;
    if (n >= 3 && memcmp(bytes, "<!d", 3) == 0) /* "<!doctype html": XML has capitals there */
        return fail(self, "it is a web page");
    if (n >= 4 && (memcmp(bytes, "PK\x03\x04", 4) == 0 || memcmp(bytes, "PK\x05\x06", 4) == 0))
        self->parser = csv ? &query_zip : NULL;
    else if (*bytes == '{' || *bytes == '[' || *bytes == '"')
        self->parser = csv && *bytes == '"' ? &query_csv : &query_json;
    else if (*bytes == '<' || (*bytes & 0xfe) == 0xfe) /* a mark of UTF-16, which libxml2 reads */
        self->parser = &query_xml;
    else if (csv)
        self->parser = &query_csv;
    if (!self->parser)
        return fail(self, "it is neither JSON nor XML");
    self->state = self->parser->new(self->gather);
    return true;
}

static bool
begin_with_head(QueryReader *self)
{
    return begin(self, self->head, self->head_length) && parse(self, self->head, self->head_length);
}

/* Takes bytes until the format is known: the first that are neither blanks nor the byte order mark of UTF-8. Returns how
 * many. */
static size_t
take_head(QueryReader *self, const char *bytes, size_t n)
{
    size_t used = 0;

    while (used < n && !self->begun && !self->fault) {
        char c = bytes[used++];
        if (self->head_length == 0 && g_ascii_isspace(c))
            continue;
        self->head[self->head_length++] = c;
        if (self->head_length == 3 && memcmp(self->head, "\xef\xbb\xbf", 3) == 0)
            self->head_length = 0;
        if (self->head_length == sizeof self->head)
            begin_with_head(self);
    }
    return used;
}

static void
on_row(const QueryRow *row, void *user)
{
    QueryReader *self = user;

    overlap_add(self->overlap, row);
}

/* Behind a status that is no success comes what it wants, a web page mostly: the status says enough, and to break off
 * would hide it. */
bool
query_reader_push(int status, const char *bytes, size_t n, void *reader)
{
    QueryReader *self = reader;
    bool rows = status / 100 == 2;

    if (!self->gather)
        self->gather = gather_new(self->call, self->ask->query, rows, on_row, self);
    size_t used = self->fault ? 0 : take_head(self, bytes, n);
    if (!self->fault && self->begun)
        parse(self, bytes + used, n - used);
    return !self->fault || !rows;
}

/* What is left, and whether it was whole. */
static void
finish_parse(QueryReader *self)
{
    if (!self->fault && !self->begun && self->head_length > 0)
        begin_with_head(self);
    if (!self->fault && self->parser && !self->parser->finish(self->state))
        fail(self, gather_fault(self->gather) ? gather_fault(self->gather) : "it ends too early");
}

/* Whether the API, or we, would say nothing of what comes behind it. */
static bool
is_cut(const QueryReader *self, const QueryPage *page)
{
    const Query *query = self->ask->query;
    const QueryCursor *cursor = self->ask->cursor;
    bool named = query->ids || query->request_ids;

    if (self->call->cap > 0 && !named && gather_elements(self->gather) >= self->call->cap)
        return true;
    return self->call->last > 0 && cursor && cursor->at >= self->call->last && page->rows > 0;
}

bool
query_reader_finish(QueryReader *self, const HttpResponse *response, QueryPage *page, GError **error)
{
    *page = (QueryPage) { 0 };
    if (response->body_length > 0)
        query_reader_push(response->status, response->body, response->body_length, self);
    if (response->transport == HTTP_OK)
        finish_parse(self);
    QueryVerdict verdict = {
        .ask = self->ask,
        .call = self->call,
        .response = response,
        .gather = self->gather,
        .fault = self->fault,
        .empty = !self->begun,
    };
    if (!query_judge(&verdict, error))
        return false;
    if (!self->gather)
        return true;
    unsigned any = QUERY_CALL_ANY | QUERY_CALL_DIRECT | QUERY_CALL_CHANGES | QUERY_CALL_FINAL;
    bool whole = !*self->call->row || (self->call->flags & any && gather_rows(self->gather) == 0);
    if (whole && gather_rest(self->gather)->fields->len > 0)
        gather_whole(self->gather);
    page->again = overlap_finish(self->overlap);
    page->rows = overlap_rows(self->overlap);
    page->head = overlap_head(self->overlap);
    page->cut = is_cut(self, page);
    page->odd = gather_odd(self->gather);
    self->rest = blot_row(self->ask, gather_rest(self->gather));
    page->rest = self->rest ? self->rest : gather_rest(self->gather);
    return true;
}

/* The answer to a login, read and judged by nobody yet. */
static QueryReader *
login_reader(const QueryAsk *ask, const HttpResponse *response)
{
    static const QueryCall login = { .row = "" };
    QueryReader *self = g_new0(QueryReader, 1);

    self->ask = ask;
    self->call = &login;
    if (response->body_length > 0)
        query_reader_push(response->status, response->body, response->body_length, self);
    finish_parse(self);
    return self;
}

void
query_login_failed(const QueryAccount *account, const HttpResponse *response, GError **error)
{
    static const Query none = { 0 };
    QueryAsk ask = { .account = account, .query = &none };
    g_autoptr(QueryReader) reader = login_reader(&ask, response);

    QueryVerdict verdict = { .ask = &ask, .response = response, .gather = reader->gather, .fault = reader->fault };
    query_judge(&verdict, error);
}

char *
query_login_value(const QueryAccount *account, const HttpResponse *response, const char *const *names)
{
    static const Query none = { 0 };
    QueryAsk ask = { .account = account, .query = &none };

    if (response->transport != HTTP_OK || response->status / 100 != 2)
        return NULL;
    g_autoptr(QueryReader) reader = login_reader(&ask, response);
    for (; reader->gather && !reader->fault && *names; names++) {
        const char *value = query_row_get(gather_rest(reader->gather), *names);
        if (value && *value)
            return g_strdup(value);
    }
    return NULL;
}
