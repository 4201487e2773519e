/* A connection's inside, shared by conn.c, conn_hold.c, conn_open.c, conn_tls.c and conn_turn.c; for nobody else. */
#pragma once

#include "io/conn.h"

typedef enum {
    CONN_OPEN,
    CONN_FLUSHING,  /* the owner has let go; output is still queued */
    CONN_LINGERING, /* our end is shut; reads and forgets until the peer closes too */
    CONN_CLOSED,    /* waits for libuv to give the handles back */
} ConnState;

/* Whose turn it is to be read, see conn_turn.c. */
typedef struct {
    enum { TURN_FREE, TURN_WAITING, TURN_CALLED } state; /* nothing is read but in the first */
    guint64 due; /* loop time at which a call is heard; 0: none */
    GList link;  /* among those that wait */
} ConnTurn;

struct Conn {
    union {
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } in;
    uv_timer_t timer;
    uv_pipe_t *out; /* NULL: writes go to `in` */
    const ConnOps *ops;
    void *user;
    Tls *tls;           /* NULL: plain */
    GByteArray *corked; /* what was written while `bytes` runs, or is held */
    size_t limit; /* most that is read at once; 0: a buffer */
    ConnTurn turn;
    size_t unsent, lingered;
    guint64 queued, taken_seen; /* bytes that had to wait since the beginning, and those of them that the system took */
    gint64 write_ms;
    guint64 due, write_due, hold_due, timer_due; /* loop time; 0: never */
    ConnState state;
    guint handles;
    bool in_bytes, paused, full, ended, reading;
};

static inline uv_stream_t *
conn_reader(const Conn *self)
{
    return (uv_stream_t *) &self->in;
}

/* Sets the timer for the earliest of what is due. */
void conn_arm(Conn *self);

/* After any change of what it depends on: reads, or stops. */
void conn_update_reading(Conn *self);

/* The timer has fired: what was held leaves if its time has come. */
void conn_end_hold(Conn *self, guint64 now);

/* So much has come that others go first: nothing is read before the next turn. */
void conn_end_turn(Conn *self);

/* The timer has fired. True: reading may go on. */
bool conn_hear_call(Conn *self, guint64 now);

/* It will not be read any more. */
void conn_leave_turns(Conn *self);

/* Gives the handles back; `gone` follows if there is still an owner. */
void conn_destroy(Conn *self);

/* The peer sends no more. */
void conn_end(Conn *self);

/* Sends what was written while `bytes` ran; after conn_close() the rest of the end too. */
void conn_send_corked(Conn *self);
void conn_uncork(Conn *self);

/* Sends bytes as they are. */
void conn_send_raw(Conn *self, const char *bytes, size_t n);

/* Ciphertext has come: passes on what is in it. */
void conn_deliver_tls(Conn *self, const char *bytes, size_t n);

/* Sends what TLS has to say. */
void conn_flush_tls(Conn *self);

/* The owner has let go and everything is written: TLS says goodbye in its own way. */
void conn_farewell(Conn *self);

void conn_break_tls(Conn *self, const char *why);
