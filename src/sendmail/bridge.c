#include "config.h"
#include "sendmail/bridge.h"
#include "sendmail/complain.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* One direction. */
typedef struct {
    int from, to;
    bool ended;        /* nothing more will be read */
    size_t start, end; /* what has been read and not written */
    char bytes[32768];
} Flow;

static bool
flow_is_empty(const Flow *self)
{
    return self->start == self->end;
}

/* What to wait for next; fd -1 when this direction is done. */
static struct pollfd
flow_wants(const Flow *self)
{
    if (!flow_is_empty(self))
        return (struct pollfd) { .fd = self->to, .events = POLLOUT };
    return (struct pollfd) { .fd = self->ended ? -1 : self->from, .events = POLLIN };
}

static void
flow_read(Flow *self)
{
    ssize_t got = read(self->from, self->bytes, sizeof self->bytes);

    if (got > 0) {
        self->start = 0;
        self->end = (size_t) got;
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
        self->ended = true;
    }
}

/* Never blocks, without making a descriptor non-blocking that the caller may share: sockets take a flag, and a pipe
 * that polls as writable has room for PIPE_BUF bytes. False: the other end is gone. */
static bool
flow_write(Flow *self)
{
    size_t n = self->end - self->start;
    ssize_t put = send(self->to, self->bytes + self->start, n, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (put < 0 && errno == ENOTSOCK)
        put = write(self->to, self->bytes + self->start, n < PIPE_BUF ? n : PIPE_BUF);
    if (put < 0)
        return errno == EINTR || errno == EAGAIN;
    self->start += (size_t) put;
    return true;
}

/* Does what poll found possible. False: it can no more be written to. */
static bool
flow_step(Flow *self, short found)
{
    if (!found)
        return true;
    if (!flow_is_empty(self))
        return flow_write(self);
    flow_read(self);
    return true;
}

int
bridge_run(int fd)
{
    static Flow up = { .from = STDIN_FILENO }, down = { .to = STDOUT_FILENO };
    bool shut = false;

    up.to = down.from = fd;
    while (!down.ended || !flow_is_empty(&down)) {
        struct pollfd pollers[] = { flow_wants(&up), flow_wants(&down) };

        if (poll(pollers, 2, -1) < 0)
            continue;
        if (!flow_step(&up, pollers[0].revents)) {
            up.start = up.end = 0; /* it has gone; its last words may still be on their way */
            up.ended = true;
        }
        if (!flow_step(&down, pollers[1].revents)) {
            complain("cannot write to standard output: %s", strerror(errno));
            return EX_IOERR;
        }
        if (up.ended && flow_is_empty(&up) && !shut) {
            shutdown(fd, SHUT_WR);
            shut = true;
        }
    }
    return EX_OK;
}
