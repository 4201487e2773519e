#include "sendmail/complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_silent;

void
complain_not(bool silent)
{
    is_silent = silent;
}

void
complain(const char *format, ...)
{
    static char line[2048] = "sendmail: ";
    const size_t start = strlen("sendmail: ");
    va_list args;

    if (is_silent)
        return;
    va_start(args, format);
    vsnprintf(line + start, sizeof line - start - 1, format, args);
    va_end(args);

    size_t n = strlen(line);
    for (size_t i = start; i < n; i++) {
        if ((unsigned char) line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    }
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0)
        return; /* nobody is left to be told */
}
