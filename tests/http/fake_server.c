#include "fake_server.h"

#include <string.h>

typedef struct {
    uv_tcp_t tcp;
    uv_timer_t drip;
    FakeServer *server;
    const FakeStep *step; /* of the request being read; NULL between requests */
    GString *in;
    char buf[65536];
    size_t dripped;
    guint handles;
} Peer;

static void
on_peer_closed(uv_handle_t *handle)
{
    Peer *self = handle->data;

    if (--self->handles > 0)
        return;
    g_string_free(self->in, TRUE);
    g_free(self);
}

static void
peer_close(Peer *self)
{
    if (uv_is_closing((uv_handle_t *) &self->tcp))
        return;
    self->server->open--;
    g_ptr_array_remove_fast(self->server->peers, self);
    uv_close((uv_handle_t *) &self->tcp, on_peer_closed);
    uv_close((uv_handle_t *) &self->drip, on_peer_closed);
}

static void
peer_write(Peer *self, const char *text, size_t n)
{
    uv_buf_t buf = uv_buf_init((char *) text, n);

    while (buf.len > 0) {
        int sent = uv_try_write((uv_stream_t *) &self->tcp, &buf, 1);
        if (sent == UV_EAGAIN)
            continue; /* the client reads on this very loop only after we return: keep texts below a socket buffer */
        if (sent < 0)
            return;
        buf.base += sent;
        buf.len -= sent;
    }
}

static void
on_drip(uv_timer_t *timer)
{
    Peer *self = timer->data;

    peer_write(self, self->step->text + self->dripped, 1);
    self->dripped = (self->dripped + 1) % strlen(self->step->text);
}

static void
peer_act(Peer *self)
{
    const FakeStep *step = self->step;

    if (step->action == FAKE_ANSWER || step->action == FAKE_LAST)
        peer_write(self, step->text, step->n ? step->n : strlen(step->text));
    if (step->action == FAKE_ANSWER_DRIP)
        uv_timer_start(&self->drip, on_drip, 0, 5);
    else
        self->step = NULL;
    if (step->action == FAKE_LAST || step->action == FAKE_CLOSE) {
        self->server->closed_by_server++;
        peer_close(self);
    }
}

/* Length of the first request in the buffer, 0 if it isn't there in full. */
static size_t
peer_whole(const Peer *self)
{
    const char *end = strstr(self->in->str, "\r\n\r\n");
    if (!end)
        return 0;

    size_t head = end + 4 - self->in->str;
    g_autofree char *lower = g_ascii_strdown(self->in->str, head);
    const char *length = strstr(lower, "\r\ncontent-length:");
    size_t whole = head + (length ? g_ascii_strtoull(length + 17, NULL, 10) : 0);
    return self->in->len >= whole ? whole : 0;
}

static void
peer_handle(Peer *self)
{
    FakeServer *server = self->server;
    size_t whole;

    if (!self->step && self->in->len > 0) {
        self->step = &server->steps[MIN(server->begun, server->step_count - 1)];
        server->begun++;
    }
    if (self->step && self->step->action == FAKE_CLOSE_EARLY) {
        if (self->in->len >= self->step->n) {
            server->closed_by_server++;
            peer_close(self);
        }
    } else if ((whole = peer_whole(self)) > 0) {
        g_ptr_array_add(server->requests, g_string_new_len(self->in->str, whole));
        g_string_erase(self->in, 0, whole);
        peer_act(self);
    }
}

static void
on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    Peer *self = handle->data;

    *buf = uv_buf_init(self->buf, sizeof self->buf);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    Peer *self = stream->data;

    if (n < 0) {
        peer_close(self);
    } else if (n > 0) {
        g_string_append_len(self->in, buf->base, n);
        peer_handle(self);
    }
}

static void
on_connection(uv_stream_t *stream, int status)
{
    FakeServer *server = stream->data;
    Peer *self = g_new0(Peer, 1);

    g_assert_cmpint(status, ==, 0);
    self->server = server;
    self->in = g_string_new(NULL);
    self->handles = 2;
    self->tcp.data = self;
    self->drip.data = self;
    uv_tcp_init(server->loop, &self->tcp);
    uv_timer_init(server->loop, &self->drip);
    g_assert_cmpint(uv_accept(stream, (uv_stream_t *) &self->tcp), ==, 0);
    uv_read_start((uv_stream_t *) &self->tcp, on_alloc, on_read);
    g_ptr_array_add(server->peers, self);
    server->connections++;
    server->open++;
    server->most_open = MAX(server->most_open, server->open);
}

static void
request_free(gpointer request)
{
    g_string_free(request, TRUE);
}

FakeServer *
fake_server_new(uv_loop_t *loop, const FakeStep *steps, guint step_count)
{
    FakeServer *self = g_new0(FakeServer, 1);
    struct sockaddr_in address;
    int length = sizeof address;

    self->loop = loop;
    self->steps = steps;
    self->step_count = step_count;
    self->requests = g_ptr_array_new_with_free_func(request_free);
    self->peers = g_ptr_array_new();
    uv_tcp_init(loop, &self->tcp);
    self->tcp.data = self;
    uv_ip4_addr("127.0.0.1", 0, &address);
    g_assert_cmpint(uv_tcp_bind(&self->tcp, (struct sockaddr *) &address, 0), ==, 0);
    g_assert_cmpint(uv_listen((uv_stream_t *) &self->tcp, 128, on_connection), ==, 0);
    uv_tcp_getsockname(&self->tcp, (struct sockaddr *) &address, &length);
    self->port = ntohs(address.sin_port);
    return self;
}

static void
on_server_closed(uv_handle_t *handle)
{
    FakeServer *self = handle->data;

    g_ptr_array_unref(self->requests);
    g_ptr_array_unref(self->peers);
    g_free(self);
}

void
fake_server_close(FakeServer *self)
{
    while (self->peers->len > 0)
        peer_close(self->peers->pdata[0]);
    uv_close((uv_handle_t *) &self->tcp, on_server_closed);
}

const char *
fake_server_request(FakeServer *self, guint n)
{
    g_assert_cmpuint(n, <, self->requests->len);
    return ((GString *) self->requests->pdata[n])->str;
}
