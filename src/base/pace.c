#include "base/pace.h"

enum { QUIET_MS = 60000 };

bool
pace_allows(Pace *self, gint64 now_ms, guint64 *others)
{
    if (self->told_ms > 0 && now_ms >= self->told_ms && now_ms - self->told_ms < QUIET_MS) {
        self->others++;
        return false;
    }
    *others = self->others;
    *self = (Pace) { .told_ms = now_ms };
    return true;
}

bool
pace_has_room(PaceMinute *self, gint64 now_ms, guint max)
{
    if (self->since_ms == 0 || now_ms < self->since_ms || now_ms - self->since_ms >= QUIET_MS)
        *self = (PaceMinute) { .since_ms = now_ms };
    if (self->n >= max)
        return false;
    self->n++;
    return true;
}
