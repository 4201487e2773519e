#include "config.h"
#include "sendmail/caller.h"

#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Bytes of the UTF-8 character at text, or 0. Second bytes as in Unicode's table 3-7. */
static size_t
utf8_length(const unsigned char *text)
{
    static const struct { unsigned char first, last, low, high, bytes; } rows[] = {
        { 0x20, 0x7e, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (text[0] < rows[i].first || text[0] > rows[i].last)
            continue;
        if (rows[i].bytes > 1 && (text[1] < rows[i].low || text[1] > rows[i].high))
            return 0;
        for (size_t k = 2; k < rows[i].bytes; k++) {
            if ((text[k] & 0xc0) != 0x80)
                return 0;
        }
        return rows[i].bytes;
    }
    return 0;
}

void
caller_clean_name(const char *name, char clean[CALLER_NAME_BYTES])
{
    size_t n = 0;

    while (*name) {
        size_t bytes = utf8_length((const unsigned char *) name);
        if (n + (bytes ? bytes : 1) >= CALLER_NAME_BYTES)
            break;
        if (bytes)
            memcpy(clean + n, name, bytes);
        else
            clean[n] = '?';
        name += bytes ? bytes : 1;
        n += bytes ? bytes : 1;
    }
    clean[n] = '\0';
}

/* The name ends at the first comma; `&` stands for the login with a capital. */
static void
caller_read_gecos(Caller *self, const char *gecos)
{
    char name[2 * CALLER_NAME_BYTES];
    size_t n = 0;

    for (; *gecos && *gecos != ',' && n < sizeof name - 1; gecos++) {
        if (*gecos != '&') {
            name[n++] = *gecos;
            continue;
        }
        size_t at = n;
        n += (size_t) snprintf(name + n, sizeof name - n, "%s", self->login);
        if (n > sizeof name - 1)
            n = sizeof name - 1;
        name[at] = (char) toupper((unsigned char) name[at]);
    }
    name[n] = '\0';
    caller_clean_name(name, self->name);
}

void
caller_look_up(Caller *self)
{
    const struct passwd *entry = getpwuid(getuid());
    const char *list = entry ? entry->pw_name : "", *why;

    *self = (Caller) { 0 };
    if (address_next(&list, self->login, &why) != ADDRESS_FOUND || !self->login[0])
        snprintf(self->login, sizeof self->login, "%lu", (unsigned long) getuid());
    else if (entry->pw_gecos)
        caller_read_gecos(self, entry->pw_gecos);
}
