#include "shimta/locked_file.h"

#include "base/file.h"
#include "shimta/shimta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

enum { FILE_BYTES = 16 * 1024 * 1024 };

static int
fail_errno(const char *what, const char *path)
{
    int status = errno == ENOENT ? EX_NOINPUT : errno == EACCES || errno == EPERM ? EX_NOPERM : EX_IOERR;

    complain("%s %s: %s", what, path, g_strerror(errno));
    return status;
}

void
locked_file_close(LockedFile *self, bool failed)
{
    if (self->made && failed)
        unlink(self->path);
    if (self->fd >= 0)
        close(self->fd);
    if (self->text)
        explicit_bzero(self->text, strlen(self->text));
    g_free(self->text);
    g_free(self->path);
}

/* Whoever waited for the lock finds another file of that name, or none, and begins again. */
static int
lock_file(LockedFile *self, bool make, uid_t owner)
{
    struct stat named;

    for (;;) {
        self->fd = open(self->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (self->fd < 0 && errno == ENOENT && make) {
            self->fd = open(self->path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
            self->made = self->fd >= 0;
            if (self->fd < 0 && errno == EEXIST)
                continue;
        }
        if (self->fd < 0 || (self->made && owner != (uid_t) -1 && fchown(self->fd, owner, (gid_t) -1) < 0))
            return fail_errno("cannot open", self->path);
        if (flock(self->fd, LOCK_EX) < 0 || fstat(self->fd, &self->st) < 0)
            return fail_errno("cannot lock", self->path);
        if (stat(self->path, &named) == 0 && named.st_ino == self->st.st_ino && named.st_dev == self->st.st_dev)
            return EX_OK;
        close(self->fd);
        self->fd = -1;
        self->made = false;
    }
}

static int
read_file(LockedFile *self)
{
    gsize n = 0;

    if (!S_ISREG(self->st.st_mode) || self->st.st_size > FILE_BYTES) {
        complain("%s is not a regular file of at most %d bytes", self->path, FILE_BYTES);
        return EX_DATAERR;
    }
    self->text = g_malloc0((gsize) self->st.st_size + 1);
    while (n < (gsize) self->st.st_size) {
        ssize_t got = read(self->fd, self->text + n, (gsize) self->st.st_size - n);
        if (got < 0 && errno != EINTR)
            return fail_errno("cannot read", self->path);
        if (got == 0)
            break;
        n += got > 0 ? (gsize) got : 0;
    }
    if (strlen(self->text) == n)
        return EX_OK;
    complain("%s holds a NUL byte", self->path);
    return EX_DATAERR;
}

/* A link keeps pointing where it does. */
int
locked_file_open(LockedFile *self, const char *path, bool make, uid_t owner)
{
    char *real = realpath(path, NULL);

    *self = (LockedFile) { .path = g_strdup(real ? real : path), .fd = -1 };
    free(real);
    int status = lock_file(self, make, owner);
    return status == EX_OK ? read_file(self) : status;
}

/* Of the old file's owner; never open to others, which shimtad would refuse. */
static bool
write_new(const LockedFile *self, int fd, const char *path, const char *text, GError **error)
{
    if (fchown(fd, self->st.st_uid, self->st.st_gid) < 0 || fchmod(fd, self->st.st_mode & 0700) < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM, "cannot give %s its owner: %s", path, g_strerror(errno));
        return false;
    }
    if (!file_write_all(fd, text, strlen(text), path, error))
        return false;
    if (fsync(fd) == 0 && rename(path, self->path) == 0)
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "cannot write %s: %s", self->path, g_strerror(errno));
    return false;
}

int
locked_file_write(const LockedFile *self, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_strdup_printf("%s.XXXXXX", self->path), *folder = g_path_get_dirname(self->path);
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0)
        return fail_errno("cannot make", path);
    bool done = write_new(self, fd, path, text, &error);
    close(fd);
    if (!done) {
        unlink(path);
        complain("%s", error->message);
        return EX_IOERR;
    }
    int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0 || fsync(above) < 0)
        complain("%s is written, but may be lost if the power goes now: %s", self->path, g_strerror(errno));
    if (above >= 0)
        close(above);
    return EX_OK;
}
