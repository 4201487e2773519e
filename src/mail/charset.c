#include "mail/charset.h"

#include "mail/charset_cp932.h"
#include "mail/charset_guess.h"
#include "mail/charset_iconv.h"
#include "mail/charset_jis.h"

#include <string.h>

static const char utf8[] = "UTF-8";
static const char latin[] = "CP1252";
static const char iso_2022_jp[] = "ISO-2022-JP";
static const char euc_jp[] = "EUC-JP";
static const char cp932[] = "CP932";

/* What labels stand for. Keys are lower case without punctuation, "x-", "cs" and "windows"/"cp"/"ibm" count
 * as "cp". A list, and not whatever iconv has: the exotic converters of a C library are its least tested
 * code. */
static const struct {
    const char *key, *name;
} labels[] = {
    { "ansix341968", latin }, { "ascii", latin }, { "big5", "BIG5-HKSCS" },
    { "big5hkscs", "BIG5-HKSCS" }, { "cnbig5", "BIG5-HKSCS" }, { "cngb", "GB18030" },
    { "cp1250", "CP1250" }, { "cp1251", "CP1251" }, { "cp1252", latin }, { "cp1253", "CP1253" },
    { "cp1254", "CP1254" }, { "cp1255", "CP1255" }, { "cp1256", "CP1256" }, { "cp1257", "CP1257" },
    { "cp1258", "CP1258" }, { "cp20127", latin }, { "cp28591", latin }, { "cp31j", cp932 },
    { "cp437", "CP437" }, { "cp50220", iso_2022_jp }, { "cp50221", iso_2022_jp },
    { "cp50222", iso_2022_jp }, { "cp51932", euc_jp }, { "cp51949", "CP949" }, { "cp65001", utf8 },
    { "cp850", "CP850" }, { "cp852", "CP852" }, { "cp866", "CP866" }, { "cp874", "CP874" },
    { "cp932", cp932 }, { "cp936", "GB18030" }, { "cp949", "CP949" }, { "cp950", "BIG5-HKSCS" },
    { "euccn", "GB18030" }, { "eucjp", euc_jp }, { "eucjpms", euc_jp }, { "eucjpwin", euc_jp },
    { "euckr", "CP949" }, { "eucpkdfmtjapanese", euc_jp }, { "gb18030", "GB18030" },
    { "gb2312", "GB18030" }, { "gb231280", "GB18030" }, { "gbk", "GB18030" },
    { "hebrew", "ISO-8859-8" }, { "iso10646ucs2", "UTF-16" }, { "iso2022jp", iso_2022_jp },
    { "iso2022jp1", iso_2022_jp }, { "iso2022jp2", iso_2022_jp }, { "iso2022jp3", iso_2022_jp },
    { "iso2022jpms", iso_2022_jp }, { "iso2022kr", "ISO-2022-KR" }, { "iso646us", latin },
    { "iso88591", latin }, { "iso885910", "ISO-8859-10" }, { "iso885911", "CP874" },
    { "iso885913", "ISO-8859-13" }, { "iso885914", "ISO-8859-14" }, { "iso885915", "ISO-8859-15" },
    { "iso885916", "ISO-8859-16" }, { "iso88592", "ISO-8859-2" }, { "iso88593", "ISO-8859-3" },
    { "iso88594", "ISO-8859-4" }, { "iso88595", "ISO-8859-5" }, { "iso88596", "ISO-8859-6" },
    { "iso88597", "ISO-8859-7" }, { "iso88598", "ISO-8859-8" }, { "iso88598e", "ISO-8859-8" },
    { "iso88598i", "ISO-8859-8" }, { "iso88599", "CP1254" }, { "jis", iso_2022_jp },
    { "koi8r", "KOI8-R" }, { "koi8u", "KOI8-U" }, { "korean", "CP949" }, { "ksc5601", "CP949" },
    { "ksc56011987", "CP949" }, { "latin1", latin }, { "latin2", "ISO-8859-2" },
    { "maccyrillic", "MAC-CYRILLIC" }, { "macintosh", "MACINTOSH" }, { "macroman", "MACINTOSH" },
    { "mscp932", cp932 }, { "ms936", "GB18030" }, { "mskanji", cp932 }, { "shiftjis", cp932 },
    { "shiftjisms", cp932 }, { "sjis", cp932 }, { "tis620", "CP874" }, { "ucs2", "UTF-16" },
    { "ucs4", "UTF-32" }, { "uhc", "CP949" }, { "unicode", "UTF-16" }, { "unicode11utf7", "UTF-7" },
    { "unicode11utf8", utf8 }, { "us", latin }, { "usascii", latin }, { "utf16", "UTF-16" },
    { "utf16be", "UTF-16BE" }, { "utf16le", "UTF-16LE" }, { "utf32", "UTF-32" },
    { "utf32be", "UTF-32BE" }, { "utf32le", "UTF-32LE" }, { "utf7", "UTF-7" }, { "utf8", utf8 },
    { "utf8mb4", utf8 },
};

