#include "queue/mail_folder.h"

#include "base/clock.h"
#include "base/file.h"
#include "queue/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { ROOM_OLD_MS = 1000, COPY_BYTES = 64 * 1024 };

struct MailFolder {
    char *path;
    int fd, mail_fd, lock_fd;
    gint64 asked_ms; /* monotonic; when the file system was asked */
    gint64 free_bytes, free_inodes;
};

static bool
fail(GError **error, StoreError code, int errnum, const char *what, const char *path)
{
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
        code = STORE_ERROR_FULL;
    g_set_error(error, STORE_ERROR, code, "%s %s%s%s", what, path, errnum ? ": " : "",
                errnum ? g_strerror(errnum) : "");
    return false;
}

static bool
is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* A new one is durable: a power cut must not take away the folder of what was promised since. */
static bool
make_folder(int at, const char *name, const char *path, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(path);

    if (mkdirat(at, name, 0700) < 0)
        return errno == EEXIST || fail(error, STORE_ERROR_IO, errno, "cannot make the folder", path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool durable = fd >= 0 && fsync(fd) == 0;
    int errnum = errno;
    if (fd >= 0)
        close(fd);
    return durable || fail(error, STORE_ERROR_IO, errnum, "cannot make durable the folder", path);
}

/* A folder that is ours alone, made if it is not there; its descriptor or -1. */
static int
open_folder(int at, const char *name, const char *path, GError **error)
{
    struct stat st;

    if (!make_folder(at, name, path, error))
        return -1;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        bool wrong = errno == ELOOP || errno == ENOTDIR;

        fail(error, wrong ? STORE_ERROR_UNSAFE : STORE_ERROR_IO, wrong ? ENOTDIR : errno, "cannot use", path);
        return -1;
    }
    if (fstat(fd, &st) == 0 && is_ours(&st))
        return fd;
    close(fd);
    g_set_error(error, STORE_ERROR, STORE_ERROR_UNSAFE,
                "%s must belong to user %u and be writable by him alone", path, (unsigned) geteuid());
    return -1;
}

bool
mail_folder_check(const MailFolder *self, const char *name, bool *there, GError **error)
{
    struct stat st;
    g_autofree char *path = mail_folder_path(self, name);

    if (fstatat(self->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        *there = false;
        return errno == ENOENT || fail(error, STORE_ERROR_IO, errno, "cannot look at", path);
    }
    *there = true;
    if (S_ISREG(st.st_mode) && st.st_nlink == 1 && is_ours(&st))
        return true;
    g_set_error(error, STORE_ERROR, STORE_ERROR_UNSAFE,
                "%s must be a plain file of user %u, with one name, that nobody else may write", path,
                (unsigned) geteuid());
    return false;
}

static bool
fail_in_use(MailFolder *self, GError **error)
{
    char pid[16] = "";
    ssize_t n = pread(self->lock_fd, pid, sizeof pid - 1, 0);

    pid[MAX(n, 0)] = '\0';
    g_set_error(error, STORE_ERROR, STORE_ERROR_IN_USE, "another shimtad (process %ld) uses %s",
                strtol(pid, NULL, 10), self->path);
    return false;
}

/* A lock of the open file, not of the process: it ends with us however we end. */
static bool
lock(MailFolder *self, GError **error)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char pid[16];
    bool there;

    if (!mail_folder_check(self, "lock", &there, error))
        return false;
    self->lock_fd = openat(self->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (self->lock_fd < 0)
        return fail(error, STORE_ERROR_IO, errno, "cannot open the lock in", self->path);
    if (fcntl(self->lock_fd, F_OFD_SETLK, &whole) < 0) {
        if (errno == EAGAIN || errno == EACCES)
            return fail_in_use(self, error);
        return fail(error, STORE_ERROR_IO, errno, "cannot lock", self->path);
    }
    int n = snprintf(pid, sizeof pid, "%ld\n", (long) getpid());
    if (ftruncate(self->lock_fd, 0) < 0 || pwrite(self->lock_fd, pid, n, 0) != n)
        return fail(error, STORE_ERROR_IO, errno, "cannot write the lock in", self->path);
    return true;
}

MailFolder *
mail_folder_open(const char *path, GError **error)
{
    g_autoptr(MailFolder) self = g_new0(MailFolder, 1);
    g_autofree char *mail = g_build_filename(path, "mail", NULL);

    self->path = g_strdup(path);
    self->mail_fd = self->lock_fd = -1;
    self->fd = open_folder(AT_FDCWD, path, path, error);
    if (self->fd < 0 || !lock(self, error))
        return NULL;
    self->mail_fd = open_folder(self->fd, "mail", mail, error);
    return self->mail_fd < 0 ? NULL : g_steal_pointer(&self);
}

void
mail_folder_close(MailFolder *self)
{
    if (!self)
        return;
    if (self->mail_fd >= 0)
        close(self->mail_fd);
    if (self->lock_fd >= 0)
        close(self->lock_fd);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self->path);
    g_free(self);
}

