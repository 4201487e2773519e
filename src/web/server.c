#include "web/server.h"

#include "io/listener.h"

#include <microhttpd.h>
#include <string.h>

enum {
    MAX_CONNECTIONS = 32,
    CONNECTION_BYTES = 16 * 1024, /* for headers, in and out */
    LOOKS = 8,                    /* into the time that a connection has */
};

typedef struct {
    GList link;
    int fd;
    guint64 since_ms; /* loop time */
} Guest;

struct WebServer {
    WebConf conf;
    uv_loop_t *loop;
    Listener *listener;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t run;  /* libmicrohttpd wants to be called then */
    uv_timer_t look; /* for those who take too long; runs while there is anybody */
    GQueue guests;   /* of Guest, each through its own link */
    GQueue waiting;  /* of WebRequest, likewise: they are suspended */
    guint handles;
};

struct WebRequest {
    WebServer *server;
    struct MHD_Connection *connection; /* NULL: nobody waits any more */
    char *path;
    GList link;
    bool asked, answered, suspended, has_body;
    guint status;
    const char *type;
    GString *text;
};

/* --- the loop ------------------------------------------------------------------------------------ */

static void on_run(uv_timer_t *timer);

static void
server_run(WebServer *self)
{
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(self->daemon);
    if (MHD_get_timeout(self->daemon, &ms) == MHD_YES)
        uv_timer_start(&self->run, on_run, ms, 0);
    else
        uv_timer_stop(&self->run);
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

static void
on_look(uv_timer_t *timer)
{
    WebServer *self = timer->data;
    guint64 now = uv_now(self->loop);

    for (GList *link = self->guests.head; link; link = link->next) {
        Guest *guest = link->data;
        if (now - guest->since_ms >= self->conf.patience_ms)
            shutdown(guest->fd, SHUT_RDWR);
    }
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
        if (!uv_is_active((uv_handle_t *) &self->look))
            uv_timer_start(&self->look, on_look, self->conf.patience_ms / LOOKS, self->conf.patience_ms / LOOKS);
        return;
    }
    g_queue_unlink(&self->guests, &guest->link);
    g_free(guest);
    if (self->guests.length == 0)
        uv_timer_stop(&self->look);
}

/* --- requests ------------------------------------------------------------------------------------ */

static void
request_free(WebRequest *self)
{
    if (self->text)
        g_string_free(self->text, TRUE);
    g_free(self->path);
    g_free(self);
}

static enum MHD_Result
request_send(WebRequest *self)
{
    gsize n = self->text->len;
    char *bytes = g_string_free(g_steal_pointer(&self->text), FALSE);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(n, bytes, g_free);

    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, self->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (self->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(self->connection, self->status, response);
    MHD_destroy_response(response);
    return queued;
}

static void
request_refuse(WebRequest *self, guint status, const char *text)
{
    self->asked = true;
    web_answer(self, status, "text/plain", g_string_new(text));
}

/* Called again and again until there is an answer. */
static enum MHD_Result
on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
           const char *bytes, size_t *n, void **slot)
{
    WebServer *self = user;
    WebRequest *request = *slot;

    if (!request) {
        *slot = request = g_new0(WebRequest, 1);
        request->server = self;
        request->connection = connection;
        request->path = g_strdup(url);
        request->link.data = request;
        return MHD_YES;
    }
    if (*n > 0) {
        request->has_body = true;
        *n = 0;
        return MHD_YES;
    }
    if (!request->asked && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        request_refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
    else if (!request->asked && request->has_body)
        request_refuse(request, MHD_HTTP_BAD_REQUEST, "a request has no body here\n");
    if (!request->asked) {
        request->asked = true;
        self->conf.asked(request, request->path, self->conf.user);
    }
    if (request->answered)
        return request_send(request);
    request->suspended = true;
    g_queue_push_tail_link(&self->waiting, &request->link);
    MHD_suspend_connection(connection);
    return MHD_YES;
}

/* Sent, or the client has left. */
static void
on_completed(void *user, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode why)
{
    WebServer *self = user;
    WebRequest *request = g_steal_pointer(slot);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    Guest *guest = info ? info->socket_context : NULL;

    if (guest)
        guest->since_ms = uv_now(self->loop);
    if (!request)
        return;
    if (request->answered || !request->asked)
        request_free(request);
    else
        request->connection = NULL;
}

bool
web_is_wanted(const WebRequest *request)
{
    return request->connection != NULL;
}

void
web_answer(WebRequest *request, guint status, const char *type, GString *text)
{
    WebServer *server = request->server;

    request->answered = true;
    request->status = status;
    request->type = type;
    request->text = text;
    if (!request->connection) {
        request_free(request);
    } else if (request->suspended) {
        request->suspended = false;
        g_queue_unlink(&server->waiting, &request->link);
        MHD_resume_connection(request->connection);
        uv_timer_start(&server->run, on_run, 0, 0);
    }
}

/* --- the whole ----------------------------------------------------------------------------------- */

static bool
start_daemon(WebServer *self)
{
    self->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, on_accept, self, on_request, self,
        MHD_OPTION_LISTEN_SOCKET, listener_fd(self->listener), MHD_OPTION_CONNECTION_LIMIT, (guint) MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_guest, self,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, self, MHD_OPTION_END);
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
    for (GList *link; (link = g_queue_pop_head_link(&self->waiting));) {
        WebRequest *request = link->data;
        request->suspended = false;
        MHD_resume_connection(request->connection);
    }
    uv_poll_stop(&self->poll);
    MHD_stop_daemon(self->daemon);
    listener_close(self->listener);
    self->handles = 3;
    uv_close((uv_handle_t *) &self->poll, on_closed);
    uv_close((uv_handle_t *) &self->run, on_closed);
    uv_close((uv_handle_t *) &self->look, on_closed);
}
