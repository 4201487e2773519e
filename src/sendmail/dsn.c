#include "sendmail/dsn.h"

#include <string.h>
#include <strings.h>

#define NOTIFY_BYTES 30 /* more than each word once */
#define ENVID_BYTES 100

bool
dsn_is_notify(const char *value)
{
    static const char *const words[] = { "success", "failure", "delay" };

    if (strcasecmp(value, "never") == 0)
        return true;
    if (strlen(value) > NOTIFY_BYTES)
        return false;
    for (const char *rest = value;;) {
        size_t n = strcspn(rest, ","), i = 0;
        while (i < 3 && (strlen(words[i]) != n || strncasecmp(rest, words[i], n) != 0))
            i++;
        if (i == 3 || rest[n] == '\0')
            return i < 3;
        rest += n + 1;
    }
}

bool
dsn_is_envid(const char *value)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = strlen(value);
    bool valid = n > 0 && n <= ENVID_BYTES;

    for (const char *c = value; valid && *c; c++) {
        if (*c == '+')
            valid = c[1] && strchr(hex, c[1]) && c[2] && strchr(hex, c[2]);
        else
            valid = *c > ' ' && *c < 0x7f && *c != '=';
    }
    return valid;
}