static int
label_compare(const void *key, const void *row)
{
    return strcmp(key, *(const char *const *) row);
}

const char *
charset_resolve(const char *label)
{
    char key[40] = "";
    gsize n = 0;

    for (const char *p = label ? label : ""; *p && n < sizeof key - 1; p++)
        if (g_ascii_isalnum(*p))
            key[n++] = g_ascii_tolower(*p);
    key[n] = '\0';

    char *start = key;
    if (*start == 'x' && n > 1)
        start++;
    else if (g_str_has_prefix(start, "cs"))
        start += 2;
    g_autofree char *plain = NULL;
    if (g_str_has_prefix(start, "windows"))
        start = plain = g_strconcat("cp", start + strlen("windows"), NULL);
    else if (g_str_has_prefix(start, "ibm"))
        start = plain = g_strconcat("cp", start + strlen("ibm"), NULL);

    const void *found = bsearch(start, labels, G_N_ELEMENTS(labels), sizeof labels[0], label_compare);
    return found ? ((const char *const *) found)[1] : NULL;
}

/* How many bytes the broken UTF-8 at p takes: its lead byte and the continuation bytes that could belong to
 * it. */
static gsize
broken_length(const guchar *p, gsize left)
{
    gsize want = *p >= 0xf0 && *p < 0xf5 ? 4 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xc2 && *p < 0xe0 ? 2 : 1;
    gsize length = 1;

    while (length < MIN(want, left) && (p[length] & 0xc0) == 0x80)
        length++;
    return length;
}

static guint
utf8_append(GString *out, const char *bytes, gsize n)
{
    const char *end = bytes + n;
    guint bad = 0;

    while (bytes < end) {
        const char *stop;
        g_utf8_validate(bytes, end - bytes, &stop);
        g_string_append_len(out, bytes, stop - bytes);
        bytes = stop;
        if (bytes == end)
            break;
        if (*bytes == '\0') {
            bytes++;
            continue;
        }
        iconv_append_unknown(out);
        bytes += broken_length((const guchar *) bytes, end - bytes);
        bad++;
    }
    return bad;
}

/* "UTF-16" or "UTF-32" without an order: the byte order mark says, else where the zeros are, else big-
 * endian. */
static guint
wide_append(GString *out, const char *bytes, gsize n, gsize unit)
{
    static const char *const names[2][2] = { { "UTF-16BE", "UTF-16LE" }, { "UTF-32BE", "UTF-32LE" } };
    gsize zeros[2] = { 0, 0 };
    bool little;

    for (gsize i = 0; i + unit <= MIN(n, 4096); i += unit) {
        zeros[0] += bytes[i] == '\0';
        zeros[1] += bytes[i + unit - 1] == '\0';
    }
    if (n >= 2 && memcmp(bytes, "\xff\xfe", 2) == 0)
        little = true;
    else if (n >= unit && memcmp(bytes + unit - 2, "\xfe\xff", 2) == 0)
        little = false;
    else
        little = zeros[1] > zeros[0];
    return iconv_append(out, names[unit == 4][little], bytes, n, unit);
}

