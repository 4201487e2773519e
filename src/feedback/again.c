#include "feedback/again.h"

#define FIRST_MS (5 * 60 * G_GINT64_CONSTANT(1000))
#define HOUR_MS (3600 * G_GINT64_CONSTANT(1000))

gint64
again_rest_ms(AgainWhat what, guint failures)
{
    gint64 most_ms = what == AGAIN_TARGET ? HOUR_MS : 4 * HOUR_MS;

    return MIN(FIRST_MS << (CLAMP(failures, 1, 10) - 1), most_ms);
}

bool
again_is_over(const GError *error, gint64 owed_ms, gint64 lifetime_ms)
{
    return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PERM) || owed_ms > lifetime_ms;
}
