#include "mail/spool_stream.h"

#include <errno.h>

typedef struct {
    GMimeStream parent;
    GBytes *prefix;
    Spool *spool;
    GArray *missing; /* of gint64 */
    gint64 start;
    gint64 end; /* position behind the last byte */
    bool failed;
} SpoolStream;

typedef struct {
    GMimeStreamClass parent;
} SpoolStreamClass;

static GType spool_stream_get_type(void);
G_DEFINE_TYPE(SpoolStream, spool_stream, GMIME_TYPE_STREAM)

static gint64
bound_end(const SpoolStream *self)
{
    return self->parent.bound_end < 0 ? self->end : MIN(self->parent.bound_end, self->end);
}

/* The position of the i-th empty line that the spool lacks. */
static gint64
missing_position(const SpoolStream *self, guint i)
{
    gint64 offset = g_array_index(self->missing, gint64, i);

    return (gint64) g_bytes_get_size(self->prefix) + offset - self->start + i;
}

/* How many of them are before position. */
static guint
count_missing(const SpoolStream *self, gint64 position)
{
    guint low = 0, high = self->missing->len;

    while (low < high) {
        guint middle = (low + high) / 2;
        if (missing_position(self, middle) < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of the bytes at position, which is behind the prefix: an empty line, or the spool's up to the next one. */
static gssize
read_spool(const SpoolStream *self, gint64 position, char *buf, gsize n)
{
    guint before = count_missing(self, position);
    gint64 next = before < self->missing->len ? missing_position(self, before) : G_MAXINT64;

    if (position == next) {
        buf[0] = '\n';
        return 1;
    }
    gint64 offset = self->start + position - (gint64) g_bytes_get_size(self->prefix) - before;
    return spool_read_at(self->spool, offset, buf, MIN(n, (guint64) (next - position)), NULL);
}

static ssize_t
stream_read(GMimeStream *base, char *buf, size_t n)
{
    SpoolStream *self = (SpoolStream *) base;
    gsize prefix_length;
    const char *prefix = g_bytes_get_data(self->prefix, &prefix_length);
    gint64 left = bound_end(self) - base->position;

    if (left <= 0)
        return 0;
    n = MIN(n, (guint64) left);
    gssize got;
    if (base->position < (gint64) prefix_length) {
        got = MIN(n, prefix_length - (gsize) base->position);
        memcpy(buf, prefix + base->position, got);
    } else {
        got = read_spool(self, base->position, buf, n);
    }
    if (got <= 0) { /* what was there when the spool was finished is no longer there */
        self->failed = true;
        errno = EIO;
        return -1;
    }
    base->position += got;
    return got;
}

static ssize_t
stream_write(GMimeStream *base, const char *buf, size_t n)
{
    errno = EBADF;
    return -1;
}

static int
stream_nothing(GMimeStream *base)
{
    return 0;
}

static gboolean
stream_eos(GMimeStream *base)
{
    return base->position >= bound_end((SpoolStream *) base);
}

static gint64
stream_seek(GMimeStream *base, gint64 offset, GMimeSeekWhence whence)
{
    gint64 end = bound_end((SpoolStream *) base);
    gint64 to = whence == GMIME_STREAM_SEEK_SET ? offset
              : whence == GMIME_STREAM_SEEK_END ? end + offset
                                                : base->position + offset;

    if (to < base->bound_start || to > end) {
        errno = EINVAL;
        return -1;
    }
    base->position = to;
    return to;
}

static gint64
stream_tell(GMimeStream *base)
{
    return base->position;
}

static gint64
stream_length(GMimeStream *base)
{
    return bound_end((SpoolStream *) base) - base->bound_start;
}

static SpoolStream *
stream_construct(GBytes *prefix, Spool *spool, gint64 start, GArray *missing)
{
    SpoolStream *self = g_object_new(spool_stream_get_type(), NULL);

    self->prefix = g_bytes_ref(prefix);
    self->spool = spool_ref(spool);
    self->missing = g_array_ref(missing);
    self->start = start;
    self->end = (gint64) g_bytes_get_size(prefix) + spool_length(spool) - start + missing->len;
    return self;
}

static GMimeStream *
stream_substream(GMimeStream *base, gint64 start, gint64 end)
{
    SpoolStream *whole = (SpoolStream *) base;
    SpoolStream *self = stream_construct(whole->prefix, whole->spool, whole->start, whole->missing);

    g_mime_stream_construct(&self->parent, start, end);
    return &self->parent;
}

static void
stream_finalize(GObject *object)
{
    SpoolStream *self = (SpoolStream *) object;

    g_bytes_unref(self->prefix);
    g_array_unref(self->missing);
    spool_unref(self->spool);
    G_OBJECT_CLASS(spool_stream_parent_class)->finalize(object);
}

static void
spool_stream_class_init(SpoolStreamClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = stream_finalize;
    klass->parent.read = stream_read;
    klass->parent.write = stream_write;
    klass->parent.flush = stream_nothing;
    klass->parent.close = stream_nothing;
    klass->parent.reset = stream_nothing;
    klass->parent.eos = stream_eos;
    klass->parent.seek = stream_seek;
    klass->parent.tell = stream_tell;
    klass->parent.length = stream_length;
    klass->parent.substream = stream_substream;
}

static void
spool_stream_init(SpoolStream *self)
{
}

GMimeStream *
spool_stream_new(GBytes *prefix, Spool *spool, gint64 start, GArray *missing)
{
    SpoolStream *self = stream_construct(prefix, spool, start, missing);

    g_mime_stream_construct(&self->parent, 0, -1);
    return &self->parent;
}

void
spool_stream_mend_end(GMimeStream *stream)
{
    SpoolStream *self = (SpoolStream *) stream;
    gint64 start = stream->bound_start, end = stream->bound_end;
    gint64 position = stream->position;
    char around[3] = ""; /* before the end, and two behind it */

    if (!G_TYPE_CHECK_INSTANCE_TYPE(stream, spool_stream_get_type()) || end < MAX(start, 1) ||
        end + 2 > self->end)
        return;
    stream->bound_end = self->end;
    stream->position = end - 1;
    bool known = true;
    for (gsize have = 0; have < sizeof around && known;) {
        ssize_t got = stream_read(stream, around + have, sizeof around - have);
        known = got > 0;
        have += known ? got : 0;
    }
    stream->position = position;
    stream->bound_end = end;
    if (known && end > start && around[0] == '\r' && around[1] == '\n')
        stream->bound_end--;
    else if (known && around[1] != '\r' && around[1] != '\n' && around[2] == '\n')
        stream->bound_end++;
}

bool
spool_stream_failed(GMimeStream *stream)
{
    return ((SpoolStream *) stream)->failed;
}

bool
spool_stream_extent(GMimeStream *stream, gint64 *offset, gint64 *length)
{
    if (!G_TYPE_CHECK_INSTANCE_TYPE(stream, spool_stream_get_type()))
        return false;

    const SpoolStream *self = (SpoolStream *) stream;
    gint64 shift = self->start - (gint64) g_bytes_get_size(self->prefix);
    gint64 end = bound_end(self);
    *offset = shift + stream->bound_start - count_missing(self, stream->bound_start);
    *length = shift + end - count_missing(self, end) - *offset;
    return *offset >= self->start && *length >= 0;
}
