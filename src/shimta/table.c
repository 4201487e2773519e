#include "shimta/table.h"

guint
table_width(const char *text)
{
    guint width = 0;

    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    }
    return width;
}

void
table_cell(GString *line, const char *text, guint width)
{
    g_string_append(line, text);
    for (guint used = table_width(text); used < width; used++)
        g_string_append_c(line, ' ');
}
