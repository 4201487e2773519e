/* Answers that are long, broken, or none: each is read whole and byte by byte, with the same result. */
#include "fixture.h"

#include "query/driver.h"

#include <string.h>

static HttpRequest *
no_request(const QueryAsk *ask)
{
    return http_request_new("GET", "https://api.test");
}

static const QueryName names[] = { { "to", QUERY_FIELD_ADDRESS }, { 0 } };
static const QueryFault faults[] = { { "11-007", QUERY_ERROR_LIMIT }, { "13-004", QUERY_ERROR_AUTH }, { 0 } };
static const QueryCall calls[] = {
    { QUERY_STATUS, .row = "items", .signs = "list", .names = names, .build = no_request },
    { QUERY_DOMAIN_LIST, .row = "items", .spread = "parts", .build = no_request },
    { QUERY_PLAN, .row = "", .signs = "plan", .build = no_request },
    { QUERY_CANCEL, QUERY_CALL_FINAL | QUERY_CALL_EMPTY, .row = "items", .signs = "id", .build = no_request },
    { QUERY_HISTORY_EXPORT, QUERY_CALL_CSV | QUERY_CALL_EMPTY, .row = "row", .build = no_request },
    { 0 },
};
static const QueryDriver driver = { .name = "test", .calls = calls, .faults = faults };

typedef struct {
    GString *rows;
    guint count;
} Rows;

static void
on_row(const QueryRow *row, void *user)
{
    Rows *rows = user;

    rows->count++;
    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        g_assert_true(g_utf8_validate(field->name, -1, NULL) && g_utf8_validate(field->value, -1, NULL));
        if (rows->rows->len < 10000)
            g_string_append_printf(rows->rows, "%s%s=%s", i ? "," : "", field->name, field->value);
    }
    g_string_append_c(rows->rows, ';');
}

/* The rows, then "! error" if it is one. */
static char *
read_answer(QueryTask task, int status, const char *body, size_t n, size_t step)
{
    g_autoptr(Secret) key = secret_new("key-of-tests");
    QueryAccount account = { .driver = &driver, .name = (char *) "main", .key = key };
    Query query = { .task = task };
    QueryCursor cursor = { 0 };
    QueryAsk ask = { &account, &query, &cursor, NULL };
    Rows rows = { g_string_new(NULL), 0 };
    g_autoptr(QueryReader) reader = query_reader_new(&ask, on_row, &rows);
    HttpResponse response = { .transport = HTTP_OK, .sent_whole = true, .status = status, .body = (char *) "" };
    g_autoptr(GError) error = NULL;
    QueryPage page;
    bool more = true;

    for (size_t at = 0; at < n && more; at += step)
        more = query_reader_push(status, body + at, MIN(step, n - at), reader);
    if (!more) {
        response.transport = HTTP_BROKEN;
        response.error = (char *) "the rest of the answer was not wanted";
    }
    if (query_reader_finish(reader, &response, &page, &error))
        g_assert_cmpuint(page.rows, ==, rows.count);
    else
        g_string_append_printf(rows.rows, "! %s", fixture_error_name(error));
    if (error)
        g_test_message("%s", error->message);
    return g_string_free(rows.rows, FALSE);
}

typedef struct {
    QueryTask task;
    int status;
    const char *body;
    const char *want;
} Row;

