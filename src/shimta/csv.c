#include "shimta/csv.h"

#include <stdbool.h>
#include <string.h>

void
csv_value(GString *line, const char *text)
{
    size_t n = strlen(text);
    bool blank = n > 0 && (g_ascii_isspace(text[0]) || g_ascii_isspace(text[n - 1]));

    if (!blank && !strpbrk(text, ",\"\r\n")) {
        g_string_append(line, text);
        return;
    }
    g_string_append_c(line, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            g_string_append_c(line, '"');
        g_string_append_c(line, *p);
    }
    g_string_append_c(line, '"');
}
