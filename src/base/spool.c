#include "base/spool.h"

#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { SPOOL_FIRST_BYTES = 2048 };

struct Spool {
    gatomicrefcount refs;
    size_t memory_bytes;
    char *folder;
    char *memory; /* the bytes behind those in the file */
    size_t used, room;
    int fd; /* -1 while all is in memory */
    gint64 in_file;
    bool finished;
};

typedef struct {
    Source base;
    Spool *spool;
    gint64 start, at;
} SpoolSource;

Spool *
spool_new(size_t memory_bytes, const char *folder)
{
    Spool *self = g_new0(Spool, 1);

    g_atomic_ref_count_init(&self->refs);
    self->memory_bytes = memory_bytes;
    self->folder = g_strdup(folder ? folder : g_get_tmp_dir());
    self->fd = -1;
    return self;
}

Spool *
spool_new_like(const Spool *other)
{
    return spool_new(other->memory_bytes, other->folder);
}

Spool *
spool_new_file(int fd, gint64 length, size_t memory_bytes, const char *folder)
{
    Spool *self = spool_new(memory_bytes, folder);

    self->fd = fd;
    self->in_file = length;
    self->finished = true;
    return self;
}

/* Doubles up to the limit, so that small mails stay small and nobody pays for more than the
 * limit and one append. */
static void
spool_grow(Spool *self, size_t need)
{
    size_t doubled = self->room ? self->room * 2 : SPOOL_FIRST_BYTES;

    self->room = MAX(need, MIN(doubled, self->memory_bytes));
    self->memory = g_realloc(self->memory, self->room);
}

void
spool_append(Spool *self, const char *bytes, size_t n)
{
    g_assert(!self->finished);
    if (n == 0)
        return;
    if (n > self->room - self->used)
        spool_grow(self, self->used + n);
    memcpy(self->memory + self->used, bytes, n);
    self->used += n;
}

bool
spool_is_full(const Spool *self)
{
    return self->used > self->memory_bytes;
}

bool
spool_flush(Spool *self, GError **error)
{
    if (self->used == 0)
        return true;
    if (self->fd < 0)
        self->fd = file_unnamed(self->folder, error);
    if (self->fd < 0)
        return false;
    if (!file_write_all(self->fd, self->memory, self->used, "the spool file", error)) {
        /* A second try must not repeat what did get through. */
        lseek(self->fd, self->in_file, SEEK_SET);
        return false;
    }
    self->in_file += self->used;
    self->used = 0;
    return true;
}

bool
spool_finish(Spool *self, GError **error)
{
    if ((self->fd >= 0 || spool_is_full(self)) && !spool_flush(self, error))
        return false;
    self->finished = true;
    if (self->fd >= 0) {
        g_clear_pointer(&self->memory, g_free);
        self->room = 0;
    }
    return true;
}

gint64
spool_length(const Spool *self)
{
    return self->in_file + self->used;
}

/* Up to n bytes of the file part; offset lies within it. */
static gssize
spool_read_file(const Spool *self, gint64 offset, char *buf, size_t n, GError **error)
{
    for (;;) {
        ssize_t got = pread(self->fd, buf, MIN((gint64) n, self->in_file - offset), offset);

        if (got > 0)
            return got;
        if (got < 0 && errno == EINTR)
            continue;
        error_set_errno(error, got < 0 ? errno : EIO, "cannot read the spool file");
        return -1;
    }
}

gssize
spool_read_at(const Spool *self, gint64 offset, char *buf, size_t n, GError **error)
{
    size_t done = 0;

    g_assert(offset >= 0);
    while (done < n && offset < self->in_file) {
        gssize got = spool_read_file(self, offset, buf + done, n - done, error);
        if (got < 0)
            return -1;
        done += got;
        offset += got;
    }
    if (done < n && offset < spool_length(self)) {
        size_t take = MIN((gint64) (n - done), spool_length(self) - offset);

        memcpy(buf + done, self->memory + (offset - self->in_file), take);
        done += take;
    }
    return done;
}

const char *
spool_bytes(const Spool *self)
{
    if (self->fd >= 0)
        return NULL;
    return self->memory ? self->memory : "";
}

int
spool_file(const Spool *self)
{
    g_assert(self->finished);
    return self->fd;
}

static gssize
spool_source_read(Source *base, char *buf, size_t n, GError **error)
{
    SpoolSource *self = (SpoolSource *) base;
    gint64 left = self->start + base->length - self->at;
    if (left == 0)
        return 0;

    gssize got = spool_read_at(self->spool, self->at, buf, MIN((gint64) n, left), error);
    if (got > 0)
        self->at += got;
    return got;
}

static bool
spool_source_rewind(Source *base, GError **error)
{
    SpoolSource *self = (SpoolSource *) base;

    self->at = self->start;
    return true;
}

static void
spool_source_free(Source *base)
{
    SpoolSource *self = (SpoolSource *) base;

    spool_unref(self->spool);
    g_free(self);
}

static const SourceOps spool_source_ops = { spool_source_read, spool_source_rewind, spool_source_free };

Source *
spool_source(Spool *self, gint64 offset, gint64 length)
{
    g_assert(offset >= 0 && offset <= spool_length(self));
    g_assert(length >= 0 && length <= spool_length(self) - offset);

    SpoolSource *source = g_new0(SpoolSource, 1);
    source->base.ops = &spool_source_ops;
    source->base.length = length;
    source->spool = spool_ref(self);
    source->start = offset;
    source->at = offset;
    return &source->base;
}

Spool *
spool_ref(Spool *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
spool_unref(Spool *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    if (self->fd >= 0)
        close(self->fd);
    g_free(self->memory);
    g_free(self->folder);
    g_free(self);
}
