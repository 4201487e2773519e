/* How much memory an answer takes at most while it is read: 8 MB of rows that nobody keeps, and answers that never end.
 * The kernel's own peak (VmHWM), put back before each. Not under a sanitizer, which keeps what was freed. */
#include "fixture.h"

#include "query/driver.h"
#include "query/reader.h"

#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

enum { MEGABYTE = 1024 * 1024, ENDLESS = 64 * MEGABYTE };

static HttpRequest *
no_request(const QueryAsk *ask)
{
    return http_request_new("GET", "https://api.test");
}

static const QueryCall calls[] = {
    { QUERY_UNSUB_LIST, .row = "requester", .signs = "requesters", .build = no_request },
    { QUERY_HISTORY_EXPORT, QUERY_CALL_CSV, .row = "row", .build = no_request },
    { 0 },
};
static const QueryDriver driver = { .name = "peak", .calls = calls };

typedef struct {
    const char *name;
    QueryTask task;
    const char *start, *piece, *end; /* the piece over and over */
    guint bytes;                     /* of pieces */
    bool whole;                      /* an answer; else it is broken off, or found broken */
    guint most_kb;                   /* that it may take */
} Shape;

#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><unsubscribers><requesters>"
#define XML_END "</requesters></unsubscribers></response>"
#define XML_ROW                                                                                                    \
    "<requester><message_id>0a1b2c-884213@mx.example.jp</message_id><message_to>alice@example.org</message_to>"    \
    "<datetime>2025/02/07 09:15</datetime><filtered>1</filtered></requester>\n"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const Shape shapes[] = {
    { "xml rows", QUERY_UNSUB_LIST, XML_HEAD, XML_ROW, XML_END, 8 * MEGABYTE, true, 1024 },
    { "json rows", QUERY_UNSUB_LIST, "{\"requester\":[{\"a\":1}",
      ",{\"message_to\":\"alice@example.org\",\"datetime\":\"2025/02/07 09:15\",\"filtered\":true}", "]}", 8 * MEGABYTE,
      true, 1024 },
    { "csv rows", QUERY_HISTORY_EXPORT, "a@x,1\n", "\"someone@example.org\",\"\x93\xfa\x96\x7b, 0123456789\"\r\n", "",
      8 * MEGABYTE, true, 1024 },
    { "xml comment", QUERY_UNSUB_LIST, "<r><!-- ", A64, " --><requesters/></r>", ENDLESS, false, 48 * 1024 },
    { "xml instruction", QUERY_UNSUB_LIST, "<r><?x ", A64, " ?><requesters/></r>", ENDLESS, false, 48 * 1024 },
    { "xml section", QUERY_UNSUB_LIST, "<r><requester><![CDATA[", A64, "]]></requester></r>", ENDLESS, false, 48 * 1024 },
    { "xml attribute", QUERY_UNSUB_LIST, "<r><requester a='", A64, "'/></r>", ENDLESS, false, 48 * 1024 },
    { "xml attributes", QUERY_UNSUB_LIST, "<r><requester", " a='" A64 "'", "/></r>", ENDLESS, false, 48 * 1024 },
    { "xml name", QUERY_UNSUB_LIST, "<r><requester><", A64, "/></requester></r>", ENDLESS, false, 48 * 1024 },
    { "xml text", QUERY_UNSUB_LIST, "<r><requester>", A64, "</requester></r>", ENDLESS, false, 48 * 1024 },
    { "xml blanks", QUERY_UNSUB_LIST, "<r><requesters/>", "                \n", "</r>", ENDLESS, false, 48 * 1024 },
    { "xml levels", QUERY_UNSUB_LIST, "<r>", "<a>", "</r>", ENDLESS, false, 48 * 1024 },
    { "xml prolog", QUERY_UNSUB_LIST, "<?xml version='1.0' ", A64, "?><r/>", ENDLESS, false, 48 * 1024 },
    { "xml type", QUERY_UNSUB_LIST, "<!DOCTYPE r [", "<!ENTITY a '" A64 "'>", "]><r/>", ENDLESS, false, 48 * 1024 },
    { "xml rest", QUERY_UNSUB_LIST, "<r><requesters/>", "<a>b</a>", "</r>", ENDLESS, false, 48 * 1024 },
    { "json string", QUERY_UNSUB_LIST, "{\"requester\":[{\"a\":\"", A64, "\"}]}", ENDLESS, false, 48 * 1024 },
    { "json name", QUERY_UNSUB_LIST, "{\"requester\":[{\"", A64, "\":1}]}", ENDLESS, false, 48 * 1024 },
    { "json number", QUERY_UNSUB_LIST, "{\"requester\":[{\"a\":1", "1111111111111111", "}]}", ENDLESS, false, 48 * 1024 },
    { "json levels", QUERY_UNSUB_LIST, "", "[", "", ENDLESS, false, 48 * 1024 },
    { "json members", QUERY_UNSUB_LIST, "{\"requester\":[{\"a\":1", ",\"a\":1", "}]}", ENDLESS, false, 48 * 1024 },
    { "csv field", QUERY_HISTORY_EXPORT, "a@x,\"", A64, "\"", ENDLESS, false, 48 * 1024 },
    { "csv line", QUERY_HISTORY_EXPORT, "a@x", ",b", "\n", ENDLESS, false, 48 * 1024 },
};

