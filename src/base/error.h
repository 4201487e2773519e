/* Helpers that put "what we were doing" before an errno. GLib's g_prefix_error()
 * does the same for a GError. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Sets error in the G_FILE_ERROR domain to "<format…>: <strerror(errnum)>". Always
 * returns false, so that a failing function can end with it. */
bool error_set_errno(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);
