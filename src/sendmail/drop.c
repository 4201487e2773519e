#include "config.h"
#include "sendmail/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The time, by which the daemon orders mails, and what cannot be guessed. */
static int
drop_choose_name(Drop *self)
{
    struct timespec now;
    unsigned char bytes[10];

    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return errno;
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned long long ms = (unsigned long long) now.tv_sec * 1000 + (unsigned long long) now.tv_nsec / 1000000;
    size_t n = (size_t) snprintf(self->name, sizeof self->name, "mail.%012llx", ms & 0xffffffffffffULL);
    for (size_t i = 0; i < sizeof bytes; i++)
        n += (size_t) snprintf(self->name + n, sizeof self->name - n, "%02x", bytes[i]);
    return 0;
}

/* A file without a name; on file systems that have none such, with one that shimtad leaves alone. */
static int
drop_open_file(Drop *self)
{
    self->file = openat(self->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (self->file >= 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return errno;
    snprintf(self->draft, sizeof self->draft, "new.%s", self->name + strlen("mail."));
    self->file = openat(self->folder, self->draft, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
    if (self->file >= 0)
        return 0;
    self->draft[0] = '\0';
    return errno;
}

int
drop_open(Drop *self, const Settings *settings)
{
    *self = (Drop) { -1, -1, "", "" };
    if (!settings->drop[0])
        return ENOENT;
    self->folder = open(settings->drop, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int problem = self->folder < 0 ? errno : drop_choose_name(self);
    if (problem == 0)
        problem = drop_open_file(self);
    /* shimtad runs as another user. Others cannot: neither list the folder nor guess the name. */
    if (problem == 0 && fchmod(self->file, 0644) < 0)
        problem = errno;
    if (problem != 0)
        drop_abandon(self);
    return problem;
}

int
drop_write(Drop *self, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = write(self->file, bytes, n);
        if (put < 0 && errno != EINTR)
            return errno;
        if (put > 0) {
            bytes += put;
            n -= (size_t) put;
        }
    }
    return 0;
}

static int
drop_publish(Drop *self)
{
    char from[64];

    if (self->draft[0]) {
        if (renameat(self->folder, self->draft, self->folder, self->name) < 0)
            return errno;
        self->draft[0] = '\0';
        return 0;
    }
    snprintf(from, sizeof from, "/proc/self/fd/%d", self->file);
    return linkat(AT_FDCWD, from, self->folder, self->name, AT_SYMLINK_FOLLOW) < 0 ? errno : 0;
}

/* The folder can be opened for its own fsync by few; the others ask for the whole file system's. */
static int
drop_sync_name(const Drop *self)
{
    int folder = openat(self->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0)
        return syncfs(self->file) < 0 ? errno : 0;
    int problem = fsync(folder) < 0 ? errno : 0;
    close(folder);
    return problem;
}

int
drop_finish(Drop *self)
{
    int problem = fsync(self->file) < 0 ? errno : drop_publish(self);

    if (problem == 0)
        problem = drop_sync_name(self);
    drop_abandon(self);
    return problem;
}

void
drop_abandon(Drop *self)
{
    if (self->draft[0])
        unlinkat(self->folder, self->draft, 0);
    if (self->file >= 0)
        close(self->file);
    if (self->folder >= 0)
        close(self->folder);
    *self = (Drop) { -1, -1, "", "" };
}
