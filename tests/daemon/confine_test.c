/* A process of its own for each try: it cannot be undone. */
#include "daemon/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int
open_new(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ? 0 : errno;
}

/* 0, or the line that is wrong. */
static int
try_all(const char *ours, const char *others)
{
    const char *const folders[] = { ours, "/nonexistent/folder", NULL };
    struct addrinfo *found = NULL;
    const char *why = NULL;

    if (!confine_writes(folders, &why))
        return g_str_has_prefix(why, "the kernel has no") ? 77 : __LINE__;
    if (open_new(ours, "mail") != 0)
        return __LINE__;
    if (open_new(others, "mail") != EACCES)
        return __LINE__;
    if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
        return __LINE__;
    if (getaddrinfo("localhost", "25", NULL, &found) != 0)
        return __LINE__;
    freeaddrinfo(found);
    execl("/bin/true", "true", NULL);
    return errno == EACCES ? 0 : __LINE__;
}

static void
test_writes(void)
{
    g_autofree char *ours = g_dir_make_tmp("shimta-ours-XXXXXX", NULL);
    g_autofree char *others = g_dir_make_tmp("shimta-others-XXXXXX", NULL);
    g_autofree char *mail = g_build_filename(ours, "mail", NULL);
    int status = 0;

    pid_t child = fork();
    if (child == 0)
        _exit(try_all(ours, others));
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_unlink(mail);
    g_rmdir(ours);
    g_rmdir(others);
    g_assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        g_test_skip("the kernel has no Landlock");
    else
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/confine/writes", test_writes);
    return g_test_run();
}