/* Appends what the bytes are in the charset resolved to name; returns how many U+FFFD it took. */
static guint
append(GString *out, const char *name, const char *bytes, gsize n)
{
    if (name == utf8)
        return utf8_append(out, bytes, n);
    if (name == cp932)
        return cp932_append(out, bytes, n);
    if (name == iso_2022_jp)
        return jis_append(out, bytes, n);
    if (name == euc_jp)
        return euc_jp_append(out, bytes, n);
    if (strcmp(name, "UTF-16") == 0)
        return wide_append(out, bytes, n, 2);
    if (strcmp(name, "UTF-32") == 0)
        return wide_append(out, bytes, n, 4);
    gsize unit = g_str_has_prefix(name, "UTF-16") ? 2 : g_str_has_prefix(name, "UTF-32") ? 4 : 1;
    return iconv_append(out, name, bytes, n, unit);
}

static bool
is_valid_utf8(const char *bytes, gsize n)
{
    const char *end = bytes + n;

    while (bytes < end) {
        const char *stop;
        g_utf8_validate(bytes, end - bytes, &stop);
        if (stop < end && *stop)
            return false;
        bytes = stop + 1;
    }
    return true;
}

static bool
is_ascii(const char *bytes, gsize n)
{
    for (gsize i = 0; i < n; i++)
        if (bytes[i] & 0x80)
            return false;
    return true;
}

/* What unlabelled bytes are. */
static const char *
guess(const char *bytes, gsize n, const char *hint)
{
    const char *hinted = charset_resolve(hint);

    if (jis_looks_so(bytes, n))
        return iso_2022_jp;
    if (is_valid_utf8(bytes, n))
        return utf8;
    if (hinted && hinted != utf8 && hinted != latin && hinted != iso_2022_jp) {
        g_autoptr(GString) tried = g_string_new(NULL);
        if (append(tried, hinted, bytes, n) == 0)
            return hinted;
    }
    Japanese japanese = guess_japanese(bytes, n);
    if (japanese != JAPANESE_NEITHER)
        return japanese == JAPANESE_EUC ? euc_jp : cp932;
    /* Nothing is clean. Text cut inside a character is rather what its neighbour is. */
    return hinted && hinted != utf8 && hinted != iso_2022_jp ? hinted : latin;
}

/* What to decode as, label and bytes considered. */
static const char *
decide(const char *bytes, gsize n, const char *label, const char *hint)
{
    const char *name = charset_resolve(label);

    if (!name)
        return guess(bytes, n, hint);
    if (name == utf8 || name == latin) {
        if (jis_looks_so(bytes, n))
            return iso_2022_jp;
        if (name == latin && is_valid_utf8(bytes, n))
            return utf8;
    }
    if (name == iso_2022_jp && !memchr(bytes, '\x1b', n) && !is_ascii(bytes, n))
        return guess(bytes, n, "shift_jis");
    return name;
}

/* Removes NULs, and a byte order mark at the start. */
static void
tidy(GString *text)
{
    if (g_str_has_prefix(text->str, "\xef\xbb\xbf"))
        g_string_erase(text, 0, 3);
    char *to = memchr(text->str, '\0', text->len);
    if (!to)
        return;
    for (const char *from = to, *end = text->str + text->len; from < end; from++)
        if (*from)
            *to++ = *from;
    g_string_truncate(text, to - text->str);
}

char *
charset_to_utf8(const char *bytes, size_t n, const char *label, const char *hint, bool *guessed)
{
    const char *name = decide(bytes, n, label, hint);
    GString *out = g_string_sized_new(n + 1);

    if (guessed)
        *guessed = name != charset_resolve(label) && !(name == utf8 && is_ascii(bytes, n));
    append(out, name, bytes, n);
    tidy(out);
    return g_string_free(out, FALSE);
}

char *
charset_valid_utf8(const char *text, gssize n)
{
    gsize length = n < 0 ? strlen(text) : (gsize) n;
    GString *out = g_string_sized_new(length + 1);

    utf8_append(out, text, length);
    return g_string_free(out, FALSE);
}
