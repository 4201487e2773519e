/* Text in columns of a terminal, where a character of Chinese, Japanese or Korean takes two. Pure; any thread. */
#pragma once

#include <glib.h>

/* The columns that valid UTF-8 without control characters takes. */
guint table_width(const char *text);

/* Appends text, and blanks up to that many columns. */
void table_cell(GString *line, const char *text, guint width);
