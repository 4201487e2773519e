#include "base/secret.h"

#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static char *
file_with(const char *text, gssize length, int mode)
{
    char *path = g_build_filename(folder, "key", NULL);
    g_autoptr(GError) error = NULL;

    g_unlink(path);
    g_file_set_contents(path, text, length, &error);
    g_assert_no_error(error);
    g_assert_cmpint(g_chmod(path, mode), ==, 0);
    return path;
}

static void
check(const char *path, const char *want, const char *want_error)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Secret) secret = secret_load(path, &error);

    if (want_error) {
        g_assert_null(secret);
        g_assert_nonnull(error);
        g_assert_nonnull(strstr(error->message, want_error));
        g_assert_nonnull(strstr(error->message, path));
        g_assert_null(strstr(error->message, "s3cret"));
    } else {
        g_assert_no_error(error);
        g_assert_cmpstr(secret_reveal(secret), ==, want);
    }
}

static void
test_new(void)
{
    char text[] = "s3cret";
    g_autoptr(Secret) secret = secret_new(text);
    g_autofree char *longer = g_strnfill(20000, 'k');
    g_autoptr(Secret) big = secret_new(longer);

    memset(text, 'x', 6);
    g_assert_cmpstr(secret_reveal(secret), ==, "s3cret");
    g_assert_cmpstr(secret_reveal(big), ==, longer);
    secret_free(NULL);
}

static void
test_content(void)
{
    static const struct {
        const char *text;
        gssize length;
        const char *want, *want_error;
    } rows[] = {
        { "s3cret", -1, "s3cret", NULL },
        { "s3cret\n", -1, "s3cret", NULL },
        { "s3cret\r\n", -1, "s3cret", NULL },
        { "s3cret with blanks \nsecond line\n", -1, "s3cret with blanks ", NULL },
        { "", -1, NULL, "is empty" },
        { "\n", -1, NULL, "is empty" },
        { "\r\ns3cret\n", -1, NULL, "is empty" },
        { "s3c\0ret\n", 8, NULL, "NUL" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = file_with(rows[i].text, rows[i].length, 0600);
        check(path, rows[i].want, rows[i].want_error);
    }
}

static void
test_size(void)
{
    g_autofree char *most = g_strnfill(4096, 'k');
    g_autofree char *more = g_strnfill(5 * 1024, 'k');
    g_autofree char *good = file_with(most, -1, 0600);
    check(good, most, NULL);
    g_autofree char *bad = file_with(more, -1, 0600);
    check(bad, NULL, "longer than 4096 bytes");
}

static void
test_modes(void)
{
    static const struct {
        int mode;
        bool plain, credential;
    } rows[] = {
        { 0400, true, true },   { 0600, true, true },   { 0440, false, true },  { 0640, false, true },
        { 0644, false, false }, { 0604, false, false }, { 0660, false, false }, { 0602, false, false },
        { 0610, false, false },
    };
    g_autofree char *sibling = g_strconcat(folder, "-more", NULL);
    g_autofree char *inside = g_build_filename(folder, "..", "elsewhere", NULL);
    const char *const not_above[] = { NULL, "", sibling, inside, "/nonexistent" };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = file_with("s3cret", -1, rows[i].mode);

        g_setenv("CREDENTIALS_DIRECTORY", folder, TRUE);
        check(path, "s3cret", rows[i].credential ? NULL : "chmod 600");
        for (guint j = 0; j < G_N_ELEMENTS(not_above); j++) {
            if (not_above[j])
                g_setenv("CREDENTIALS_DIRECTORY", not_above[j], TRUE);
            else
                g_unsetenv("CREDENTIALS_DIRECTORY");
            check(path, "s3cret", rows[i].plain ? NULL : "chmod 600");
        }
    }
    g_unsetenv("CREDENTIALS_DIRECTORY");
}

/* Kubernetes mounts secrets as links: what counts is the file behind. */
static void
test_kinds(void)
{
    g_autofree char *link = g_build_filename(folder, "link", NULL);
    g_autofree char *fifo = g_build_filename(folder, "fifo", NULL);
    g_autofree char *good = file_with("s3cret", -1, 0600);

    g_assert_cmpint(symlink("key", link), ==, 0);
    check(link, "s3cret", NULL);
    g_assert_cmpint(g_chmod(good, 0644), ==, 0);
    check(link, NULL, "chmod 600");
    g_unlink(good);
    check(link, NULL, "No such file");
    g_unlink(link);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    check(fifo, NULL, "not a regular file");
    g_unlink(fifo);
    check(folder, NULL, "not a regular file");
}

static void
test_matches(void)
{
    static const struct {
        const char *guess;
        size_t n;
        bool same;
    } rows[] = {
        { "secret", 6, true },    { "secret", 5, false },       { "secret\0", 7, false }, { "secrets", 7, false },
        { "Secret", 6, false },   { "secreT", 6, false },       { "", 0, false },         { "secretsecret", 12, false },
        { "s", 1, false },        { "\0\0\0\0\0\0", 6, false },
    };
    g_autoptr(Secret) secret = secret_new("secret");
    g_autoptr(Secret) single = secret_new("x");

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_true(secret_matches(secret, rows[i].guess, rows[i].n) == rows[i].same);
    g_assert_true(secret_matches(single, "x", 1));
    g_assert_false(secret_matches(single, "xx", 2));
    for (guint bit = 0; bit < 6 * 8; bit++) {
        char guess[] = "secret";
        guess[bit / 8] = (char) (guess[bit / 8] ^ (1 << bit % 8));
        g_assert_false(secret_matches(secret, guess, 6));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("shimta-test-XXXXXX", NULL);
    g_assert_nonnull(folder);
    g_test_add_func("/secret/new", test_new);
    g_test_add_func("/secret/content", test_content);
    g_test_add_func("/secret/size", test_size);
    g_test_add_func("/secret/modes", test_modes);
    g_test_add_func("/secret/kinds", test_kinds);
    g_test_add_func("/secret/matches", test_matches);
    int result = g_test_run();

    g_autofree char *key = g_build_filename(folder, "key", NULL);
    g_unlink(key);
    g_rmdir(folder);
    g_free(folder);
    return result;
}
