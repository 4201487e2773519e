#include "io/conn.h"

#include "io/conn_state.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum {
    LINGER_MS = 2000,           /* for a peer to read our last words before its unread bytes cause a reset */
    LINGER_BYTES = 1024 * 1024, /* and what it may send meanwhile */
    PROBE_S = 10,               /* between the questions to a peer that sends no more */
    TURN_BYTES = 1024,          /* a full read of so many is a turn; after it the others have theirs */
};

typedef struct {
    uv_write_t request;
    Conn *conn;
    size_t n;
    char bytes[];
} ConnWrite;

static uv_stream_t *
conn_writer(const Conn *self)
{
    return self->out ? (uv_stream_t *) self->out : conn_reader(self);
}

int
conn_fd(const Conn *self)
{
    uv_os_fd_t fd = -1;

    uv_fileno((const uv_handle_t *) &self->in, &fd);
    return fd;
}

static bool
conn_is_tcp(const Conn *self)
{
    return self->in.tcp.type == UV_TCP;
}

/* --- the end ------------------------------------------------------------------------------------- */

static void
on_handle_closed(uv_handle_t *handle)
{
    Conn *self = handle->data;

    if (--self->handles > 0)
        return;
    if (self->ops && self->ops->gone)
        self->ops->gone(self->user);
    if (self->corked)
        g_byte_array_unref(self->corked);
    tls_free(self->tls);
    g_free(self->out);
    g_free(self);
}

void
conn_destroy(Conn *self)
{
    if (self->state == CONN_CLOSED)
        return;
    self->state = CONN_CLOSED;
    conn_leave_turns(self);
    self->handles = self->out ? 3 : 2;
    uv_close((uv_handle_t *) &self->in, on_handle_closed);
    uv_close((uv_handle_t *) &self->timer, on_handle_closed);
    if (self->out)
        uv_close((uv_handle_t *) self->out, on_handle_closed);
}

/* --- time ---------------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

/* Timers are armed for the earliest deadline and re-armed when they fire too early, not each time a
 * deadline moves back. */
void
conn_arm(Conn *self)
{
    guint64 due = self->due;

    if (self->write_due > 0 && (due == 0 || self->write_due < due))
        due = self->write_due;
    if (self->hold_due > 0 && (due == 0 || self->hold_due < due))
        due = self->hold_due;
    if (self->turn.due > 0 && (due == 0 || self->turn.due < due))
        due = self->turn.due;
    if (due == 0 || self->state == CONN_CLOSED || (self->timer_due > 0 && self->timer_due <= due))
        return;
    guint64 now = uv_now(self->timer.loop);
    self->timer_due = due;
    uv_timer_start(&self->timer, on_timer, due > now ? due - now : 0, 0);
}

/* Of what had to wait. What waits may grow while the peer reads, so that it tells nothing. */
static guint64
conn_taken(const Conn *self)
{
    return self->queued - uv_stream_get_write_queue_size(conn_writer(self));
}

/* False: the peer has taken nothing. */
static bool
conn_is_read(Conn *self, guint64 now)
{
    guint64 taken = conn_taken(self);

    if (taken == self->taken_seen)
        return false;
    self->taken_seen = taken;
    self->write_due = now + (guint64) self->write_ms;
    return true;
}

static void
on_timer(uv_timer_t *timer)
{
    Conn *self = timer->data;
    guint64 now = uv_now(timer->loop);

    self->timer_due = 0;
    if (conn_hear_call(self, now))
        conn_update_reading(self);
    if (self->write_due > 0 && now >= self->write_due && !conn_is_read(self, now)) {
        if (self->ops && self->ops->stalled)
            self->ops->stalled(self->user);
        conn_destroy(self);
        return;
    }
    if (self->due > 0 && now >= self->due) {
        self->due = 0;
        if (self->state != CONN_OPEN) {
            conn_destroy(self);
            return;
        }
        if (self->ops->expired)
            self->ops->expired(self->user);
    }
    conn_end_hold(self, now);
    conn_arm(self);
}

void
conn_deadline(Conn *self, gint64 ms)
{
    self->due = ms > 0 ? uv_now(self->timer.loop) + (guint64) ms : 0;
    conn_arm(self);
}

