#include "base/file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
file_write_all(int fd, const char *bytes, size_t n, const char *what, GError **error)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return error_set_errno(error, errno, "cannot write %s", what);
        bytes += done;
        n -= done;
    }
    return true;
}

int
file_unnamed(const char *folder, GError **error)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;

    /* Overlay and network file systems may lack O_TMPFILE. */
    g_autofree char *path = g_build_filename(folder, ".shimta-XXXXXX", NULL);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a temporary file in %s", folder);
        return -1;
    }
    unlink(path);
    return fd;
}

static bool
make_one_folder(const char *path, guint mode)
{
    if (mkdir(path, 0700) == 0)
        return chmod(path, (mode_t) mode) == 0;
    return errno == EEXIST;
}

bool
file_make_folder(const char *path, guint mode, GError **error)
{
    g_autofree char *above = g_path_get_dirname(path);

    if (make_one_folder(path, mode))
        return true;
    if (errno == ENOENT && strcmp(above, path) != 0) {
        if (!file_make_folder(above, 0755, error))
            return false;
        if (make_one_folder(path, mode))
            return true;
    }
    return error_set_errno(error, errno, "cannot create %s", path);
}
