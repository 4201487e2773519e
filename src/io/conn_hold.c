#include "io/conn.h"

#include "io/conn_state.h"

void
conn_hold(Conn *self, gint64 ms)
{
    if (self->state != CONN_OPEN || ms <= 0)
        return;
    self->hold_due = uv_now(self->timer.loop) + (guint64) ms;
    conn_update_reading(self);
    conn_arm(self);
}

void
conn_end_hold(Conn *self, guint64 now)
{
    if (self->hold_due == 0 || now < self->hold_due || self->state != CONN_OPEN)
        return;
    self->hold_due = 0;
    conn_send_corked(self);
    conn_update_reading(self);
}
