#include "mail/charset_jis.h"

#include "mail/charset_cp932.h"
#include "mail/charset_iconv.h"

#include <string.h>

#define ESC '\x1b'

/* Runs of bytes for one converter. */
typedef struct {
    GString *out;
    const char *charset;
    guint bad;
    gsize unit; /* bytes of a character in run, when it is not CP932 */
    gsize length;
    char run[4096];
} Transcoder;

static const char cp932[] = "CP932";
static const char euc_jp_ms[] = "EUC-JP-MS";

static void
flush(Transcoder *self)
{
    if (self->charset == cp932)
        self->bad += cp932_append(self->out, self->run, self->length);
    else if (self->length)
        self->bad += iconv_append(self->out, self->charset, self->run, self->length, self->unit);
    self->length = 0;
}

/* The bytes of one character. */
static inline void
emit(Transcoder *self, const char *charset, const char *bytes, gsize n)
{
    if (self->charset != charset || self->length + n > sizeof self->run)
        flush(self);
    self->charset = charset;
    self->unit = n;
    for (gsize i = 0; i < n; i++)
        self->run[self->length++] = bytes[i];
}

static void
start(Transcoder *self, GString *out)
{
    self->out = out;
    self->charset = cp932;
    self->bad = 0;
    self->unit = 1;
    self->length = 0;
}

static void
emit_unknown(Transcoder *self)
{
    flush(self);
    iconv_append_unknown(self->out);
    self->bad++;
}

static void
emit_byte(Transcoder *self, guchar byte)
{
    emit(self, cp932, (char *) &byte, 1);
}

/* JIS X 0208 by its 7-bit code, as the two bytes of CP932. */
static void
emit_0208(Transcoder *self, guchar a, guchar b)
{
    guchar bytes[2];

    cp932_from_jis(a, b, bytes);
    emit(self, cp932, (char *) bytes, 2);
}

typedef enum { SET_ASCII, SET_KANA, SET_0208, SET_0212, SET_GB, SET_KS } Set;

static const struct {
    const char *escape; /* without ESC */
    Set set;
} designations[] = {
    { "(B", SET_ASCII }, { "(J", SET_ASCII }, { "(H", SET_ASCII }, { "(I", SET_KANA },
    { "$@", SET_0208 },  { "$B", SET_0208 },  { "$(@", SET_0208 }, { "$(B", SET_0208 },
    { "$(D", SET_0212 }, { "$A", SET_GB },    { "$(A", SET_GB },   { "$(C", SET_KS },
};

/* The designation at bytes (an ESC): its index, or -1. */
static int
designation_find(const char *bytes, gsize n)
{
    for (guint i = 0; i < G_N_ELEMENTS(designations); i++) {
        gsize length = strlen(designations[i].escape);
        if (n > length && memcmp(bytes + 1, designations[i].escape, length) == 0)
            return (int) i;
    }
    return -1;
}

bool
jis_looks_so(const char *bytes, gsize n)
{
    bool found = false;

    /* Without an ESC there is nothing to look for, and memchr() is faster than the loop. */
    if (!memchr(bytes, ESC, n))
        return false;
    for (gsize i = 0; i < n; i++) {
        if (bytes[i] & 0x80)
            return false;
        if (bytes[i] == ESC && designation_find(bytes + i, n - i) >= 0)
            found = true;
    }
    return found;
}

static void
emit_pair(Transcoder *self, Set set, guchar a, guchar b)
{
    char bytes[3] = { '\x8f', (char) (a | 0x80), (char) (b | 0x80) };

    switch (set) {
    case SET_0212:
        emit(self, euc_jp_ms, bytes, 3);
        break;
    case SET_GB:
        emit(self, "GB18030", bytes + 1, 2);
        break;
    case SET_KS:
        emit(self, "CP949", bytes + 1, 2);
        break;
    default:
        emit_0208(self, a, b);
    }
}

static bool
is_graphic(guchar byte)
{
    return byte >= 0x21 && byte <= 0x7e;
}

static bool
is_kana(guchar byte)
{
    return byte >= 0xa1 && byte <= 0xdf;
}

/* One character that is no escape; returns the bytes it took. */
static gsize
jis_step(Transcoder *self, Set set, const guchar *p, gsize n)
{
    if (*p & 0x80) {
        /* 8-bit half-width katakana, which some programs mix in. */
        if (is_kana(*p))
            emit_byte(self, *p);
        else
            emit_unknown(self);
        return 1;
    }
    if (set == SET_ASCII || !is_graphic(*p)) {
        emit_byte(self, *p);
        return 1;
    }
    if (set == SET_KANA) {
        if (is_kana(*p | 0x80))
            emit_byte(self, *p | 0x80);
        else
            emit_unknown(self);
        return 1;
    }
    if (n > 1 && is_graphic(p[1])) {
        emit_pair(self, set, p[0], p[1]);
        return 2;
    }
    emit_unknown(self);
    return 1;
}

guint
jis_append(GString *out, const char *bytes, gsize n)
{
    Transcoder self;

    start(&self, out);
    Set set = SET_ASCII, shifted = SET_ASCII;

    for (gsize i = 0; i < n;) {
        int found = bytes[i] == ESC ? designation_find(bytes + i, n - i) : -1;
        if (found >= 0) {
            set = designations[found].set;
            i += 1 + strlen(designations[found].escape);
            continue;
        }
        if (bytes[i] == ESC) {
            emit_unknown(&self); /* a broken escape; what follows is read as before */
            i++;
            continue;
        }
        if (bytes[i] == '\x0e' || bytes[i] == '\x0f') { /* SO, SI: JIS7 half-width katakana */
            shifted = bytes[i] == '\x0e' ? SET_KANA : SET_ASCII;
            i++;
            continue;
        }
        if (bytes[i] == '\n')
            set = shifted = SET_ASCII; /* lines end in ASCII (RFC 1468), whatever the sender forgot */
        if (set == SET_0208 && shifted == SET_ASCII && i + 1 < n && is_graphic((guchar) bytes[i]) &&
            is_graphic((guchar) bytes[i + 1])) { /* nearly all there is */
            emit_0208(&self, (guchar) bytes[i], (guchar) bytes[i + 1]);
            i += 2;
            continue;
        }
        i += jis_step(&self, shifted == SET_KANA ? SET_KANA : set, (const guchar *) bytes + i, n - i);
    }
    flush(&self);
    return self.bad;
}

guint
euc_jp_append(GString *out, const char *bytes, gsize n)
{
    Transcoder self;

    start(&self, out);
    const guchar *p = (const guchar *) bytes, *end = p + n;

    while (p < end) {
        gsize left = end - p;

        if (*p < 0x80) {
            emit_byte(&self, *p);
            p++;
        } else if (*p == 0x8e && left > 1 && is_kana(p[1])) {
            emit_byte(&self, p[1]);
            p += 2;
        } else if (*p == 0x8f && left > 2 && is_graphic(p[1] & 0x7f) && is_graphic(p[2] & 0x7f) &&
                   (p[1] & p[2] & 0x80)) {
            emit(&self, euc_jp_ms, (const char *) p, 3);
            p += 3;
        } else if (left > 1 && (p[1] & 0x80) && is_graphic(*p & 0x7f) && is_graphic(p[1] & 0x7f)) {
            emit_0208(&self, *p & 0x7f, p[1] & 0x7f);
            p += 2;
        } else {
            emit_unknown(&self);
            p++;
        }
    }
    flush(&self);
    return self.bad;
}
