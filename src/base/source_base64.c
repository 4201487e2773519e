#include "base/source.h"

#include <string.h>

/* Encoded at once: whole groups of 3 bytes, so that nothing is left over but at the end. */
enum { RAW_MAX = 3 * 4096, TEXT_MAX = 4 * 4096 };

typedef struct {
    Source base;
    Source *inner;
    size_t length, at; /* of text: encoded, handed out */
    bool ended;        /* inner gave its last byte */
    guchar raw[RAW_MAX];
    char text[TEXT_MAX + 5]; /* g_base64_encode_close() asks for 5 */
} Base64Source;

/* Fills text anew. Padding may stand at the very end alone, so raw is read full first. */
static bool
refill(Base64Source *self, GError **error)
{
    int state = 0, save = 0;
    size_t n = 0;

    while (!self->ended && n < RAW_MAX) {
        gssize got = source_read(self->inner, (char *) self->raw + n, RAW_MAX - n, error);
        if (got < 0)
            return false;
        self->ended = got == 0;
        n += (size_t) got;
    }
    self->length = g_base64_encode_step(self->raw, n, FALSE, self->text, &state, &save);
    self->length += g_base64_encode_close(FALSE, self->text + self->length, &state, &save);
    self->at = 0;
    return true;
}

static gssize
base64_read(Source *base, char *buf, size_t n, GError **error)
{
    Base64Source *self = (Base64Source *) base;

    if (self->at == self->length && !refill(self, error))
        return -1;
    size_t take = MIN(n, self->length - self->at);
    memcpy(buf, self->text + self->at, take);
    self->at += take;
    return (gssize) take;
}

static bool
base64_rewind(Source *base, GError **error)
{
    Base64Source *self = (Base64Source *) base;

    self->length = self->at = 0;
    self->ended = false;
    return source_rewind(self->inner, error);
}

static void
base64_free(Source *base)
{
    Base64Source *self = (Base64Source *) base;

    source_free(self->inner);
    g_free(self);
}

static const SourceOps base64_ops = { base64_read, base64_rewind, base64_free };

Source *
source_new_base64(Source *inner)
{
    Base64Source *self = g_new(Base64Source, 1);

    self->base = (Source) { .ops = &base64_ops, .length = (inner->length + 2) / 3 * 4 };
    self->inner = inner;
    self->length = self->at = 0;
    self->ended = false;
    return &self->base;
}
