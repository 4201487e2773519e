/* error, clock, cut, id, file, pace */
#include "base/clock.h"
#include "base/cut.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/pace.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_error(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(error_set_errno(&error, ENOENT, "cannot open %s", "100%s"));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_cmpstr(error->message, ==, "cannot open 100%s: No such file or directory");
    g_assert_false(error_set_errno(NULL, ENOENT, "nobody listens"));
}

static void
test_clock(void)
{
    gint64 real = clock_now();
    gint64 start = clock_monotonic();

    clock_freeze(1234);
    g_assert_cmpint(clock_now(), ==, 1234);
    clock_freeze(0);
    g_assert_cmpint(clock_now(), ==, 0);
    clock_freeze(-1);
    g_assert_cmpint(clock_now(), >=, real);
    g_assert_cmpint(real, >, G_GINT64_CONSTANT(1500000000000));
    g_assert_cmpint(clock_monotonic(), >=, start);
    g_assert_cmpint(clock_monotonic_us() / 1000, >=, start);
}

static void
test_cut(void)
{
    static const struct {
        const char *text;
        gsize max;
        const char *want;
    } rows[] = {
        { "", 0, "" }, { "", 3, "" }, { "abc", 0, "" }, { "abc", 2, "ab" }, { "abc", 3, "abc" }, { "abc", 4, "abc" },
        { "日本", 6, "日本" }, { "日本", 5, "日" }, { "日本", 4, "日" }, { "日本", 3, "日" }, { "日本", 2, "" },
        { "a😀", 4, "a" }, { "a😀", 5, "a😀" }, { "\x80\x80\x80\x80\x80\x80", 5, "\x80\x80" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = cut_text(rows[i].text, rows[i].max);
        g_assert_cmpstr(got, ==, rows[i].want);
    }
}

static void
test_pace(void)
{
    static const struct {
        gint64 now_ms;
        bool due;
        guint64 others;
    } rows[] = {
        { 1000, true, 0 }, { 1001, false, 0 }, { 60999, false, 0 }, { 61000, true, 2 }, { 121000, true, 0 },
        { 90000, true, 0 }, /* the clock was put back */
    };
    Pace pace = { 0 };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint64 others = 0;
        g_assert_cmpint(pace_allows(&pace, rows[i].now_ms, &others), ==, rows[i].due);
        g_assert_cmpuint(others, ==, rows[i].others);
    }
}

static void
test_pace_room(void)
{
    PaceMinute minute = { 0 };

    for (guint i = 0; i < 5; i++)
        g_assert_cmpint(pace_has_room(&minute, 1000 + i, 3), ==, i < 3);
    g_assert_false(pace_has_room(&minute, 60999, 3));
    g_assert_true(pace_has_room(&minute, 61000, 3));
    g_assert_true(pace_has_room(&minute, 500, 1)); /* the clock was put back */
    g_assert_false(pace_has_room(&minute, 500, 1));
}

static void
test_id_shape(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < 10000; i++) {
        char *id = id_queue();

        g_assert_cmpuint(strlen(id), ==, 16);
        g_assert_cmpuint(strspn(id, "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"), ==, 16);
        g_assert_true(g_hash_table_add(seen, id));
    }
}

static void
test_id_order(void)
{
    g_autofree char *before = NULL;

    for (gint64 ms = 1; ms < G_GINT64_CONSTANT(50000000000000); ms = ms * 3 + 1) {
        clock_freeze(ms);
        char *id = id_queue();
        if (before)
            g_assert_cmpstr(before, <, id);
        g_free(before);
        before = id;
    }
    clock_freeze(-1);
}

static void
test_id_message(void)
{
    g_autofree char *id = id_message("0BCDFGHJKLMNPQRS", "mx.example.jp");

    g_assert_cmpstr(id, ==, "<0BCDFGHJKLMNPQRS@mx.example.jp>");
}

static void
test_file_unnamed(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("shimta-test-XXXXXX", &error);
    g_assert_no_error(error);

    int fd = file_unnamed(folder, &error);
    g_assert_no_error(error);
    g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    struct stat st;
    g_assert_cmpint(fstat(fd, &st), ==, 0);
    g_assert_cmpint(st.st_nlink, ==, 0);
    g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
    g_assert_true(file_write_all(fd, "hello", 5, "a test", &error));
    char buf[10];
    g_assert_cmpint(pread(fd, buf, sizeof buf, 0), ==, 5);
    g_assert_cmpmem(buf, 5, "hello", 5);
    g_assert_cmpint(g_rmdir(folder), ==, 0); /* empty: the file has no name */
    close(fd);

    g_assert_cmpint(file_unnamed(folder, &error), ==, -1);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

static void
test_file_make_folder(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *top = g_dir_make_tmp("shimta-test-XXXXXX", &error);
    g_autofree char *above = g_build_filename(top, "lib", NULL);
    g_autofree char *folder = g_build_filename(above, "shimta", NULL);
    mode_t before = umask(0077);
    struct stat st;

    g_assert_true(file_make_folder(folder, 0711, &error));
    g_assert_cmpint(stat(folder, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 07777, ==, 0711);
    g_assert_cmpint(stat(above, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 07777, ==, 0755);
    g_assert_true(file_make_folder(above, 0700, &error)); /* somebody else's choice */
    g_assert_cmpint(stat(above, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 07777, ==, 0755);
    umask(before);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_assert_cmpint(g_rmdir(above), ==, 0);
    g_assert_cmpint(g_rmdir(top), ==, 0);
    g_assert_false(file_make_folder("/proc/none/deep", 0700, &error));
    g_assert_nonnull(strstr(error->message, "/proc/none"));
}

static void
test_file_write_error(void)
{
    g_autoptr(GError) error = NULL;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        g_test_skip("no /dev/full");
        return;
    }

    g_assert_false(file_write_all(fd, "x", 1, "the spool file", &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    g_assert_cmpstr(error->message, ==, "cannot write the spool file: No space left on device");
    close(fd);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/errno", test_error);
    g_test_add_func("/clock", test_clock);
    g_test_add_func("/cut", test_cut);
    g_test_add_func("/pace", test_pace);
    g_test_add_func("/pace/room", test_pace_room);
    g_test_add_func("/id/shape", test_id_shape);
    g_test_add_func("/id/order", test_id_order);
    g_test_add_func("/id/message", test_id_message);
    g_test_add_func("/file/unnamed", test_file_unnamed);
    g_test_add_func("/file/make-folder", test_file_make_folder);
    g_test_add_func("/file/write-error", test_file_write_error);
    return g_test_run();
}
