/* A list that comes packed. */
#include "fixture.h"

#include <string.h>

/* One file, unsubscribes.csv in Windows-31J, of two addresses. */
static const char archive[] =
    "UEsDBBQAAAAIALMmdl1uffXlRAAAAFsAAAAQAAAAdW5zdWJzY3JpYmVzLmNzdkvNTczM0UkuSk0sSU3h5UrMy3NIrUjMLchJ"
    "1csvStcxMjAy0zU01DUwVDCwtDIwACJeLqW+oMnJcGVZBUrIygwNYMoAUEsBAhQDFAAAAAgAsyZ2XW599eVEAAAAWwAAABAA"
    "AAAAAAAAAAAAAIABAAAAAHVuc3Vic2NyaWJlcy5jc3ZQSwUGAAAAAAEAAQA+AAAAcgAAAAAA";

typedef struct {
    GString *rows;
    QueryPage page;
    GError *error;
} Read;

static bool
read_bytes(Read *self, const guchar *bytes, size_t n, size_t piece)
{
    g_autoptr(QueryAccount) account = fixture_account("customers-mail-cloud", "server-composition = main\n", NULL);
    Query query = { .task = QUERY_UNSUB_LIST };
    QueryCursor cursor = { 0 };
    QueryAsk ask = { account, &query, &cursor, NULL };
    HttpResponse response = { .status = 200, .body = (char *) "", .sent_whole = true };

    self->rows = g_string_new(NULL);
    g_autoptr(QueryReader) reader = query_reader_new(&ask, fixture_print_row, self->rows);
    for (size_t at = 0; at < n; at += piece)
        query_reader_push(200, (const char *) bytes + at, MIN(piece, n - at), reader);
    return query_reader_finish(reader, &response, &self->page, &self->error);
}

static void
read_clear(Read *self)
{
    g_string_free(self->rows, TRUE);
    g_clear_error(&self->error);
}

static void
test_rows(void)
{
    gsize n;
    g_autofree guchar *bytes = g_base64_decode(archive, &n);
    const size_t pieces[] = { 1, 7, n };

    for (guint i = 0; i < G_N_ELEMENTS(pieces); i++) {
        Read it = { 0 };
        g_assert_true(read_bytes(&it, bytes, n, pieces[i]));
        g_assert_cmpuint(it.page.rows, ==, 2);
        g_assert_nonnull(strstr(it.rows->str, "address: ann@example.org\ntime: 2026-11-01T09:00:00+09:00\n"));
        g_assert_nonnull(strstr(it.rows->str, "address: 山田@example.jp\n"));
        read_clear(&it);
    }
}

/* Whatever is missing or changed: an error or the same addresses, never others, never none. */
static void
test_broken(void)
{
    gsize n;
    g_autofree guchar *bytes = g_base64_decode(archive, &n);

    for (gsize length = 4; length < n; length++) {
        Read it = { 0 };
        g_assert_true(!read_bytes(&it, bytes, length, length) || it.page.rows == 2);
        read_clear(&it);
    }
    for (gsize at = 4; at < n; at++) {
        Read it = { 0 };
        bytes[at] ^= 0x55;
        g_assert_true(!read_bytes(&it, bytes, n, n) || it.page.rows == 2);
        bytes[at] ^= 0x55;
        read_clear(&it);
    }
}

static void
test_too_long(void)
{
    g_autofree guchar *bytes = g_malloc0(9 * 1024 * 1024);
    Read it = { 0 };

    memcpy(bytes, "PK\x03\x04", 4);
    g_assert_false(read_bytes(&it, bytes, 9 * 1024 * 1024, 65536));
    g_assert_error(it.error, QUERY_ERROR, QUERY_ERROR_NONSENSE);
    read_clear(&it);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/zip/rows", test_rows);
    g_test_add_func("/zip/broken", test_broken);
    g_test_add_func("/zip/too-long", test_too_long);
    return g_test_run();
}