static const Row json[] = {
    { QUERY_STATUS, 200, "{\"items\":[{\"to\":\"a@x\",\"n\":1}]}", "address=a@x,n=1;" },
    { QUERY_STATUS, 200, "\xef\xbb\xbf \n{\"items\":[{\"to\":\"a@x\"}]} \n", "address=a@x;" },
    { QUERY_STATUS, 200, "{\"items\":{\"TO\":\"a@x\"}}", "address=a@x;" },
    { QUERY_STATUS, 200, "{\"result\":{\"list\":[],\"items\":[{\"a\":{\"b\":[true,null,-1.5e3]}}]}}",
      "a.b=true,a.b=,a.b=-1.5e3;" },
    { QUERY_STATUS, 200, "[{\"to\":\"a@x\"},{\"to\":\"b@x\"}]", "address=a@x;address=b@x;" },
    { QUERY_STATUS, 200, "{\"items\":[]}", "" },
    { QUERY_STATUS, 200, "{\"items\":{}}", "" },
    { QUERY_STATUS, 200, "{\"list\":[]}", "" },
    { QUERY_STATUS, 200, "{\"items\":[{\"t\":\"\\u65e5\\ud83d\\ude00\\ud83d!\\udc00\\u0000\\n\\/\"}]}",
      "t=日😀\xef\xbf\xbd!\xef\xbf\xbd\xef\xbf\xbd\n/;" },
    { QUERY_STATUS, 200, "{\"items\":[{\"t\":\"\x93\xfa\"}]}", "t=\xef\xbf\xbd\xef\xbf\xbd;" },
    { QUERY_STATUS, 200, "{\"items\":[{\"id\":123456789012345678901234567890}]}", "id=123456789012345678901234567890;" },
    { QUERY_STATUS, 200, "{\"items\":[{\"to\":\"a@x\"}],\"message\":\"hello\"}", "address=a@x;" },
    /* Nothing that is not said to be nothing. */
    { QUERY_STATUS, 200, "", "! nonsense" },
    { QUERY_STATUS, 200, "  \n", "! nonsense" },
    { QUERY_STATUS, 200, "{}", "! nonsense" },
    { QUERY_STATUS, 200, "[]", "! nonsense" },
    { QUERY_STATUS, 200, "null", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":null}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":\"\"}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":\"none\"}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[\"a@x\"]}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":0}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"other\":[{\"to\":\"a@x\"}]}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[],\"error\":{\"message\":\"no\"}}", "! refused" },
    { QUERY_STATUS, 200, "{\"items\":[],\"errors\":[{\"code\":\"13-004\",\"message\":\"no\"}]}", "! auth" },
    { QUERY_STATUS, 200, "{\"message\":\"too many requests, key-of-tests\"}", "! limit" },
    { QUERY_STATUS, 200, "{\"message\":\"no\"}", "! refused" },
    /* Broken. */
    { QUERY_STATUS, 200, "{\"items\":[{\"to\":\"a@x\"}", "address=a@x;! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[]}x", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[]},{}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[],}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[{}}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\" []}", "! nonsense" },
    { QUERY_STATUS, 200, "{items:[]}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[+1]}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[{\"a\":1.}]}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[{\"a\":nul}]}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[{\"a\":\"\\x\"}]}", "! nonsense" },
    { QUERY_STATUS, 200, "{\"items\":[{\"a\":\"\\u12g4\"}]}", "! nonsense" },
    { QUERY_STATUS, 200, "Service in maintenance", "! nonsense" },
    { QUERY_STATUS, 200, "PK\x03\x04rest", "! nonsense" },
    /* The status counts. */
    { QUERY_STATUS, 201, "{\"items\":[{\"to\":\"a@x\"}]}", "address=a@x;" },
    { QUERY_STATUS, 400, "{\"items\":[{\"to\":\"a@x\"}]}", "! refused" },
    { QUERY_STATUS, 400, "{\"errors\":[{\"code\":\"11-007\",\"field\":\"\",\"message\":\"\"}]}", "! limit" },
    { QUERY_STATUS, 401, "", "! auth" },
    { QUERY_STATUS, 403, "<html>", "! auth" },
    { QUERY_STATUS, 404, "{\"message\":\"unknown\"}", "! not-found" },
    { QUERY_STATUS, 403, "<!DOCTYPE html><p>no", "! auth" },
    { QUERY_STATUS, 404, "<!DOCTYPE html><p>unknown", "! nonsense" },
    { QUERY_STATUS, 404, "<html><body>unknown</body></html>", "! nonsense" },
    { QUERY_STATUS, 503, "<!DOCTYPE html><html><body>maintenance</body></html>", "! temporary" },
    { QUERY_STATUS, 503, "upstream connect error", "! temporary" },
    { QUERY_STATUS, 429, "", "! limit" },
    { QUERY_STATUS, 500, "{\"items\":[]}", "! temporary" },
    { QUERY_STATUS, 302, "{\"items\":[]}", "! nonsense" },
    /* The whole answer as a row, and actions. */
    { QUERY_PLAN, 200, "{\"plan\":\"a\",\"x\":{\"y\":1}}", "plan=a,x.y=1;" },
    { QUERY_PLAN, 200, "{\"blan\":\"a\"}", "! nonsense" },
    { QUERY_PLAN, 200, "{}", "! nonsense" },
    { QUERY_CANCEL, 204, "", "" },
    { QUERY_CANCEL, 200, "{}", "" },
    { QUERY_CANCEL, 200, "{\"items\":[{\"id\":1}]}", "id=1;" },
    { QUERY_CANCEL, 200, "{\"items\":[{\"id\":1}],\"message\":\"It is cancelled.\"}", "id=1;" },
    { QUERY_CANCEL, 200, "{\"items\":[{\"id\":1}],\"error\":\"too late\"}", "id=1;! refused" },
    { QUERY_CANCEL, 200, "{\"id\":1}", "id=1;" },
    { QUERY_CANCEL, 200, "{\"id\":1,\"message\":\"too late\"}", "! refused" },
    { QUERY_CANCEL, 200, "{\"result\":\"OK\",\"done\":true}", "result=OK,done=true;" },
    { QUERY_CANCEL, 200, "{\"result\":{\"code\":\"201\"}}", "result.code=201;" },
    { QUERY_CANCEL, 200, "{\"message\":\"no\"}", "! refused" },
    { QUERY_CANCEL, 200, "{\"errorText\":\"no\",\"a\":1}", "! nonsense" },
    /* What names no failure is no success yet. */
    { QUERY_CANCEL, 200, "{\"done\":true}", "! nonsense" },
    { QUERY_CANCEL, 200, "{\"message\":\"failure\",\"a\":1}", "! refused" },
    { QUERY_CANCEL, 200, "{\"items\":[{\"id\":1,\"result\":{\"code\":\"409\",\"message\":\"late\"}}]}",
      "id=1,result.code=409,result.message=late;! refused" },
    { QUERY_CANCEL, 200, "{\"items\":[{\"a\":1}]}", "a=1;! nonsense" },
    { QUERY_CANCEL, 200, "{\"items\":[]}", "! nonsense" },
    { QUERY_CANCEL, 200, "{\"items\":null}", "! nonsense" },
    { QUERY_CANCEL, 200, "{\"id\":null}", "! nonsense" },
    { QUERY_CANCEL, 200, "[]", "! nonsense" },
    { QUERY_CANCEL, 200, "[[]]", "! nonsense" },
    { QUERY_CANCEL, 200, "\"x\"", "! refused" },
    { QUERY_CANCEL, 200, "\"success\"", "! refused" },
    { QUERY_CANCEL, 200, "null", "! nonsense" },
    { QUERY_CANCEL, 200, "<response><message>login failed</message></response>", "! refused" },
    { QUERY_CANCEL, 200, "<page><title>Log in</title></page>", "! refused" },
    { QUERY_DOMAIN_LIST, 200, "{\"items\":[{\"parts\":[{\"a\":1},{\"a\":2,\"b\":3}],\"c\":4}]}",
      "c=4,parts.a=1;c=4,parts.a=2,parts.b=3;" },
    { QUERY_DOMAIN_LIST, 200, "{\"items\":[{\"c\":4,\"parts\":[{\"parts\":{\"a\":1}}]}]}", "c=4,parts.parts.a=1;" },
};

