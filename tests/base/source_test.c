#include "base/source.h"

#include "source_check.h"

#include <string.h>

static char *
pattern(size_t n)
{
    char *bytes = g_malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (char) (i * 31 + (i >> 8));
    bytes[n] = '\0';
    return bytes;
}

static void
test_bytes(void)
{
    static const size_t sizes[] = { 0, 1, 6, 7, 8, 4095, 4096, 4097, 200000 };

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *want = pattern(sizes[i]);
        g_autoptr(GBytes) bytes = g_bytes_new(want, sizes[i]);
        g_autoptr(Source) source = source_new_bytes(bytes);
        source_check(source, want, sizes[i]);
    }
}

static void
test_string(void)
{
    char text[] = "件名";
    g_autoptr(Source) source = source_new_string(text);

    text[0] = 'x'; /* it has a copy */
    source_check(source, "件名", strlen("件名"));
}

static void
test_chain(void)
{
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_autoptr(Source) empty = source_new_chain(g_steal_pointer(&none));
    source_check(empty, "", 0);

    GPtrArray *sources = g_ptr_array_new();
    g_autofree char *big = pattern(100000);
    g_autoptr(GBytes) bytes = g_bytes_new(big, 100000);
    g_ptr_array_add(sources, source_new_string(""));
    g_ptr_array_add(sources, source_new_string("{\"data\":\""));
    g_ptr_array_add(sources, source_new_bytes(bytes));
    g_ptr_array_add(sources, source_new_string(""));
    g_ptr_array_add(sources, source_new_string("\"}"));
    g_autoptr(Source) chain = source_new_chain(sources);

    g_autoptr(GByteArray) want = g_byte_array_new();
    g_byte_array_append(want, (const guint8 *) "{\"data\":\"", 9);
    g_byte_array_append(want, (const guint8 *) big, 100000);
    g_byte_array_append(want, (const guint8 *) "\"}", 2);
    source_check(chain, (const char *) want->data, want->len);
}

typedef struct {
    Source base;
    int freed;
} BrokenSource;

static gssize
broken_read(Source *base, char *buf, size_t n, GError **error)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "broken");
    return -1;
}

static bool
broken_rewind(Source *base, GError **error)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "stuck");
    return false;
}

static void
broken_free(Source *base)
{
    ((BrokenSource *) base)->freed++;
}

/* A chain passes errors on and frees what it took exactly once. */
static void
test_chain_error(void)
{
    static const SourceOps ops = { broken_read, broken_rewind, broken_free };
    BrokenSource broken = { { &ops, 5 }, 0 };
    g_autoptr(GError) error = NULL;
    char buf[10];

    GPtrArray *sources = g_ptr_array_new();
    g_ptr_array_add(sources, source_new_string("ab"));
    g_ptr_array_add(sources, &broken.base);
    Source *chain = source_new_chain(sources);

    g_assert_cmpint(chain->length, ==, 7);
    g_assert_cmpint(source_read(chain, buf, sizeof buf, &error), ==, 2);
    g_assert_cmpint(source_read(chain, buf, sizeof buf, &error), ==, -1);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_IO);
    g_clear_error(&error);
    g_assert_false(source_rewind(chain, &error));
    g_assert_cmpstr(error->message, ==, "stuck");
    source_free(chain);
    g_assert_cmpint(broken.freed, ==, 1);
    source_free(NULL);
}

static Source *
base64_of(const char *bytes, size_t n)
{
    g_autoptr(GBytes) copy = g_bytes_new(bytes, n);

    return source_new_base64(source_new_bytes(copy));
}

static void
test_base64(void)
{
    static const size_t sizes[] = { 0, 1, 2, 3, 4, 5, 6, 57, 58, 4096, 12287, 12288, 12289, 12290, 24576, 200000 };

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *bytes = pattern(sizes[i]);
        g_autofree char *want = g_base64_encode((guchar *) bytes, sizes[i]);
        g_autoptr(Source) source = base64_of(bytes, sizes[i]);
        g_assert_cmpint(source->length, ==, (sizes[i] + 2) / 3 * 4);
        source_check(source, want, sizes[i] > 0 ? strlen(want) : 0);
    }
}

/* A source that hands out its bytes in pieces that fit no group. */
static void
test_base64_of_pieces(void)
{
    GPtrArray *sources = g_ptr_array_new();
    g_autoptr(GByteArray) all = g_byte_array_new();

    for (size_t i = 0; i < 9000; i++) {
        g_autofree char *piece = pattern(i % 5);
        g_autoptr(GBytes) bytes = g_bytes_new(piece, i % 5);
        g_ptr_array_add(sources, source_new_bytes(bytes));
        g_byte_array_append(all, (guint8 *) piece, i % 5);
    }
    g_autofree char *want = g_base64_encode(all->data, all->len);
    g_autoptr(Source) source = source_new_base64(source_new_chain(sources));
    source_check(source, want, strlen(want));
}

static void
test_base64_error(void)
{
    static const SourceOps ops = { broken_read, broken_rewind, broken_free };
    BrokenSource broken = { { &ops, 5 }, 0 };
    g_autoptr(GError) error = NULL;
    Source *source = source_new_base64(&broken.base);
    char buf[10];

    g_assert_cmpint(source_read(source, buf, sizeof buf, &error), ==, -1);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_IO);
    g_clear_error(&error);
    g_assert_false(source_rewind(source, &error));
    source_free(source);
    g_assert_cmpint(broken.freed, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/source/bytes", test_bytes);
    g_test_add_func("/source/string", test_string);
    g_test_add_func("/source/chain", test_chain);
    g_test_add_func("/source/chain-error", test_chain_error);
    g_test_add_func("/source/base64", test_base64);
    g_test_add_func("/source/base64-of-pieces", test_base64_of_pieces);
    g_test_add_func("/source/base64-error", test_base64_error);
    return g_test_run();
}
