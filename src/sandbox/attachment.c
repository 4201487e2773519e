#include "sandbox/attachment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

Attachment *
attachment_new(const char *folder)
{
    Attachment *self = g_new0(Attachment, 1);

    self->folder = g_strdup(folder);
    self->fd = -1;
    if (folder)
        self->bytes = g_byte_array_new();
    return self;
}

void
attachment_free(Attachment *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->bytes, g_byte_array_unref);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self->filename);
    g_free(self->type);
    g_free(self->folder);
    g_free(self);
}

static int
unnamed_file(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, ".part-XXXXXX", NULL);
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd >= 0)
        unlink(path);
    return fd;
}

static bool
write_all(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            p += done;
            n -= (size_t) done;
        }
    }
    return true;
}

void
attachment_append(Attachment *self, const char *bytes, size_t n)
{
    self->size_bytes += n;
    if (!self->folder || self->error)
        return;
    if (self->bytes && self->bytes->len + n <= ATTACHMENT_MEMORY_BYTES) {
        g_byte_array_append(self->bytes, (const guint8 *) bytes, (guint) n);
        return;
    }
    if (self->bytes) {
        self->fd = unnamed_file(self->folder);
        if (self->fd < 0 || !write_all(self->fd, self->bytes->data, self->bytes->len))
            self->error = errno;
        g_clear_pointer(&self->bytes, g_byte_array_unref);
    }
    if (!self->error && !write_all(self->fd, bytes, n))
        self->error = errno;
}

/* Fills block as far as the file goes; -1 with errno set. */
static ssize_t
read_block(int fd, guint8 *block, size_t block_bytes, off_t at)
{
    size_t have = 0;

    while (have < block_bytes) {
        ssize_t got = pread(fd, block + have, block_bytes - have, at + (off_t) have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t) got;
    }
    return (ssize_t) have;
}

bool
attachment_each(const Attachment *self, size_t block_bytes,
                bool (*take)(const guint8 *block, size_t n, void *user), void *user)
{
    if (self->bytes) {
        for (size_t at = 0; at < self->bytes->len; at += block_bytes)
            if (!take(self->bytes->data + at, MIN(block_bytes, self->bytes->len - at), user))
                break;
        return true;
    }
    g_autofree guint8 *block = g_malloc(block_bytes);
    off_t at = 0;
    for (;;) {
        ssize_t got = read_block(self->fd, block, block_bytes, at);
        if (got <= 0)
            return got == 0;
        at += got;
        if (!take(block, (size_t) got, user))
            return true;
    }
}