static const Row xml[] = {
    { QUERY_STATUS, 200, "<r><items><to>a@x</to><n x='1'/></items><items><to>&lt;b@x&gt;&#x65e5;</to></items></r>",
      "address=a@x,n.x=1;address=<b@x>日;" },
    { QUERY_STATUS, 200, "<?xml version='1.0' encoding='Shift_JIS'?><r><items><t>\x93\xfa</t></items></r>", "t=日;" },
    { QUERY_STATUS, 200, "<?xml version='1.0' encoding='EUC-JP'?><r><items><t>\xc6\xfc</t></items></r>", "t=日;" },
    { QUERY_STATUS, 200, "<r><items/></r>", "" },
    { QUERY_STATUS, 200, "<r><list> </list></r>", "" },
    { QUERY_STATUS, 200, "<r/>", "! nonsense" },
    { QUERY_STATUS, 200, "<r><items>none</items></r>", "! nonsense" },
    { QUERY_STATUS, 200, "<r><list>error</list></r>", "! nonsense" },
    { QUERY_STATUS, 200, "<r><message>no</message></r>", "! refused" },
    { QUERY_STATUS, 200, "<html><body>no</body></html>", "! nonsense" },
    { QUERY_STATUS, 200, "<r><items><to>a@x</to></items>", "address=a@x;! nonsense" },
    { QUERY_STATUS, 200, "<r><items><t>\x93\xfa</t></items></r>", "! nonsense" },
    { QUERY_STATUS, 200, "<?xml version='1.0' encoding='Shift_JIS'?><r><items><t>a</t></items><items><t>\xfd\xfe\xff</t>"
      "</items><items><t>b</t></items></r>", "t=a;! nonsense" },
    { QUERY_STATUS, 200, "<?xml version='1.0' encoding='UTF-16'?><r><items><t>a</t></items></r>", "! nonsense" },
    { QUERY_STATUS, 200, "<?xml version='1.0' encoding='x-none'?><r><items/></r>", "! nonsense" },
    { QUERY_STATUS, 200, "<!DOCTYPE r [<!ENTITY a 'b'>]><r><items><t>&a;</t></items></r>", "! nonsense" },
    { QUERY_STATUS, 200, "<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r><items/></r>", "! nonsense" },
    { QUERY_STATUS, 200,
      "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;'>"
      "<!ENTITY d '&c;&c;&c;&c;&c;&c;'>]><r><items><t>&d;</t></items></r>", "! nonsense" },
    { QUERY_STATUS, 200, "<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><r><items><t>&x;</t></items></r>",
      "! nonsense" },
    { QUERY_STATUS, 200, "<r><items><t>&none;</t></items></r>", "! nonsense" },
    { QUERY_STATUS, 200, "<r><items><t>a</t></items></r><r/>", "t=a;! nonsense" },
    { QUERY_STATUS, 200, "<r xmlns:i='http://www.w3.org/2001/XInclude'><items><i:include href='file:///etc/passwd'/>"
      "</items></r>", "include.href=file:///etc/passwd;" },
};

