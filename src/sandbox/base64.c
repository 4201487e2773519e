#include "sandbox/base64.h"

#include <string.h>

static bool
is_digit(char c)
{
    return g_ascii_isalnum(c) || c == '+' || c == '/';
}

static void
check(Base64 *self, const char *text, size_t n)
{
    size_t i = 0;

    while (i < n && self->padding == 0 && is_digit(text[i]))
        i++;
    self->padding += (unsigned) MIN(n - i, 3);
    for (; i < n; i++)
        self->bad = self->bad || text[i] != '=';
    self->bad = self->bad || self->padding > 2;
}

size_t
base64_feed(Base64 *self, const char *text, size_t n, guint8 *out)
{
    self->length += n;
    check(self, text, n);
    if (self->bad || !out)
        return 0;
    return g_base64_decode_step(text, n, out, &self->state, &self->save);
}

bool
base64_is_whole(const Base64 *self)
{
    return !self->bad && self->length % 4 == 0;
}

guint64
base64_bytes(const Base64 *self)
{
    return self->length / 4 * 3 - self->padding;
}

GByteArray *
base64_decode(const char *text)
{
    size_t n = strlen(text);
    Base64 state = { 0 };
    g_autoptr(GByteArray) out = g_byte_array_sized_new((guint) n);

    g_byte_array_set_size(out, (guint) (n / 4 * 3 + 3));
    size_t bytes = base64_feed(&state, text, n, out->data);
    if (!base64_is_whole(&state))
        return NULL;
    g_byte_array_set_size(out, (guint) bytes);
    return g_steal_pointer(&out);
}