static void
on_row(const QueryRow *row, void *user)
{
    guint *count = user;

    (*count)++;
}

static guint
peak_kb(void)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
    const char *line = strstr(text, "VmHWM:");
    g_assert_nonnull(line);
    return (guint) g_ascii_strtoull(line + strlen("VmHWM:"), NULL, 10);
}

/* False: the kernel does not let go of it. */
static bool
forget_peak(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, "5", 1) == 1;

    if (fd >= 0)
        close(fd);
    return good;
}

/* Pieces of a curl buffer's size. Whether all of it was taken. */
static bool
push_all(QueryReader *reader, const Shape *shape)
{
    g_autoptr(GString) block = g_string_new(NULL);
    bool good = query_reader_push(200, shape->start, strlen(shape->start), reader);

    while (block->len < 16 * 1024)
        g_string_append(block, shape->piece);
    for (gsize n = 0; good && n < shape->bytes; n += block->len)
        good = query_reader_push(200, block->str, block->len, reader);
    return good && query_reader_push(200, shape->end, strlen(shape->end), reader);
}

static void
test_shape(gconstpointer data)
{
    const Shape *shape = data;
    QueryAccount account = { .driver = &driver, .name = (char *) "main" };
    Query query = { .task = shape->task };
    QueryAsk ask = { &account, &query, NULL, NULL };
    HttpResponse response = { .transport = HTTP_OK, .status = 200, .body = (char *) "" };
    guint count = 0;
    QueryPage page;
    g_autoptr(GError) error = NULL;

#if defined(__SANITIZE_ADDRESS__)
    g_test_skip("a sanitizer keeps memory");
    return;
#endif
    malloc_trim(0);
    if (!forget_peak()) {
        g_test_skip("the kernel keeps the peak");
        return;
    }
    guint before = peak_kb();
    {
        g_autoptr(QueryReader) reader = query_reader_new(&ask, on_row, &count);
        if (!push_all(reader, shape))
            response.transport = HTTP_BROKEN;
        g_assert_cmpint(query_reader_finish(reader, &response, &page, &error), ==, shape->whole);
    }
    guint grown = peak_kb() - before;
    g_test_message("%u rows, %u KiB at most, %s", count, grown, error ? error->message : "whole");
    g_assert_cmpuint(count, >=, shape->whole ? 40000 : 0);
    g_assert_cmpuint(grown, <, shape->most_kb);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/peak/%s", shapes[i].name);
        g_test_add_data_func(path, &shapes[i], test_shape);
    }
    return g_test_run();
}