static const Row csv[] = {
    { QUERY_HISTORY_EXPORT, 200, "", "" },
    { QUERY_HISTORY_EXPORT, 200, "a@x\nb@x", "address=a@x;address=b@x;" },
    { QUERY_HISTORY_EXPORT, 200, "name,mail\r\n\"x, \"\"y\"\"\r\nz\",a@x\r\n\r\n,b@x\r\n",
      "name=x, \"y\"\r\nz,address=a@x;name=,address=b@x;" },
    { QUERY_HISTORY_EXPORT, 200, "\x96\xbc\x91\x4f,\x83\x81\x81\x5b\x83\x8b\r\n\x93\xfa\x96\x7b,a@x\r\n",
      "名前=日本,address=a@x;" },
    { QUERY_HISTORY_EXPORT, 200, "\xef\xbb\xbf名前,mail\n日本,a@x\n", "名前=日本,address=a@x;" },
    { QUERY_HISTORY_EXPORT, 200, "\x94\x5c,\x87\x40\xfa\xb1,a@x\n", "column1=能,column2=①﨑,address=a@x;" },
    { QUERY_HISTORY_EXPORT, 200, "mail,status\n", "" },
    { QUERY_HISTORY_EXPORT, 200, "\"mail\",\"status\"\n\"a@x\",\"1\"\n", "address=a@x,status=1;" },
    { QUERY_HISTORY_EXPORT, 200, "mail\na@x,extra\n", "address=a@x,column=extra;" },
    { QUERY_HISTORY_EXPORT, 200, "a@x\rb@x\r", "address=a@x;address=b@x;" },
    /* Nobody is on it. */
    { QUERY_HISTORY_EXPORT, 200, "mail\n", "" },
    { QUERY_HISTORY_EXPORT, 200, "E-Mail", "" },
    { QUERY_HISTORY_EXPORT, 200, "\x83\x81\x81\x5b\x83\x8b\x83\x41\x83\x68\x83\x8c\x83\x58\r\n", "" },
    { QUERY_HISTORY_EXPORT, 200, "mail\nnobody\n", "mail=nobody;" },
    { QUERY_HISTORY_EXPORT, 200, "id,login\n7,a@x\n", "id=7,address=a@x;" },
    /* Texts in words. */
    { QUERY_HISTORY_EXPORT, 200, "Failure_Data is incorrect", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "Failure_Data is incorrect\r\n\r\nmessageID\r\n", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "Service unavailable\nplease try later\n", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "Error, code 7\nsorry, try later\n", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "Service unavailable, sorry\n", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "Please ask\nsupport@x\n", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "Please ask us\nor write, at once, to support@x\n", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "123", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "123\n456\n", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "a@x,\"b\n", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "<html><p>error</p></html>", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 200, "{\"error\":{\"message\":\"no\"}}", "! refused" },
    { QUERY_HISTORY_EXPORT, 200, "PK\x03\x04", "! nonsense" },
    { QUERY_HISTORY_EXPORT, 500, "a@x\n", "! temporary" },
};

