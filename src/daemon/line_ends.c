#include "daemon/line_ends.h"

static void
end_line(LineEnds *self, bool bare)
{
    self->bare |= bare;
    self->terminator |= self->dot && (bare || self->bare_before);
    self->bare_before = bare;
    self->inside = self->dot = false;
}

void
line_ends_push(LineEnds *self, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool cr = self->cr;

        self->cr = bytes[i] == '\r';
        if (cr)
            end_line(self, bytes[i] != '\n');
        else if (bytes[i] == '\n')
            end_line(self, true);
        if (bytes[i] == '\r' || bytes[i] == '\n')
            continue;
        self->dot = !self->inside && bytes[i] == '.';
        self->inside = true;
    }
}

void
line_ends_finish(LineEnds *self)
{
    if (self->cr)
        end_line(self, true);
    self->cr = false;
}
