#include "base/spool.h"

#include "source_check.h"

#include <string.h>

enum { LIMIT = 4096 };

static char *
pattern(size_t n)
{
    char *bytes = g_malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (char) (i * 7 + (i >> 8) * 3);
    bytes[n] = '\0';
    return bytes;
}

/* Fills as an owner does: append in steps, flush when full. */
static Spool *
filled(const char *bytes, size_t n, size_t step)
{
    g_autoptr(GError) error = NULL;
    Spool *spool = spool_new(LIMIT, NULL);

    for (size_t at = 0; at < n; at += step) {
        spool_append(spool, bytes + at, MIN(step, n - at));
        if (spool_is_full(spool))
            g_assert_true(spool_flush(spool, &error));
    }
    g_assert_true(spool_finish(spool, &error));
    g_assert_no_error(error);
    g_assert_cmpint(spool_length(spool), ==, n);
    return spool;
}

static void
check_reads(const Spool *spool, const char *want, size_t n)
{
    static const size_t lengths[] = { 1, 100, LIMIT, 100000 };
    g_autofree char *buf = g_malloc(100000);

    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        for (size_t at = 0; at <= n + 1; at += n / 5 + 1) {
            size_t expected = at < n ? MIN(lengths[i], n - at) : 0;
            g_autoptr(GError) error = NULL;
            gssize got = spool_read_at(spool, at, buf, lengths[i], &error);

            g_assert_no_error(error);
            g_assert_cmpmem(buf, got, want + MIN(at, n), expected);
        }
    }
}

static void
test_sizes(void)
{
    static const struct {
        size_t n, step;
        bool in_memory;
    } rows[] = {
        { 0, 1, true }, { 1, 1, true }, { 1000, 100, true }, { LIMIT - 1, 512, true }, { LIMIT, 512, true },
        { LIMIT, LIMIT, true }, { LIMIT + 1, 512, false }, { LIMIT + 1, LIMIT + 1, false },
        { 3 * LIMIT, 1000, false }, { 10 * LIMIT, LIMIT, false }, { 100000, 65536, false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *want = pattern(rows[i].n);
        g_autoptr(Spool) spool = filled(want, rows[i].n, rows[i].step);

        g_test_message("%zu bytes in steps of %zu", rows[i].n, rows[i].step);
        g_assert_true((spool_bytes(spool) != NULL) == rows[i].in_memory);
        if (rows[i].in_memory)
            g_assert_cmpmem(spool_bytes(spool), rows[i].n, want, rows[i].n);
        check_reads(spool, want, rows[i].n);
        g_autoptr(Source) source = spool_source(spool, 0, rows[i].n);
        source_check(source, want, rows[i].n);
    }
}

/* Bytes can be read back before the spool is finished, wherever they lie. */
static void
test_while_filling(void)
{
    g_autofree char *want = pattern(3 * LIMIT);
    g_autoptr(Spool) spool = spool_new(LIMIT, NULL);
    g_autoptr(GError) error = NULL;

    spool_append(spool, want, 2 * LIMIT);
    check_reads(spool, want, 2 * LIMIT);
    g_assert_true(spool_flush(spool, &error));
    spool_append(spool, want + 2 * LIMIT, LIMIT);
    check_reads(spool, want, 3 * LIMIT);
}

/* Readers keep the spool alive and don't disturb one another. */
static void
test_sources(void)
{
    g_autofree char *want = pattern(5 * LIMIT);
    Spool *spool = filled(want, 5 * LIMIT, 1000);
    g_autoptr(Source) front = spool_source(spool, 0, LIMIT + 5);
    g_autoptr(Source) back = spool_source(spool, LIMIT, 4 * LIMIT);
    g_autoptr(Source) none = spool_source(spool, 5 * LIMIT, 0);
    g_autoptr(GError) error = NULL;
    char one[10], other[10];

    spool_unref(spool);
    for (guint i = 0; i < 100; i++) {
        g_assert_cmpint(source_read(front, one, sizeof one, &error), ==, 10);
        g_assert_cmpint(source_read(back, other, sizeof other, &error), ==, 10);
        g_assert_cmpmem(one, 10, want + i * 10, 10);
        g_assert_cmpmem(other, 10, want + LIMIT + i * 10, 10);
    }
    g_assert_true(source_rewind(front, &error));
    g_assert_true(source_rewind(back, &error));
    source_check(front, want, LIMIT + 5);
    source_check(back, want + LIMIT, 4 * LIMIT);
    source_check(none, "", 0);
}

static gpointer
read_all(gpointer data)
{
    g_autoptr(Spool) spool = data;
    g_autofree char *want = pattern(50 * LIMIT);

    for (guint i = 0; i < 20; i++)
        check_reads(spool, want, 50 * LIMIT);
    return NULL;
}

static void
test_threads(void)
{
    g_autofree char *want = pattern(50 * LIMIT);
    g_autoptr(Spool) spool = filled(want, 50 * LIMIT, LIMIT);
    GThread *threads[4];

    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("reader", read_all, spool_ref(spool));
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

static void
test_no_folder(void)
{
    g_autoptr(Spool) spool = spool_new(10, "/nonexistent/folder");
    g_autoptr(GError) error = NULL;

    spool_append(spool, "0123456789", 10);
    g_assert_false(spool_is_full(spool));
    spool_append(spool, "0", 1);
    g_assert_true(spool_is_full(spool));
    g_assert_false(spool_flush(spool, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_cmpstr(error->message, ==,
                    "cannot make a temporary file in /nonexistent/folder: No such file or directory");
    g_clear_error(&error);
    g_assert_false(spool_finish(spool, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_cmpint(spool_length(spool), ==, 11);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/spool/sizes", test_sizes);
    g_test_add_func("/spool/while-filling", test_while_filling);
    g_test_add_func("/spool/sources", test_sources);
    g_test_add_func("/spool/threads", test_threads);
    g_test_add_func("/spool/no-folder", test_no_folder);
    return g_test_run();
}