static void
check_rows(const Row *rows, guint n)
{
    for (guint i = 0; i < n; i++) {
        const Row *row = &rows[i];
        for (size_t step = 1; step < 100; step = step * 2 + 1) {
            g_autofree char *got = read_answer(row->task, row->status, row->body, strlen(row->body), step);
            g_autofree char *shown = g_strescape(row->body, NULL);
            g_test_message("%s by %zu", shown, step);
            g_assert_cmpstr(got, ==, row->want);
        }
        g_autofree char *got = read_answer(row->task, row->status, row->body, strlen(row->body), 10000);
        g_assert_cmpstr(got, ==, row->want);
    }
}

static void
test_json(void)
{
    check_rows(json, G_N_ELEMENTS(json));
}

static void
test_xml(void)
{
    check_rows(xml, G_N_ELEMENTS(xml));
}

static void
test_csv(void)
{
    check_rows(csv, G_N_ELEMENTS(csv));
}

/* start, so many times the piece, end: "" or the error. */
static void
check_long(QueryTask task, const char *const texts[3], guint n, const char *want)
{
    g_autoptr(GString) body = g_string_new(texts[0]);

    for (guint i = 0; i < n; i++)
        g_string_append(body, texts[1]);
    g_string_append(body, texts[2]);
    g_autofree char *got = read_answer(task, 200, body->str, body->len, 8192);
    g_assert_true(g_str_has_suffix(got, want));
    g_test_message("%s… of %" G_GSIZE_FORMAT " bytes", texts[0], body->len);
}

