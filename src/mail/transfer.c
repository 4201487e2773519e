#include "mail/transfer.h"

#include <string.h>

/* The value plus one; 65: '='; 0: anything else. */
static const guint8 base64_values[256] = {
    ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
              48, 49, 50, 51, 52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
    ['+'] = 63, ['/'] = 64, ['='] = 65,
};

void
transfer_init(TransferDecoder *self, Transfer transfer)
{
    memset(self, 0, sizeof *self);
    self->transfer = transfer;
}

size_t
transfer_room(size_t n)
{
    return n + sizeof ((TransferDecoder *)NULL)->held + 4;
}

/* The bytes of a quantum that ended early: at padding, or with the input. */
static size_t
base64_flush(TransferDecoder *self, char *out)
{
    size_t n = 0;

    if (self->have >= 2)
        out[n++] = (char)(self->bits >> (6 * self->have - 8));
    if (self->have == 3)
        out[n++] = (char)(self->bits >> 2);
    self->have = 0;
    self->bits = 0;
    return n;
}

static size_t
base64_push(TransferDecoder *self, const guint8 *in, size_t n, char *out)
{
    const guint8 *end = in + n;
    char *to = out;

    while (in < end) {
        if (self->have == 0 && end - in >= 4) {
            guint a = base64_values[in[0]] - 1U, b = base64_values[in[1]] - 1U;
            guint c = base64_values[in[2]] - 1U, d = base64_values[in[3]] - 1U;
            if ((a | b | c | d) < 64) {
                *to++ = (char)(a << 2 | b >> 4);
                *to++ = (char)(b << 4 | c >> 2);
                *to++ = (char)(c << 6 | d);
                in += 4;
                continue;
            }
        }
        guint value = base64_values[*in++] - 1U;
        if (value == 64)
            to += base64_flush(self, to); /* what follows padding is data again: concatenated encodings */
        if (value >= 64)
            continue;
        self->bits = self->bits << 6 | value;
        if (++self->have == 4) {
            *to++ = (char)(self->bits >> 16);
            *to++ = (char)(self->bits >> 8);
            *to++ = (char)self->bits;
            self->have = 0;
            self->bits = 0;
        }
    }
    return (size_t)(to - out);
}

static size_t
release(TransferDecoder *self, char *out)
{
    size_t n = self->held_length;

    memcpy(out, self->held, n);
    self->held_length = 0;
    return n;
}

/* Takes the character after what is held. Held is "=", "=X", "=" and blanks (a soft line break to
 * be), or blanks that count only if something follows them on the line. */
static size_t
quoted_character(TransferDecoder *self, char c, char *out)
{
    size_t n = 0;
    const char *held = self->held;
    guint length = self->held_length;

    if (length > 0 && held[0] == '=') {
        if (length == 1 && g_ascii_isxdigit(c)) {
            self->held[self->held_length++] = c;
            return 0;
        }
        if (length == 2 && g_ascii_isxdigit(held[1])) {
            if (g_ascii_isxdigit(c)) {
                out[0] = (char)(g_ascii_xdigit_value(held[1]) << 4 | g_ascii_xdigit_value(c));
                self->held_length = 0;
                return 1;
            }
        } else {
            if (c == '\n') {
                self->held_length = 0;
                return 0;
            }
            if ((c == ' ' || c == '\t' || c == '\r') && length < sizeof self->held) {
                self->held[self->held_length++] = c;
                return 0;
            }
        }
        n = release(self, out); /* no escape after all: as it stands */
    } else if (length > 0 && c == '\n') {
        bool cr = held[length - 1] == '\r';
        self->held_length = 0;
        if (cr)
            out[n++] = '\r';
        out[n++] = c;
        return n;
    }
    if (c == '=' || c == ' ' || c == '\t' || c == '\r') {
        if (self->held_length > 0 && (c == '=' || self->held_length == sizeof self->held))
            n += release(self, out + n);
        self->held[self->held_length++] = c;
        return n;
    }
    n += release(self, out + n);
    out[n++] = c;
    return n;
}

/* 1: may be more than itself; 2: a line end, which decides about what is held only. */
static const guint8 special[256] = { ['='] = 1, [' '] = 1, ['\t'] = 1, ['\r'] = 1, ['\n'] = 2 };

