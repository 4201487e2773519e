#include "io/conn.h"

#include "io/conn_state.h"

/* Peers that send as much as is taken share what is left by those that don't: a few of them have a turn each time the
 * loop goes round, the others queue. Who sends little is read whenever something is there. */

enum { TURNS_AT_ONCE = 8 };

static _Thread_local GQueue waiting; /* of Conn, each through its own link */
static _Thread_local guint called;

static void
call(Conn *self, guint64 due)
{
    self->turn.state = TURN_CALLED;
    self->turn.due = MAX(1, due);
    conn_arm(self);
}

/* A timer that is due would still fire while timers are looked at, hence the millisecond. */
static void
call_next(guint64 now)
{
    Conn *next = g_queue_peek_head(&waiting);

    if (!next) {
        called--;
        return;
    }
    g_queue_unlink(&waiting, &next->turn.link);
    call(next, now + 1);
}

void
conn_end_turn(Conn *self)
{
    if (called < TURNS_AT_ONCE) {
        called++;
        call(self, uv_now(self->timer.loop));
        return;
    }
    self->turn.state = TURN_WAITING;
    self->turn.link.data = self;
    g_queue_push_tail_link(&waiting, &self->turn.link);
}

bool
conn_hear_call(Conn *self, guint64 now)
{
    if (self->turn.due == 0 || now < self->turn.due)
        return false;
    conn_leave_turns(self);
    return true;
}

void
conn_leave_turns(Conn *self)
{
    bool was_called = self->turn.state == TURN_CALLED;

    if (self->turn.state == TURN_WAITING)
        g_queue_unlink(&waiting, &self->turn.link);
    self->turn.state = TURN_FREE;
    self->turn.due = 0;
    if (was_called)
        call_next(uv_now(self->timer.loop));
}