char *
mail_folder_path(const MailFolder *self, const char *name)
{
    return g_build_filename(self->path, name, NULL);
}

bool
mail_folder_is_id(const char *id)
{
    size_t n = strlen(id);

    if (n == 0 || n > 64)
        return false;
    for (const char *p = id; *p; p++)
        if (!g_ascii_isalnum(*p))
            return false;
    return true;
}

static bool
copy(int fd, const Spool *spool, GError **error)
{
    g_autofree char *block = g_malloc(COPY_BYTES);

    for (gint64 at = 0; at < spool_length(spool);) {
        gssize n = spool_read_at(spool, at, block, COPY_BYTES, error);

        if (n < 0 || !file_write_all(fd, block, n, "the file of a queued mail", error))
            return false;
        at += n;
    }
    return true;
}

/* The spool's unnamed file gets a name, if it lies on the same file system. */
static int
link_spool(const MailFolder *self, const char *id, const Spool *spool)
{
    char path[40];
    struct stat st;
    int fd = spool_file(spool);

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_nlink != 0 || st.st_size != spool_length(spool) || fchmod(fd, 0600) < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, path, self->mail_fd, id, AT_SYMLINK_FOLLOW) < 0)
        return -1; /* EEXIST comes again with the copy */
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

bool
mail_folder_write(const MailFolder *self, const char *id, const Spool *spool, GError **error)
{
    g_autoptr(GError) cause = NULL;

    g_assert(mail_folder_is_id(id));
    int fd = link_spool(self, id, spool);
    bool linked = fd >= 0;
    if (!linked)
        fd = openat(self->mail_fd, id, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(error, errno == EEXIST ? STORE_ERROR_EXISTS : STORE_ERROR_IO, errno, "cannot make a file for", id);
    bool copied = linked || copy(fd, spool, &cause);
    int errnum = copied ? 0 : errno;
    bool durable = copied && fsync(fd) == 0 && fsync(self->mail_fd) == 0;
    if (copied && !durable)
        errnum = errno;
    close(fd);
    if (durable)
        return true;
    unlinkat(self->mail_fd, id, 0);
    return fail(error, STORE_ERROR_IO, errnum ? errnum : EIO, "cannot write the file of", id);
}

void
mail_folder_remove(const MailFolder *self, const char *id)
{
    unlinkat(self->mail_fd, id, 0);
}

int
mail_folder_read(const MailFolder *self, const char *id, gint64 size)
{
    struct stat st;
    int fd = mail_folder_is_id(id) ? openat(self->mail_fd, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == size)
        return fd;
    close(fd);
    errno = EBADMSG;
    return -1;
}

static DIR *
open_mail(const MailFolder *self)
{
    int fd = openat(self->mail_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir && fd >= 0)
        close(fd);
    return dir;
}

bool
mail_folder_each(const MailFolder *self, bool (*visit)(const char *id, void *user, GError **error), void *user,
                 GError **error)
{
    DIR *dir = open_mail(self);
    bool fine = true;

    if (!dir)
        return fail(error, STORE_ERROR_IO, errno, "cannot list mail/ in", self->path);
    for (struct dirent *item; fine && (item = readdir(dir));)
        if (mail_folder_is_id(item->d_name))
            fine = visit(item->d_name, user, error);
    closedir(dir);
    return fine;
}

static bool
found(const char *id, void *user, GError **error)
{
    *(bool *) user = true;
    return false;
}

bool
mail_folder_has_mail(const MailFolder *self)
{
    bool any = false;

    mail_folder_each(self, found, &any, NULL);
    return any;
}

/* --- what it remembers --------------------------------------------------------------------------- */

static bool
is_at(int fd, int at, const char *name)
{
    struct stat st, named;

    return fstat(fd, &st) == 0 && fstatat(at, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == named.st_dev &&
           st.st_ino == named.st_ino;
}

bool
mail_folder_is_whole(const MailFolder *self)
{
    return is_at(self->fd, AT_FDCWD, self->path) && is_at(self->mail_fd, self->fd, "mail") &&
           is_at(self->lock_fd, self->fd, "lock");
}

MailFolderNote
mail_folder_noted(const MailFolder *self)
{
    int fd = openat(self->fd, "state", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char first = '\0';

    if (fd < 0)
        return errno == ENOENT ? MAIL_FOLDER_NEW : MAIL_FOLDER_CLOSED;
    ssize_t n = pread(fd, &first, 1, 0);
    close(fd);
    return n == 1 && first == 'o' ? MAIL_FOLDER_OPEN : MAIL_FOLDER_CLOSED;
}

bool
mail_folder_note(const MailFolder *self, MailFolderNote note, GError **error)
{
    static const char open_text[] = "open  \n", closed_text[] = "closed\n";
    int fd = openat(self->fd, "state", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool fine = fd >= 0 &&
                pwrite(fd, note == MAIL_FOLDER_OPEN ? open_text : closed_text, sizeof open_text - 1, 0) > 0 &&
                fsync(fd) == 0 && fsync(self->fd) == 0;
    int errnum = errno;

    if (fd >= 0)
        close(fd);
    return fine || fail(error, STORE_ERROR_IO, errnum, "cannot write the file \"state\" in", self->path);
}

/* --- room ---------------------------------------------------------------------------------------- */

/* File systems without a count of inodes (btrfs) report none in all. */
static bool
ask(const MailFolder *self, gint64 *bytes, gint64 *inodes, GError **error)
{
    struct statvfs st;

    if (fstatvfs(self->fd, &st) < 0)
        return fail(error, STORE_ERROR_IO, errno, "cannot tell the free space of", self->path);
    *bytes = MIN((guint64) st.f_bavail * st.f_frsize, (guint64) G_MAXINT64 / 2);
    *inodes = st.f_files == 0 ? G_MAXINT64 / 2 : (gint64) MIN(st.f_favail, (guint64) G_MAXINT64 / 2);
    return true;
}

static bool
enough(const MailFolder *self, gint64 bytes, gint64 inodes, GError **error)
{
    if (bytes >= 0 && inodes >= 0)
        return true;
    g_set_error(error, STORE_ERROR, STORE_ERROR_FULL, "no %s left for %s beyond the reserve",
                bytes < 0 ? "space" : "inodes", self->path);
    return false;
}

bool
mail_folder_is_writable(const MailFolder *self, GError **error)
{
    return faccessat(self->fd, ".", W_OK, AT_EACCESS) == 0 ||
           fail(error, STORE_ERROR_IO, errno, "cannot write in", self->path);
}

bool
mail_folder_room(MailFolder *self, gint64 bytes, gint64 reserve_bytes, gint64 reserve_inodes, GError **error)
{
    gint64 now = clock_monotonic();

    if (self->asked_ms == 0 || now - self->asked_ms >= ROOM_OLD_MS) {
        if (!ask(self, &self->free_bytes, &self->free_inodes, error))
            return false;
        self->asked_ms = now;
    }
    if (!enough(self, self->free_bytes - bytes - reserve_bytes, self->free_inodes - reserve_inodes, error))
        return false;
    self->free_bytes -= bytes;
    return true;
}

bool
mail_folder_room_now(const MailFolder *self, gint64 bytes, gint64 reserve_bytes, gint64 reserve_inodes,
                     GError **error)
{
    gint64 free_bytes = 0, free_inodes = 0;

    return ask(self, &free_bytes, &free_inodes, error) &&
           enough(self, free_bytes - bytes - reserve_bytes, free_inodes - reserve_inodes, error);
}
