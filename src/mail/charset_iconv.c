#include "mail/charset_iconv.h"

#include <errno.h>

#define KEPT 8

typedef struct {
    const char *charset;
    GIConv cd;
} Converter;

typedef struct {
    Converter slots[KEPT];
    guint next; /* the slot to be taken next */
} Converters;

static void
converters_free(gpointer data)
{
    Converters *self = data;

    for (guint i = 0; i < KEPT; i++)
        if (self->slots[i].charset)
            g_iconv_close(self->slots[i].cd);
    g_free(self);
}

static GPrivate converters = G_PRIVATE_INIT(converters_free);

static GIConv
converter_get(const char *charset)
{
    Converters *self = g_private_get(&converters);
    if (!self) {
        self = g_new0(Converters, 1);
        g_private_set(&converters, self);
    }
    for (guint i = 0; i < KEPT; i++)
        if (self->slots[i].charset && strcmp(self->slots[i].charset, charset) == 0)
            return self->slots[i].cd;

    GIConv cd = g_iconv_open("UTF-8", charset);
    if (cd == (GIConv) -1)
        return cd;
    Converter *slot = &self->slots[self->next++ % KEPT];
    if (slot->charset)
        g_iconv_close(slot->cd);
    *slot = (Converter){ charset, cd };
    return cd;
}

void
iconv_append_unknown(GString *out)
{
    g_string_append(out, "\xef\xbf\xbd");
}

guint
iconv_append(GString *out, const char *charset, const char *bytes, gsize n, gsize unit)
{
    GIConv cd = converter_get(charset);
    if (cd == (GIConv) -1) {
        iconv_append_unknown(out);
        return 1;
    }
    g_iconv(cd, NULL, NULL, NULL, NULL); /* forget the shift state of the last text */

    guint bad = 0;
    char *in = (char *) bytes;
    while (n > 0) {
        char buffer[4096];
        char *to = buffer;
        gsize room = sizeof buffer, block = MIN(n, sizeof buffer), left = block;
        gsize rc = g_iconv(cd, &in, &left, &to, &room);
        int why = rc == (gsize) -1 ? errno : 0;

        n -= block - left;
        g_string_append_len(out, buffer, to - buffer);
        if (why == EILSEQ || (why == EINVAL && left == n)) {
            gsize skip = why == EINVAL ? n : MIN(n, unit); /* EINVAL: cut short at the end */
            iconv_append_unknown(out);
            bad++;
            in += skip;
            n -= skip;
        }
    }
    return bad;
}
