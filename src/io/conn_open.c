#include "io/conn.h"

#include "base/error.h"
#include "io/conn_state.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static Conn *
conn_new(uv_loop_t *loop, bool tcp)
{
    Conn *self = g_new0(Conn, 1);

    if (tcp)
        uv_tcp_init(loop, &self->in.tcp);
    else
        uv_pipe_init(loop, &self->in.pipe, 0);
    self->in.tcp.data = self;
    uv_timer_init(loop, &self->timer);
    self->timer.data = self;
    return self;
}

Conn *
conn_accept(uv_stream_t *server)
{
    bool tcp = server->type == UV_TCP;
    Conn *self = conn_new(server->loop, tcp);

    if (uv_accept(server, conn_reader(self)) < 0) {
        conn_destroy(self);
        return NULL;
    }
    if (tcp)
        uv_tcp_nodelay(&self->in.tcp, 1);
    return self;
}

/* libuv aborts on a descriptor that epoll refuses, such as a file or /dev/null. */
static int
check_pollable(int fd)
{
    struct epoll_event event = { .events = EPOLLIN };
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0)
        return errno;
    int failed = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? errno : 0;
    close(epoll);
    return failed;
}

Conn *
conn_open(uv_loop_t *loop, int in, int out, GError **error)
{
    int failed = check_pollable(in);

    if (failed) {
        error_set_errno(error, failed, "input must be a pipe or socket");
        return NULL;
    }
    Conn *self = conn_new(loop, false);
    failed = uv_pipe_open(&self->in.pipe, in);
    if (!failed && out != in) {
        self->out = g_new0(uv_pipe_t, 1);
        uv_pipe_init(loop, self->out, 0);
        self->out->data = self;
        failed = uv_pipe_open(self->out, out);
    }
    if (failed) {
        error_set_errno(error, -failed, "cannot use the descriptors");
        conn_destroy(self);
        return NULL;
    }
    return self;
}