static void
test_hostile(void)
{
    const struct {
        QueryTask task;
        const char *texts[3];
        guint n;
        const char *want;
    } rows[] = {
        { QUERY_STATUS, { "", "[", "" }, 1000000, "! nonsense" },
        { QUERY_STATUS, { "", "{\"a\":", "" }, 1000000, "! nonsense" },
        { QUERY_STATUS, { "", "<a>", "" }, 1000000, "! nonsense" },
        { QUERY_STATUS, { "{\"items\":[{\"a\":\"", "aaaaaaaa", "\"}]}" }, 500000, "! nonsense" },
        { QUERY_STATUS, { "{\"items\":[{\"", "aaaaaaaa", "\":1}]}" }, 100, "! nonsense" },
        { QUERY_STATUS, { "{\"items\":[{\"a\":", "11111111", "}]}" }, 500000, "! nonsense" },
        { QUERY_STATUS, { "{\"items\":[{\"a\":1", ",\"a\":1", "}]}" }, 100000, "! nonsense" },
        { QUERY_STATUS, { "{\"x\":[1", ",1", "],\"items\":[]}" }, 1000000, "! nonsense" },
        { QUERY_STATUS, { "<r><items><a>", "aaaaaaaa", "</a></items></r>" }, 500000, "! nonsense" },
        { QUERY_STATUS, { "<r><items", " a='1'", "/></r>" }, 100000, "! nonsense" },
        { QUERY_STATUS, { "<r><items><", "aaaaaaaa", "/></items></r>" }, 100, "! nonsense" },
        { QUERY_DOMAIN_LIST, { "{\"items\":[{\"a\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"parts\":[{\"b\":1}",
                               ",{\"b\":1}", "]}]}" }, 19000, "! nonsense" },
        { QUERY_PLAN, { "{\"plan\":1", ",\"a\":1", "}" }, 1000000, "! nonsense" },
        { QUERY_HISTORY_EXPORT, { "a@x,\"", "aaaaaaaa\n", "\"" }, 500000, "! nonsense" },
        { QUERY_HISTORY_EXPORT, { "a@x", ",", "" }, 500000, "! nonsense" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        check_long(rows[i].task, rows[i].texts, rows[i].n, rows[i].want);
}

static void
on_count(const QueryRow *row, void *user)
{
    guint *count = user;

    g_assert_cmpuint(row->fields->len, ==, 3);
    (*count)++;
}

static void
on_any(const QueryRow *row, void *user)
{
    (*(guint *) user)++;
}

/* Kilobytes in use, of the heap. */
static gint64
memory_kb(void)
{
    g_autofree char *text = NULL;
    long pages = 0;

    g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
    g_assert_nonnull(strchr(text, ' '));
    pages = strtol(strchr(text, ' '), NULL, 10);
    return pages * 4;
}

/* Eight megabytes in pieces, whose rows nobody keeps. */
static void
test_memory(void)
{
    static const struct {
        QueryTask task;
        const char *start, *piece, *end;
    } formats[] = {
        { QUERY_STATUS, "{\"items\":[{\"a\":1,\"b\":2,\"c\":3}",
          ",{\"a\":\"some text\",\"b\":\"0123456789012345678901234567890123456789\",\"c\":3}", "]}" },
        { QUERY_STATUS, "<r><items><a>1</a><b>2</b><c>3</c></items>",
          "<items><a>some text</a><b>0123456789012345678901234567890123456789</b><c>3</c></items>", "</r>" },
        { QUERY_HISTORY_EXPORT, "a@x,1,2\n", "someone@example.org,\x93\xfa\x96\x7b 01234567890123456789,3\r\n", "" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        QueryAccount account = { .driver = &driver, .name = (char *) "main" };
        Query query = { .task = formats[i].task };
        QueryAsk ask = { &account, &query, NULL, NULL };
        HttpResponse response = { .transport = HTTP_OK, .status = 200, .body = (char *) "" };
        guint count = 0, pieces = 8 * 1024 * 1024 / (guint) strlen(formats[i].piece);
        g_autoptr(QueryReader) reader = query_reader_new(&ask, on_count, &count);
        g_autoptr(GError) error = NULL;
        QueryPage page;
        gint64 before = memory_kb();

        g_assert_true(query_reader_push(200, formats[i].start, strlen(formats[i].start), reader));
        for (guint n = 0; n < pieces; n++)
            g_assert_true(query_reader_push(200, formats[i].piece, strlen(formats[i].piece), reader));
        gint64 after = memory_kb();
        g_assert_true(query_reader_push(200, formats[i].end, strlen(formats[i].end), reader));
        g_assert_true(query_reader_finish(reader, &response, &page, &error));
        g_assert_cmpuint(count, ==, pieces + 1);
        g_test_message("%" G_GINT64_FORMAT " KiB more", after - before);
#if !defined(__SANITIZE_ADDRESS__)
        g_assert_cmpint(after - before, <, 4096);
#endif
    }
}

static void
test_transport(void)
{
    static const struct {
        HttpTransport transport;
        QueryTask task;
        bool sent_whole;
        const char *want;
    } rows[] = {
        { HTTP_NOT_SENT, QUERY_STATUS, false, "no connection to the API: gone" },
        { HTTP_BROKEN, QUERY_STATUS, true, "no whole answer from the API: gone" },
        { HTTP_BROKEN, QUERY_CANCEL, false, "no whole answer from the API: gone" },
        { HTTP_BROKEN, QUERY_CANCEL, true, "no whole answer from the API, which may have done it: gone" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        QueryAccount account = { .driver = &driver, .name = (char *) "main" };
        Query query = { .task = rows[i].task };
        QueryAsk ask = { &account, &query, NULL, NULL };
        HttpResponse response = { .transport = rows[i].transport, .sent_whole = rows[i].sent_whole,
                                  .body = (char *) "", .error = (char *) "gone" };
        Rows none = { 0 };
        g_autoptr(QueryReader) reader = query_reader_new(&ask, on_row, &none);
        g_autoptr(GError) error = NULL;
        QueryPage page;
        g_assert_false(query_reader_finish(reader, &response, &page, &error));
        g_assert_error(error, QUERY_ERROR, QUERY_ERROR_TEMPORARY);
        g_assert_cmpstr(error->message, ==, rows[i].want);
    }
}

/* The last page that is asked for: if it has rows there may be more, which is said. */
static void
test_last_page(void)
{
    static const struct {
        const char *driver, *more;
        QueryTask task;
        guint last;
        const char *rows, *none;
    } lists[] = {
        { "customers-mail-cloud", "server-composition = x\n", QUERY_RESULTS, 100000,
          "{\"deliveries\":[{\"to\":\"a@x\"}]}", "{\"deliveries\":[]}" },
        { "customers-mail-cloud", "server-composition = x\n", QUERY_BOUNCES, 100000, "{\"bounces\":[{\"to\":\"a@x\"}]}",
          "{\"bounces\":[]}" },
        { "blastmail", "", QUERY_HISTORY_SEARCH, 10000000, "{\"message\":[{\"messageID\":1}]}", "{\"message\":[]}" },
    };

    for (guint i = 0; i < 3 * G_N_ELEMENTS(lists); i++) {
        bool last = i % 3 > 0, rows = i % 3 < 2;
        g_autoptr(QueryAccount) account = fixture_account(lists[i / 3].driver, lists[i / 3].more, NULL);
        Query query = { .task = lists[i / 3].task, .since_ms = 0, .until_ms = 1 };
        QueryCursor cursor = { .at = lists[i / 3].last - !last };
        QueryAsk ask = { account, &query, &cursor, NULL };
        HttpResponse response = { .transport = HTTP_OK, .status = 200, .body = (char *) "" };
        const char *body = rows ? lists[i / 3].rows : lists[i / 3].none;
        guint count = 0;
        QueryPage page;
        g_autoptr(QueryReader) reader = query_reader_new(&ask, on_any, &count);
        g_assert_true(query_reader_push(200, body, strlen(body), reader));
        g_assert_true(query_reader_finish(reader, &response, &page, NULL));
        g_assert_cmpuint(count, ==, rows);
        g_assert_cmpint(page.cut, ==, last && rows);
        page.rest = NULL;
        g_assert_cmpint(query_next(account, &query, &cursor, &page), ==, !last);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reader/memory", test_memory); /* first: the heap is small */
    g_test_add_func("/reader/json", test_json);
    g_test_add_func("/reader/xml", test_xml);
    g_test_add_func("/reader/csv", test_csv);
    g_test_add_func("/reader/hostile", test_hostile);
    g_test_add_func("/reader/transport", test_transport);
    g_test_add_func("/reader/last-page", test_last_page);
    return g_test_run();
}
