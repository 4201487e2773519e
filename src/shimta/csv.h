/* Comma-separated values as RFC 4180 has them, but for line ends, which are LF. Pure; any thread. */
#pragma once

#include <glib.h>

/* Appends one value, in quotes where it needs them; not the comma. */
void csv_value(GString *line, const char *text);
