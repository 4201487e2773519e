#include "source_check.h"

static void
check_pass(Source *source, const char *want, size_t n, size_t step)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_autofree char *buf = g_malloc(step);
    g_autoptr(GError) error = NULL;
    gssize got;

    while ((got = source_read(source, buf, step, &error)) > 0) {
        g_assert_cmpint(got, <=, step);
        g_byte_array_append(all, (guint8 *) buf, got);
    }
    g_assert_no_error(error);
    g_assert_cmpint(got, ==, 0);
    g_assert_cmpint(source_read(source, buf, step, &error), ==, 0);
    g_assert_cmpmem(all->data, all->len, want, n);
}

void
source_check(Source *source, const char *want, size_t n)
{
    static const size_t steps[] = { 1, 7, 4096, 65536 };
    g_autoptr(GError) error = NULL;
    char half[100];

    g_assert_cmpint(source->length, ==, n);
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        check_pass(source, want, n, steps[i]);
        g_assert_true(source_rewind(source, &error));
    }
    gssize got = source_read(source, half, sizeof half, &error);
    g_assert_true(n > 0 ? got > 0 : got == 0);
    g_assert_true(source_rewind(source, &error));
    check_pass(source, want, n, 4096);
}
