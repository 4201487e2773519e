#include "mail/part_source.h"

#include <string.h>

#define BLOCK_BYTES 4096

struct PartContent {
    GBytes *bytes; /* these, */
    Spool *spool;  /* then these; one of both may be NULL */
    gint64 offset, raw_length;
    Transfer transfer;
    gint64 length; /* decoded; -1 until measured */
};

typedef struct {
    Source base;
    Spool *spool;
    gint64 offset, raw_length;
    gint64 position; /* raw bytes read */
    TransferDecoder decoder;
    bool ended;
    size_t ready_at, ready_length;
    char raw[BLOCK_BYTES];
    char ready[BLOCK_BYTES + 128]; /* transfer_room(BLOCK_BYTES) */
} PartSource;

/* Decodes the next block into ready. */
static bool
refill(PartSource *self, GError **error)
{
    size_t want = (size_t)MIN(self->raw_length - self->position, BLOCK_BYTES);

    self->ready_at = 0;
    self->ready_length = 0;
    if (want == 0) {
        self->ready_length = transfer_finish(&self->decoder, self->ready);
        self->ended = true;
        return true;
    }

    gssize n = spool_read_at(self->spool, self->offset + self->position, self->raw, want, error);
    if (n < 0)
        return false;
    if (n == 0) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO, "the spooled message was cut short");
        return false;
    }
    self->position += n;
    self->ready_length = transfer_push(&self->decoder, self->raw, (size_t)n, self->ready);
    return true;
}

static gssize
part_read(Source *base, char *buf, size_t n, GError **error)
{
    PartSource *self = (PartSource *)base;

    while (self->ready_at == self->ready_length) {
        if (self->ended)
            return 0;
        if (!refill(self, error))
            return -1;
    }
    n = MIN(n, self->ready_length - self->ready_at);
    memcpy(buf, self->ready + self->ready_at, n);
    self->ready_at += n;
    return (gssize)n;
}

static bool
part_rewind(Source *base, GError **error)
{
    PartSource *self = (PartSource *)base;

    transfer_init(&self->decoder, self->decoder.transfer);
    self->position = 0;
    self->ended = false;
    self->ready_at = 0;
    self->ready_length = 0;
    return true;
}

static void
part_free(Source *base)
{
    PartSource *self = (PartSource *)base;

    spool_unref(self->spool);
    g_free(self);
}

static const SourceOps part_source_ops = { .read = part_read, .rewind = part_rewind, .free = part_free };

static Source *
decoding_source(const PartContent *content)
{
    PartSource *self = g_new(PartSource, 1);

    self->base.ops = &part_source_ops;
    self->base.length = content->length;
    self->spool = spool_ref(content->spool);
    self->offset = content->offset;
    self->raw_length = content->raw_length;
    self->decoder.transfer = content->transfer;
    part_rewind(&self->base, NULL);
    return &self->base;
}

PartContent *
part_content_new(Spool *spool, gint64 offset, gint64 length, Transfer transfer)
{
    PartContent *self = g_new0(PartContent, 1);

    self->spool = spool_ref(spool);
    self->offset = offset;
    self->raw_length = length;
    self->transfer = transfer;
    self->length = transfer == TRANSFER_IDENTITY ? length : -1;
    return self;
}

PartContent *
part_content_new_bytes(GBytes *bytes)
{
    PartContent *self = g_new0(PartContent, 1);

    self->bytes = g_bytes_ref(bytes);
    self->length = (gint64)g_bytes_get_size(bytes);
    return self;
}

PartContent *
part_content_new_headed(GBytes *head, Spool *spool, gint64 offset)
{
    PartContent *self = part_content_new(spool, offset, spool_length(spool) - offset, TRANSFER_IDENTITY);

    self->bytes = g_bytes_ref(head);
    self->length += (gint64)g_bytes_get_size(head);
    return self;
}

void
part_content_free(PartContent *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->spool, spool_unref);
    g_clear_pointer(&self->bytes, g_bytes_unref);
    g_free(self);
}

gint64
part_content_length(PartContent *self, GError **error)
{
    if (self->length >= 0)
        return self->length;

    g_autoptr(Source) source = decoding_source(self);
    PartSource *reader = (PartSource *)source;
    gint64 length = 0;
    while (!reader->ended) {
        if (!refill(reader, error))
            return -1;
        length += (gint64)reader->ready_length;
    }
    self->length = length;
    return length;
}

GByteArray *
part_content_read(const PartContent *self, gsize max, bool *cut, GError **error)
{
    g_autoptr(Source) source = part_content_source(self);
    gsize room = self->spool ? (gsize)MIN(self->raw_length + 1, (gint64)max + 1) : max + 1;
    g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)room);
    char block[BLOCK_BYTES];

    *cut = false;
    for (;;) {
        gssize n = source_read(source, block, sizeof block, error);

        if (n < 0)
            return NULL;
        if (n == 0)
            return g_steal_pointer(&out);
        gsize fits = MIN((gsize)n, max - out->len);
        g_byte_array_append(out, (const guint8 *)block, (guint)fits);
        if (fits < (gsize)n) {
            *cut = true;
            return g_steal_pointer(&out);
        }
    }
}

Source *
part_content_source(const PartContent *self)
{
    if (self->bytes && self->spool) {
        GPtrArray *chain = g_ptr_array_new();
        g_ptr_array_add(chain, source_new_bytes(self->bytes));
        g_ptr_array_add(chain, spool_source(self->spool, self->offset, self->raw_length));
        return source_new_chain(chain);
    }
    if (self->bytes)
        return source_new_bytes(self->bytes);
    if (self->transfer == TRANSFER_IDENTITY)
        return spool_source(self->spool, self->offset, self->raw_length);
    return decoding_source(self);
}
