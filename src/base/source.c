#include "base/source.h"

#include <string.h>

typedef struct {
    Source base;
    GBytes *bytes;
    size_t at;
} BytesSource;

typedef struct {
    Source base;
    GPtrArray *sources;
    guint at;
} ChainSource;

gssize
source_read(Source *self, char *buf, size_t n, GError **error)
{
    g_assert(n > 0);
    return self->ops->read(self, buf, n, error);
}

bool
source_rewind(Source *self, GError **error)
{
    return self->ops->rewind(self, error);
}

void
source_free(Source *self)
{
    if (self)
        self->ops->free(self);
}

static gssize
bytes_read(Source *base, char *buf, size_t n, GError **error)
{
    BytesSource *self = (BytesSource *) base;
    size_t size;
    const char *data = g_bytes_get_data(self->bytes, &size);
    size_t take = MIN(n, size - self->at);

    if (take > 0)
        memcpy(buf, data + self->at, take);
    self->at += take;
    return take;
}

static bool
bytes_rewind(Source *base, GError **error)
{
    ((BytesSource *) base)->at = 0;
    return true;
}

static void
bytes_free(Source *base)
{
    BytesSource *self = (BytesSource *) base;

    g_bytes_unref(self->bytes);
    g_free(self);
}

static const SourceOps bytes_ops = { bytes_read, bytes_rewind, bytes_free };

Source *
source_new_bytes(GBytes *bytes)
{
    BytesSource *self = g_new0(BytesSource, 1);

    self->base.ops = &bytes_ops;
    self->base.length = g_bytes_get_size(bytes);
    self->bytes = g_bytes_ref(bytes);
    return &self->base;
}

Source *
source_new_string(const char *text)
{
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));

    return source_new_bytes(bytes);
}

static gssize
chain_read(Source *base, char *buf, size_t n, GError **error)
{
    ChainSource *self = (ChainSource *) base;

    for (; self->at < self->sources->len; self->at++) {
        gssize got = source_read(self->sources->pdata[self->at], buf, n, error);
        if (got != 0)
            return got;
    }
    return 0;
}

static bool
chain_rewind(Source *base, GError **error)
{
    ChainSource *self = (ChainSource *) base;

    for (guint i = 0; i < self->sources->len; i++)
        if (!source_rewind(self->sources->pdata[i], error))
            return false;
    self->at = 0;
    return true;
}

static void
chain_free(Source *base)
{
    ChainSource *self = (ChainSource *) base;

    g_ptr_array_unref(self->sources);
    g_free(self);
}

static const SourceOps chain_ops = { chain_read, chain_rewind, chain_free };

Source *
source_new_chain(GPtrArray *sources)
{
    ChainSource *self = g_new0(ChainSource, 1);

    self->base.ops = &chain_ops;
    for (guint i = 0; i < sources->len; i++)
        self->base.length += ((Source *) sources->pdata[i])->length;
    g_ptr_array_set_free_func(sources, (GDestroyNotify) source_free);
    self->sources = sources;
    return &self->base;
}
