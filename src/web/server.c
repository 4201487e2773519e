#include "web/server.h"

#include "io/listener.h"
#include "web/state.h"

#include <string.h>

enum { CONNECTION_BYTES = 16 * 1024 }; /* for headers, in and out */

typedef struct {
    GList link;
    int fd;
    guint64 since_ms; /* loop time */
} Guest;

/* --- the loop ------------------------------------------------------------------------------------ */

static void on_run(uv_timer_t *timer);

static void
server_run(WebServer *self)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;

    uv_timer_stop(&self->run);
    self->woken = false;
    MHD_run(self->daemon);
    if (self->woken || MHD_get_timeout(self->daemon, &ms) == MHD_YES)
        uv_timer_start(&self->run, on_run, self->woken ? 0 : ms, 0);
}

static void
on_run(uv_timer_t *timer)
{
    server_run(timer->data);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
    server_run(poll->data);
}

void
server_wake(WebServer *self)
{
    self->woken = true;
    uv_timer_start(&self->run, on_run, 0, 0);
}

/* --- time ---------------------------------------------------------------------------------------- */

static void on_look(uv_timer_t *timer);

/* At the time of the guest who came first: nothing runs while there is nobody, and little while they only wait. */
static void
look_later(WebServer *self)
{
    const Guest *first = self->guests.head ? self->guests.head->data : NULL;
    guint64 now = uv_now(self->loop);

    if (!first)
        uv_timer_stop(&self->look);
    else
        uv_timer_start(&self->look, on_look, MAX(first->since_ms + self->conf.patience_ms, now + 1) - now, 0);
}

static void
guest_renew(WebServer *self, Guest *guest)
{
    guest->since_ms = uv_now(self->loop);
    g_queue_unlink(&self->guests, &guest->link);
    g_queue_push_tail_link(&self->guests, &guest->link);
}

static void
on_look(uv_timer_t *timer)
{
    WebServer *self = timer->data;
    guint64 now = uv_now(self->loop);

    for (guint n = self->guests.length; n > 0; n--) {
        Guest *first = self->guests.head->data;
        if (now - first->since_ms < self->conf.patience_ms)
            break;
        shutdown(first->fd, SHUT_RDWR); /* and libmicrohttpd sees his end */
        guest_renew(self, first);
    }
    look_later(self);
}

void
server_renew(WebServer *self, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    Guest *guest = info ? info->socket_context : NULL;

    if (!guest)
        return;
    guest_renew(self, guest);
    look_later(self);
}

/* --- connections --------------------------------------------------------------------------------- */

static enum MHD_Result
on_accept(void *user, const struct sockaddr *address, socklen_t length)
{
    WebServer *self = user;
    Endpoint peer = { .length = length };

    if (length > sizeof peer.addr)
        return MHD_NO;
    memcpy(&peer.addr, address, length);
    if (peer.addr.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer.addr.v6.sin6_addr))
        endpoint_set_address(&peer, AF_INET, peer.addr.v6.sin6_addr.s6_addr + 12, ntohs(peer.addr.v6.sin6_port));
    return self->conf.may_enter(&peer, self->conf.user) ? MHD_YES : MHD_NO;
}

static void
on_guest(void *user, struct MHD_Connection *connection, void **slot, enum MHD_ConnectionNotificationCode what)
{
    WebServer *self = user;
    Guest *guest = *slot;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *slot = guest = g_new0(Guest, 1);
        guest->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        guest->since_ms = uv_now(self->loop);
        guest->link.data = guest;
        g_queue_push_tail_link(&self->guests, &guest->link);
    } else {
        g_queue_unlink(&self->guests, &guest->link);
        g_free(guest);
        server_wake(self); /* there is a place again, which is only seen at the next call */
    }
    look_later(self);
}

/* --- the whole ----------------------------------------------------------------------------------- */

static bool
start_daemon(WebServer *self)
{
    self->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, on_accept, self, request_on_bytes, self,
        MHD_OPTION_LISTEN_SOCKET, listener_fd(self->listener), MHD_OPTION_CONNECTION_LIMIT, self->conf.max_connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_guest, self,
        MHD_OPTION_NOTIFY_COMPLETED, request_on_completed, self, MHD_OPTION_END);
    return self->daemon != NULL;
}

static void
watch_daemon(WebServer *self)
{
    int fd = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    uv_handle_t *const handles[] = { (uv_handle_t *) &self->poll, (uv_handle_t *) &self->run,
                                     (uv_handle_t *) &self->look };

    uv_poll_init(self->loop, &self->poll, fd);
    uv_timer_init(self->loop, &self->run);
    uv_timer_init(self->loop, &self->look);
    for (guint i = 0; i < G_N_ELEMENTS(handles); i++) {
        handles[i]->data = self;
        uv_unref(handles[i]);
    }
    uv_poll_start(&self->poll, UV_READABLE, on_poll);
}

WebServer *
web_server_new(uv_loop_t *loop, const WebConf *conf, GError **error)
{
    WebServer *self = g_new0(WebServer, 1);

    self->conf = *conf;
    self->loop = loop;
    g_queue_init(&self->guests);
    g_queue_init(&self->waiting);
    self->listener = listener_open(loop, conf->name, conf->address, conf->mode, error);
    if (self->listener && start_daemon(self)) {
        watch_daemon(self);
        return self;
    }
    if (self->listener) {
        g_set_error(error, IO_ERROR, IO_ERROR_SYSTEM, "libmicrohttpd cannot serve '%s'", conf->address);
        listener_close(self->listener);
    }
    g_free(self);
    return NULL;
}

const Endpoint *
web_server_endpoint(const WebServer *self)
{
    return listener_endpoint(self->listener);
}

static void
on_closed(uv_handle_t *handle)
{
    WebServer *self = handle->data;

    if (--self->handles == 0)
        g_free(self);
}

void
web_server_close(WebServer *self)
{
    if (!self)
        return;
    MHD_quiesce_daemon(self->daemon); /* the socket is the listener's */
    requests_cut(self);
    uv_poll_stop(&self->poll);
    MHD_stop_daemon(self->daemon);
    listener_close(self->listener);
    self->handles = 3;
    uv_close((uv_handle_t *) &self->poll, on_closed);
    uv_close((uv_handle_t *) &self->run, on_closed);
    uv_close((uv_handle_t *) &self->look, on_closed);
}