static int
hex_value(char c)
{
    static const guint8 values[256] = { /* plus one */
        ['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ['A'] = 11, 12, 13, 14, 15, 16, ['a'] = 11, 12, 13, 14, 15, 16,
    };

    return values[(guchar)c] - 1;
}

/* What is plain at the first look: an escape, a blank inside a line, a line end. Returns how many of the n
 * characters at in that was, 0 if it takes more than a look. */
static size_t
quoted_plain(const char *in, size_t n, char **to)
{
    int high = n >= 3 && in[0] == '=' ? hex_value(in[1]) : -1;
    int low = high >= 0 ? hex_value(in[2]) : -1;

    if (low >= 0) {
        *(*to)++ = (char)(high << 4 | low);
        return 3;
    }
    if (n >= 2 && (in[0] == ' ' || in[0] == '\t') && !special[(guchar)in[1]]) {
        *(*to)++ = in[0];
        return 1;
    }
    if (n >= 2 && in[0] == '\r' && in[1] == '\n') {
        *(*to)++ = '\r';
        *(*to)++ = '\n';
        return 2;
    }
    return 0;
}

static size_t
quoted_push(TransferDecoder *self, const char *in, size_t n, char *out)
{
    char *to = out;

    for (size_t i = 0; i < n;) {
        if (self->held_length == 0) {
            while (i < n && special[(guchar)in[i]] != 1)
                *to++ = in[i++];
            size_t plain = quoted_plain(in + i, n - i, &to);
            i += plain;
            if (plain || i == n)
                continue;
        }
        to += quoted_character(self, in[i++], to);
    }
    return (size_t)(to - out);
}

/* At the end of the part blanks and a lone "=" are the end of a line. */
static size_t
quoted_finish(TransferDecoder *self, char *out)
{
    if (self->held_length == 2 && self->held[0] == '=' && g_ascii_isxdigit(self->held[1]))
        return release(self, out);
    self->held_length = 0;
    return 0;
}

enum { UU_LINE_START, UU_SKIP_LINE, UU_DATA, UU_END };

/* Only lines between "begin" and "end" count, as far as they are as long as they say. */
static size_t
uu_character(TransferDecoder *self, guchar c, char *out)
{
    size_t n = 0;

    if (self->state == UU_END)
        return 0;
    if (c == '\n') {
        self->state = UU_LINE_START;
        self->held_length = 0;
        self->have = 0;
        return 0;
    }
    if (self->state == UU_LINE_START) {
        if (self->held_length < 6)
            self->held[self->held_length++] = (char)c;
        if (!self->line_left) { /* before "begin" */
            if (self->held_length == 6 && memcmp(self->held, "begin ", 6) == 0)
                self->line_left = 1;
            if (self->held_length == 6)
                self->state = UU_SKIP_LINE;
            return 0;
        }
        if (c < ' ' || c > '`')
            self->state = c == 'e' ? UU_END : UU_SKIP_LINE;
        else
            self->state = UU_DATA;
        self->line_left = 1 + ((c - ' ') & 63);
        return 0;
    }
    if (self->state != UU_DATA || c < ' ' || c > '`')
        return 0;
    self->bits = self->bits << 6 | ((c - ' ') & 63);
    if (++self->have < 4)
        return 0;
    for (int shift = 16; shift >= 0 && self->line_left > 1; shift -= 8, self->line_left--)
        out[n++] = (char)(self->bits >> shift);
    self->have = 0;
    return n;
}

size_t
transfer_push(TransferDecoder *self, const char *in, size_t n, char *out)
{
    size_t produced = 0;

    switch (self->transfer) {
    case TRANSFER_BASE64:
        return base64_push(self, (const guint8 *)in, n, out);
    case TRANSFER_QUOTED_PRINTABLE:
        return quoted_push(self, in, n, out);
    case TRANSFER_UUENCODE:
        for (size_t i = 0; i < n; i++)
            produced += uu_character(self, (guchar)in[i], out + produced);
        return produced;
    case TRANSFER_IDENTITY:
        break;
    }
    memcpy(out, in, n);
    return n;
}

size_t
transfer_finish(TransferDecoder *self, char *out)
{
    switch (self->transfer) {
    case TRANSFER_BASE64:
        return base64_flush(self, out);
    case TRANSFER_QUOTED_PRINTABLE:
        return quoted_finish(self, out);
    default:
        return 0;
    }
}
