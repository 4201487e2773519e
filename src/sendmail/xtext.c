#include "sendmail/xtext.h"

#include <stdio.h>

bool
xtext_encode(char *out, size_t room, const char *text)
{
    size_t n = 0;

    for (; *text && n + 4 < room; text++) {
        unsigned char c = (unsigned char) *text;
        bool plain = c > ' ' && c < 0x7f && c != '+' && c != '=';
        n += (size_t) snprintf(out + n, room - n, plain ? "%c" : "+%02X", c);
    }
    out[n] = '\0';
    return *text == '\0';
}
