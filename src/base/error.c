#include "base/error.h"

#include <stdarg.h>

bool
error_set_errno(GError **error, int errnum, const char *format, ...)
{
    if (!error)
        return false;

    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);

    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errnum), "%s: %s", what, g_strerror(errnum));
    return false;
}
