#include "base/cut.h"

#include <string.h>

char *
cut_text(const char *text, gsize max)
{
    gsize n = strnlen(text, max), end = n;

    /* Three bytes at most follow the first of a character. */
    while (n == max && text[end] && n - end < 3 && end > 0 && ((guchar) text[end] & 0xc0) == 0x80)
        end--;
    return g_strndup(text, end);
}
