#include "mail/charset_guess.h"

#include "mail/charset_cp932.h"

#define FAULT G_MAXUINT64

/* How far a character is from everyday text: kana and the first level of kanji are nothing. */
enum { COST_HALF_WIDTH = 1, COST_SYMBOL = 2, COST_RARE = 6, COST_PRIVATE = 12 };

/* By the row of JIS X 0208 as EUC-JP has it. */
static guint
row_cost(guchar row)
{
    if (row >= 0xf5)
        return COST_PRIVATE;
    if (row >= 0xd0)
        return COST_RARE; /* the second level of kanji */
    return row >= 0xb0 || row == 0xa1 || (row >= 0xa3 && row <= 0xa5) ? 0 : COST_SYMBOL;
}

static guint
pair_cost(guchar lead, guchar trail)
{
    if (lead >= 0xed && lead != 0xef)
        return lead >= 0xf0 && lead <= 0xf9 ? COST_PRIVATE : COST_RARE;
    guint half = lead < 0xa0 ? lead - 0x81u : lead - 0xc1u;
    return row_cost((guchar)(0xa1 + 2 * half + (trail >= 0x9f)));
}

/* What it costs to read the bytes as Shift_JIS; FAULT if they aren't. */
static guint64
shift_jis_cost(const guchar *p, const guchar *end)
{
    guint64 cost = 0;

    while (p < end) {
        if (*p < 0x80) {
            p++;
        } else if (cp932_single(*p)) {
            cost += *p >= 0xa1 && *p <= 0xdf ? COST_HALF_WIDTH : COST_PRIVATE;
            p++;
        } else if (p + 1 < end && cp932_pair(p[0], p[1])) {
            cost += pair_cost(p[0], p[1]);
            p += 2;
        } else {
            return FAULT;
        }
    }
    return cost;
}

static bool
is_high(guchar byte)
{
    return byte >= 0xa1 && byte <= 0xfe;
}

static guint64
euc_cost(const guchar *p, const guchar *end)
{
    guint64 cost = 0;

    while (p < end) {
        gsize left = (gsize)(end - p);

        if (*p < 0x80) {
            p++;
        } else if (*p == 0x8e && left > 1 && p[1] >= 0xa1 && p[1] <= 0xdf) {
            cost += COST_HALF_WIDTH;
            p += 2;
        } else if (*p == 0x8f && left > 2 && is_high(p[1]) && is_high(p[2])) {
            cost += COST_RARE;
            p += 3;
        } else if (left > 1 && is_high(p[0]) && is_high(p[1])) {
            guchar sjis[2];
            cp932_from_jis(p[0] & 0x7f, p[1] & 0x7f, sjis);
            if (!cp932_pair(sjis[0], sjis[1]))
                return FAULT;
            cost += row_cost(*p);
            p += 2;
        } else {
            return FAULT;
        }
    }
    return cost;
}

Japanese
guess_japanese(const char *bytes, gsize n)
{
    const guchar *p = (const guchar *)bytes;
    guint64 shift_jis = shift_jis_cost(p, p + n);
    guint64 euc = euc_cost(p, p + n);

    if (shift_jis == FAULT && euc == FAULT)
        return JAPANESE_NEITHER;
    return euc < shift_jis ? JAPANESE_EUC : JAPANESE_SHIFT_JIS;
}