/* --- reading ------------------------------------------------------------------------------------- */

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static _Thread_local char shared[CONN_READ_BYTES];
    const Conn *self = handle->data;

    *buf = uv_buf_init(shared, self->limit > 0 ? (unsigned) self->limit : sizeof shared);
}

void
conn_acknowledge(Conn *self)
{
    int on = 1;

    if (conn_is_tcp(self) && self->state == CONN_OPEN)
        setsockopt(conn_fd(self), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

/* A peer that has closed altogether looks like one that has only shut its end, until its system answers a question. */
static void
conn_probe(Conn *self)
{
    int fd = conn_fd(self), on = 1, seconds = PROBE_S;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
}

bool
conn_has_peer(const Conn *self)
{
    struct pollfd one = { .fd = -1 };

    uv_fileno((const uv_handle_t *) conn_writer(self), &one.fd);
    return one.fd >= 0 && (poll(&one, 1, 0) <= 0 || !(one.revents & (POLLHUP | POLLERR)));
}

static void
conn_deliver(Conn *self, const char *bytes, size_t n)
{
    self->in_bytes = true;
    self->ops->bytes(self->user, bytes, n);
    self->in_bytes = false;
    conn_uncork(self);
}

void
conn_end(Conn *self)
{
    self->ended = true;
    conn_update_reading(self);
    if (self->ops->end)
        self->ops->end(self->user);
    if (self->state == CONN_OPEN && conn_is_tcp(self))
        conn_probe(self);
}

static void
conn_read_end(Conn *self)
{
    self->reading = false;
    if (self->state == CONN_LINGERING) {
        self->ended = true;
        conn_destroy(self);
    } else if (self->state == CONN_OPEN && self->tls && !tls_is_ready(self->tls)) {
        conn_break_tls(self, "closed in the handshake");
    } else if (self->state == CONN_OPEN) {
        conn_end(self);
    } else {
        self->ended = true;
    }
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    Conn *self = stream->data;

    if (n == 0)
        return;
    /* libuv would read on, dozens of times, while there is more. */
    if (n >= TURN_BYTES && (size_t) n == buf->len && self->state == CONN_OPEN) {
        conn_end_turn(self);
        conn_update_reading(self);
    }
    if (n > 0 && self->state == CONN_OPEN && self->tls) {
        conn_deliver_tls(self, buf->base, (size_t) n);
    } else if (n > 0 && self->state == CONN_OPEN) {
        conn_deliver(self, buf->base, (size_t) n);
    } else if (n > 0) {
        self->lingered += (size_t) n;
        if (self->lingered > LINGER_BYTES)
            conn_destroy(self);
    } else if (n == UV_EOF) {
        conn_read_end(self);
    } else {
        conn_destroy(self);
    }
}

void
conn_update_reading(Conn *self)
{
    bool held_up = self->paused || self->full || self->hold_due > 0;
    bool wanted = self->state == CONN_OPEN && !held_up && self->turn.state == TURN_FREE;
    bool want = !self->ended && (self->state == CONN_LINGERING || wanted);

    if (self->state == CONN_CLOSED || want == self->reading)
        return;
    self->reading = want;
    if (!want)
        uv_read_stop(conn_reader(self));
    else if (uv_read_start(conn_reader(self), on_alloc, on_read) < 0)
        conn_destroy(self);
}

void
conn_pause(Conn *self)
{
    self->paused = true;
    conn_update_reading(self);
}

void
conn_limit(Conn *self, size_t n)
{
    self->limit = MIN(n, CONN_READ_BYTES);
}

void
conn_resume(Conn *self)
{
    self->paused = false;
    conn_update_reading(self);
}

/* --- writing ------------------------------------------------------------------------------------- */

/* Everything has been sent and the owner has let go. A TCP socket closed with unread bytes would send a
 * reset that may overtake our last reply, so it lingers. */
static void
conn_flushed(Conn *self)
{
    if (!conn_is_tcp(self) || self->ended || shutdown(conn_fd(self), SHUT_WR) < 0) {
        conn_destroy(self);
        return;
    }
    self->state = CONN_LINGERING;
    conn_deadline(self, LINGER_MS);
    conn_update_reading(self);
}

static void
conn_account(Conn *self)
{
    self->full = self->unsent >= (self->full ? CONN_LOW_WATER : CONN_HIGH_WATER);
    if (self->unsent == 0)
        self->write_due = 0;
    conn_update_reading(self);
}

static void
on_written(uv_write_t *request, int status)
{
    ConnWrite *write = request->data;
    Conn *self = write->conn;

    self->unsent -= write->n;
    g_free(write);
    if (self->state == CONN_CLOSED)
        return;
    if (status < 0) {
        conn_destroy(self);
        return;
    }
    conn_account(self);
    if (self->state == CONN_FLUSHING && self->unsent == 0)
        conn_flushed(self);
}

static void
conn_queue(Conn *self, const char *bytes, size_t n)
{
    ConnWrite *write = g_malloc(sizeof *write + n);

    write->request.data = write;
    write->conn = self;
    write->n = n;
    memcpy(write->bytes, bytes, n);
    uv_buf_t buf = uv_buf_init(write->bytes, (unsigned) n);
    if (uv_write(&write->request, conn_writer(self), &buf, 1, on_written) < 0) {
        g_free(write);
        conn_destroy(self);
        return;
    }
    self->queued += n;
    if (self->unsent == 0) {
        self->taken_seen = conn_taken(self);
        self->write_due = uv_now(self->timer.loop) + (guint64) self->write_ms;
        conn_arm(self);
    }
    self->unsent += n;
    conn_account(self);
}

void
conn_send_raw(Conn *self, const char *bytes, size_t n)
{
    size_t sent = 0;

    if (self->state == CONN_CLOSED || n == 0)
        return;
    if (self->unsent == 0) {
        uv_buf_t buf = uv_buf_init((char *) bytes, (unsigned) n);
        int got = uv_try_write(conn_writer(self), &buf, 1);
        if (got < 0 && got != UV_EAGAIN) {
            conn_destroy(self);
            return;
        }
        sent = got > 0 ? (size_t) got : 0;
    }
    if (sent < n)
        conn_queue(self, bytes + sent, n - sent);
}

static void
conn_send(Conn *self, const char *bytes, size_t n)
{
    if (!self->tls) {
        conn_send_raw(self, bytes, n);
        return;
    }
    tls_write(self->tls, bytes, n);
    conn_flush_tls(self);
}

void
conn_write(Conn *self, const char *bytes, size_t n)
{
    if (!self->in_bytes && self->hold_due == 0) {
        conn_send(self, bytes, n);
        return;
    }
    if (!self->corked)
        self->corked = g_byte_array_new();
    g_byte_array_append(self->corked, (const guint8 *) bytes, (guint) n);
}

void
conn_send_corked(Conn *self)
{
    GByteArray *corked = g_steal_pointer(&self->corked);

    if (!corked)
        return;
    conn_send(self, (const char *) corked->data, corked->len);
    g_byte_array_unref(corked);
}

void
conn_uncork(Conn *self)
{
    if (self->state == CONN_OPEN && self->hold_due > 0)
        return;
    conn_send_corked(self);
    if (self->state != CONN_FLUSHING)
        return;
    conn_farewell(self);
    if (self->state == CONN_FLUSHING && self->unsent == 0)
        conn_flushed(self);
}

size_t
conn_unsent(const Conn *self)
{
    return self->unsent;
}

/* --- beginning and end --------------------------------------------------------------------------- */

void
conn_close(Conn *self)
{
    self->ops = NULL;
    if (self->state != CONN_OPEN)
        return;
    self->state = CONN_FLUSHING;
    self->due = 0;
    conn_update_reading(self);
    if (!self->in_bytes)
        conn_uncork(self);
}

void
conn_close_now(Conn *self)
{
    conn_send_corked(self);
    conn_farewell(self);
    self->ops = NULL;
    conn_destroy(self);
}

void
conn_start(Conn *self, const ConnOps *ops, void *user, gint64 write_ms)
{
    self->ops = ops;
    self->user = user;
    self->write_ms = write_ms;
    conn_update_reading(self);
}
