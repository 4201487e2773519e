#include "mail/charset_cp932.h"

#include "mail/charset_iconv.h"

#include <string.h>

#define LEADS 60   /* 0x81-0x9f, 0xe0-0xfc */
#define TRAILS 189 /* 0x40-0xfc */
#define ROWS 94
#define CELLS 94

static guint16 singles[256];
static guint16 pairs[LEADS * TRAILS];
static guint8 standard[65536 / 8]; /* a bit for each character */

/* The place of a lead byte, or -1. */
static int
lead_index(guchar byte)
{
    if (byte >= 0x81 && byte <= 0x9f)
        return byte - 0x81;
    return byte >= 0xe0 && byte <= 0xfc ? byte - 0xe0 + 31 : -1;
}

static bool
is_trail(guchar byte)
{
    return byte >= 0x40 && byte <= 0xfc;
}

/* What iconv makes of some bytes that are one character, or 0. */
static guint16
ask_iconv(const char *bytes, gsize n)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (iconv_append(out, "CP932", bytes, n, 1) > 0 || g_utf8_strlen(out->str, -1) != 1)
        return 0;
    return (guint16)g_utf8_get_char(out->str);
}

static void
mark_standard(void)
{
    static const gunichar disputed[] = { 0x2225, 0xff0d, 0xff5e, 0xffe0, 0xffe1, 0xffe2 };

    for (guint row = 0; row < ROWS; row++)
        for (guint cell = 0; cell < CELLS && row != 12 && row < 84; cell++) { /* row 13 is NEC's */
            guchar bytes[2];
            cp932_from_jis((guchar)(row + 0x21), (guchar)(cell + 0x21), bytes);
            guint16 c = pairs[lead_index(bytes[0]) * TRAILS + bytes[1] - 0x40];
            standard[c / 8] |= (guint8)(1 << c % 8);
        }
    for (guint i = 0; i < G_N_ELEMENTS(disputed); i++)
        standard[disputed[i] / 8] &= (guint8)~(1 << disputed[i] % 8);
    memset(standard, 0xff, 128 / 8);
}

static void
fill(void)
{
    for (guint lead = 0x80; lead < 256; lead++) {
        char bytes[2] = { (char)lead };
        int index = lead_index((guchar)lead);

        if (index < 0)
            singles[lead] = ask_iconv(bytes, 1);
        for (guint trail = 0x40; index >= 0 && trail <= 0xfc; trail++) {
            bytes[1] = (char)trail;
            pairs[index * TRAILS + (int)trail - 0x40] = ask_iconv(bytes, 2);
        }
    }
    mark_standard();
}

static void
tables_ready(void)
{
    static gsize ready;

    if (g_once_init_enter(&ready)) {
        fill();
        g_once_init_leave(&ready, 1);
    }
}

gunichar
cp932_pair(guchar lead, guchar trail)
{
    int index = lead_index(lead);

    tables_ready();
    return index >= 0 && is_trail(trail) ? pairs[index * TRAILS + trail - 0x40] : 0;
}

gunichar
cp932_single(guchar byte)
{
    tables_ready();
    return byte < 0x80 ? byte : singles[byte];
}

bool
cp932_is_standard(gunichar c)
{
    tables_ready();
    return c < 65536 && (standard[c / 8] & 1 << c % 8);
}

/* The UTF-8 of a character that is neither ASCII nor above U+FFFF; returns how long it is. */
static gsize
put(char *to, gunichar c)
{
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    to[0] = (char)(0xe0 | c >> 12);
    to[1] = (char)(0x80 | (c >> 6 & 0x3f));
    to[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

guint
cp932_append(GString *out, const char *bytes, gsize n)
{
    const guchar *p = (const guchar *)bytes, *end = p + n;
    guint bad = 0;

    tables_ready();
    while (p < end) {
        char block[4096];
        gsize used = 0;

        while (p < end && used < sizeof block - 3) {
            if (*p < 0x80) {
                block[used++] = (char)*p++;
                continue;
            }
            int index = lead_index(*p);
            bool is_pair = index >= 0 && p + 1 < end && is_trail(p[1]);
            gunichar c = is_pair ? pairs[index * TRAILS + p[1] - 0x40] : index < 0 ? singles[*p] : 0;

            p += is_pair && c ? 2 : 1;
            bad += c == 0;
            used += put(block + used, c ? c : 0xfffd);
        }
        g_string_append_len(out, block, (gssize)used);
    }
    return bad;
}
