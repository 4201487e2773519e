#include "mail/part_source.h"

#include <string.h>

/* In memory, or in a file. */
static Spool *
new_spool(const char *text, size_t memory)
{
    Spool *spool = spool_new(memory, NULL);

    spool_append(spool, text, strlen(text));
    g_assert_true(spool_finish(spool, NULL));
    return spool;
}

static void
check_source(Source *source, const void *want, size_t n)
{
    static const size_t steps[] = { 1, 7, 4096, 65536 };

    g_assert_cmpint(source->length, ==, (gint64)n);
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(GByteArray) got = g_byte_array_new();
        g_autofree char *buf = g_malloc(steps[i]);
        gssize some;

        while ((some = source_read(source, buf, steps[i], NULL)) > 0)
            g_byte_array_append(got, (guint8 *)buf, (guint)some);
        g_assert_cmpint(some, ==, 0);
        g_assert_cmpint(source_read(source, buf, steps[i], NULL), ==, 0);
        g_assert_cmpmem(got->data, got->len, want, n);
        g_assert_true(source_rewind(source, NULL));
        /* a rewind in the middle starts over as well */
        g_assert_cmpint(source_read(source, buf, 1, NULL), ==, n > 0);
        g_assert_true(source_rewind(source, NULL));
    }
}

static void
test_all(void)
{
    g_autoptr(GString) raw = g_string_new("before");
    g_autofree guchar *data = g_malloc(20000);

    for (guint i = 0; i < 20000; i++)
        data[i] = (guchar)(i * 7 + i / 256);
    g_autofree char *encoded = g_base64_encode(data, 20000);
    for (size_t i = 0; i < strlen(encoded); i += 76)
        g_string_append_printf(raw, "%.76s\r\n", encoded + i);
    gint64 length = (gint64)raw->len - 6;
    g_string_append(raw, "after");

    for (guint i = 0; i < 2; i++) {
        g_autoptr(Spool) spool = new_spool(raw->str, i ? 100 : 1 << 20);
        g_autoptr(PartContent) base64 = part_content_new(spool, 6, length, TRANSFER_BASE64);
        g_autoptr(PartContent) plain = part_content_new(spool, 6, length, TRANSFER_IDENTITY);
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(part_content_length(base64, &error), ==, 20000);
        g_assert_cmpint(part_content_length(plain, &error), ==, length);
        g_assert_no_error(error);
        g_autoptr(Source) decoded = part_content_source(base64);
        g_autoptr(Source) identity = part_content_source(plain);
        check_source(decoded, data, 20000);
        check_source(identity, raw->str + 6, (size_t)length);
    }
}

/* Sources outlive content and spool, and don't disturb one another. */
static void
test_independent(void)
{
    Spool *spool = new_spool("YWJjZGVm", 100);
    PartContent *content = part_content_new(spool, 0, 8, TRANSFER_BASE64);
    char one[4] = "", two[4] = "";

    part_content_length(content, NULL);
    g_autoptr(Source) first = part_content_source(content);
    g_autoptr(Source) second = part_content_source(content);
    part_content_free(content);
    spool_unref(spool);
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpint(source_read(first, one + i, 1, NULL), ==, 1);
        g_assert_cmpint(source_read(second, two + i, 1, NULL), ==, 1);
    }
    g_assert_cmpstr(one, ==, "abc");
    g_assert_cmpstr(two, ==, "abc");
}

static void
test_read(void)
{
    g_autoptr(Spool) spool = new_spool("YWJjZGVm", 100);
    g_autoptr(PartContent) content = part_content_new(spool, 0, 8, TRANSFER_BASE64);
    bool cut;
    g_autoptr(GByteArray) all = part_content_read(content, 6, &cut, NULL);
    g_assert_cmpmem(all->data, all->len, "abcdef", 6);
    g_assert_false(cut);
    g_autoptr(GByteArray) some = part_content_read(content, 5, &cut, NULL);
    g_assert_cmpmem(some->data, some->len, "abcde", 5);
    g_assert_true(cut);
    g_autoptr(GByteArray) none = part_content_read(content, 0, &cut, NULL);
    g_assert_cmpuint(none->len, ==, 0);
    g_assert_true(cut);
}

static void
test_cut_short(void)
{
    g_autoptr(Spool) spool = new_spool("YWJj", 100);
    g_autoptr(PartContent) content = part_content_new(spool, 0, 100, TRANSFER_BASE64);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(part_content_length(content, &error), ==, -1);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_IO);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/part-source/all", test_all);
    g_test_add_func("/part-source/independent", test_independent);
    g_test_add_func("/part-source/read", test_read);
    g_test_add_func("/part-source/cut-short", test_cut_short);
    return g_test_run();
}
