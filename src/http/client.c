#include "http/exchange.h"

#include "base/clock.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HTTP_SPARE = 16,         /* idle exchanges kept */
    HTTP_IDLE_CONNECTIONS = 64,
};

struct HttpClient {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;      /* curl's */
    uv_timer_t watch;      /* runs while there are exchanges: looks for silent ones */
    GHashTable *sockets;   /* fd -> HttpSocket */
    GQueue running, spare; /* of HttpExchange */
    HttpConf conf;
    guint handles; /* of libuv, not closed yet */
    bool closing;
};

/* A polled descriptor. That of a connection stays registered with the loop between two exchanges, which
 * saves five system calls on each. */
typedef struct {
    uv_poll_t poll;
    HttpClient *client;
    HttpExchange *exchange; /* NULL while idle */
    int fd;
    int events;
    ino_t inode; /* of a socket from on_open_socket(), else 0 */
} HttpSocket;

static void
client_free(HttpClient *self)
{
    g_hash_table_unref(self->sockets);
    g_free((char *) self->conf.user_agent);
    g_free((char *) self->conf.ca_file);
    g_free((char *) self->conf.proxy);
    g_free(self);
}

static void
client_handle_closed(HttpClient *self)
{
    if (--self->handles == 0 && self->closing)
        client_free(self);
}

/* Takes a running exchange off curl. */
static void
exchange_end(HttpExchange *self)
{
    HttpClient *client = self->client;

    curl_multi_remove_handle(client->multi, self->easy);
    g_queue_unlink(&client->running, &self->link);
    if (g_queue_is_empty(&client->running))
        uv_timer_stop(&client->watch);
}

static void
exchange_release(HttpExchange *self)
{
    if (self->client->closing || self->client->spare.length >= HTTP_SPARE) {
        exchange_free(self);
        return;
    }
    exchange_clear(self);
    g_queue_push_head_link(&self->client->spare, &self->link);
}

/* The exchange leaves curl before done runs, which may therefore start, cancel and close whatever it likes. */
static void
exchange_finish(HttpExchange *self, CURLcode rc)
{
    HttpDone done = self->done;
    void *user = self->user;

    exchange_end(self);
    g_autoptr(HttpResponse) response = exchange_response(self, rc);
    exchange_release(self);
    done(response, user);
}

static void
client_reap(HttpClient *self)
{
    CURLMsg *msg;
    int left;

    while (!self->closing && (msg = curl_multi_info_read(self->multi, &left))) {
        HttpExchange *exchange = NULL;

        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &exchange);
        exchange_finish(exchange, msg->data.result);
    }
}

static void
client_act(HttpClient *self, curl_socket_t fd, int events)
{
    int running;

    curl_multi_socket_action(self->multi, fd, events, &running);
    client_reap(self);
}

static void
on_timer(uv_timer_t *timer)
{
    client_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* curl wants to be called in ms; it must not be called from here. */
static int
on_timer_wanted(CURLM *multi, long ms, void *user)
{
    HttpClient *self = user;

    if (self->closing)
        return 0;
    if (ms < 0)
        uv_timer_stop(&self->timer);
    else
        uv_timer_start(&self->timer, on_timer, ms, 0);
    return 0;
}

static guint64
client_watch_ms(const HttpClient *self)
{
    return MAX(self->conf.idle_ms / 4, 10);
}

static bool
exchange_is_silent(const HttpExchange *self, gint64 now)
{
    return self->starts > 0 && !self->held && now - self->active_ms > self->client->conf.idle_ms;
}

/* Ends one exchange that never began or has been silent for too long, and comes again at once, since
 * others may have gone with it. */
static void
on_watch(uv_timer_t *timer)
{
    HttpClient *self = timer->data;
    gint64 now = clock_monotonic();

    for (GList *link = self->running.head; link; link = link->next) {
        HttpExchange *exchange = link->data;

        if (exchange->source_error || exchange_is_silent(exchange, now)) {
            uv_timer_start(&self->watch, on_watch, 0, client_watch_ms(self));
            g_snprintf(exchange->error, sizeof exchange->error, "no byte for %" G_GINT64_FORMAT " ms",
                       self->conf.idle_ms);
            exchange_finish(exchange, CURLE_OPERATION_TIMEDOUT);
            return;
        }
    }
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
    HttpSocket *socket = poll->data;
    HttpClient *self = socket->client;
    int flags = 0;

    if (status < 0)
        socket->events = 0; /* libuv has stopped it */
    if (!socket->exchange) {
        /* An idle connection was closed by its server; curl sees that when it would use it. */
        uv_poll_stop(&socket->poll);
        socket->events = 0;
        return;
    }
    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    socket->exchange->active_ms = clock_monotonic();
    client_act(self, socket->fd, flags);
}

static void
on_socket_closed(uv_handle_t *handle)
{
    HttpSocket *socket = handle->data;

    client_handle_closed(socket->client);
    g_free(socket);
}

static void
socket_close(HttpSocket *socket)
{
    g_hash_table_remove(socket->client->sockets, GINT_TO_POINTER(socket->fd));
    uv_close((uv_handle_t *) &socket->poll, on_socket_closed);
}

static HttpSocket *
socket_new(HttpClient *client, int fd, ino_t inode)
{
    g_autofree HttpSocket *socket = g_new0(HttpSocket, 1);

    if (uv_poll_init_socket(client->loop, &socket->poll, fd) < 0)
        return NULL;
    uv_unref((uv_handle_t *) &socket->poll); /* the watch keeps the loop alive */
    client->handles++;
    socket->poll.data = socket;
    socket->client = client;
    socket->fd = fd;
    socket->inode = inode;
    g_hash_table_insert(client->sockets, GINT_TO_POINTER(fd), socket);
    return g_steal_pointer(&socket);
}

static void
socket_poll(HttpSocket *socket, int events)
{
    if (events != socket->events && uv_poll_start(&socket->poll, events, on_poll) == 0)
        socket->events = events;
}

static ino_t
socket_inode(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* True if the descriptor is that of a connection which will be closed through on_close_socket(). curl closes
 * other sockets as it likes and says so afterwards: those of name look-ups, and of attempts to connect,
 * hence the look at starts and inode. */
static bool
socket_is_connection(const HttpSocket *self)
{
    return self->inode && self->exchange && self->exchange->starts > 0 && socket_inode(self->fd) == self->inode;
}

static void
socket_idle(HttpSocket *self)
{
    if (!socket_is_connection(self)) {
        socket_close(self);
        return;
    }
    self->exchange = NULL;
    if (self->events & UV_WRITABLE)
        socket_poll(self, UV_READABLE);
}

/* curl says what it waits for. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused)
{
    HttpClient *self = user;
    HttpSocket *socket = g_hash_table_lookup(self->sockets, GINT_TO_POINTER(fd));

    if (what == CURL_POLL_REMOVE) {
        if (socket)
            socket_idle(socket);
        return 0;
    }
    if (!socket)
        socket = socket_new(self, fd, 0);
    if (!socket)
        return 0; /* a deadline will end the exchange */
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &socket->exchange);
    socket_poll(socket,
                (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0));
    return 0;
}

static curl_socket_t
on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    HttpClient *self = user;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;

    /* The number may be that of a socket which curl has just closed without a word. Then it takes the new
     * one for the old and will not say again what it waits for. */
    HttpSocket *old = g_hash_table_lookup(self->sockets, GINT_TO_POINTER(fd));
    HttpExchange *exchange = old ? old->exchange : NULL;
    int events = old ? old->events : 0;
    if (old)
        socket_close(old);
    HttpSocket *new = socket_new(self, fd, socket_inode(fd));
    if (!new) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    new->exchange = exchange;
    if (exchange && events)
        socket_poll(new, events);
    return fd;
}

static int
on_close_socket(void *user, curl_socket_t fd)
{
    HttpClient *self = user;
    HttpSocket *socket = g_hash_table_lookup(self->sockets, GINT_TO_POINTER(fd));

    if (socket)
        socket_close(socket);
    return close(fd);
}

static void
http_init(void)
{
    static gsize once;

    if (!g_once_init_enter(&once))
        return;
    /* libcurl would write the keys of its TLS connections to that file. */
    g_unsetenv("SSLKEYLOGFILE");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    g_once_init_leave(&once, 1);
}

static void
client_add_timer(HttpClient *self, uv_timer_t *timer)
{
    uv_timer_init(self->loop, timer);
    timer->data = self;
    self->handles++;
}

HttpClient *
http_client_new(uv_loop_t *loop, const HttpConf *conf)
{
    HttpClient *self = g_new0(HttpClient, 1);

    http_init();
    self->loop = loop;
    self->conf = *conf;
    self->conf.user_agent = g_strdup(conf->user_agent);
    self->conf.ca_file = g_strdup(conf->ca_file);
    self->conf.proxy = g_strdup(conf->proxy);
    self->sockets = g_hash_table_new(NULL, NULL);
    client_add_timer(self, &self->timer);
    client_add_timer(self, &self->watch);
    uv_unref((uv_handle_t *) &self->timer); /* the watch runs as long as there is work */

    self->multi = curl_multi_init();
    g_assert(self->multi);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, (long) HTTP_IDLE_CONNECTIONS);
    curl_multi_setopt(self->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) conf->connections_per_host);
    return self;
}

static HttpExchange *
client_exchange(HttpClient *self)
{
    GList *spare = g_queue_pop_head_link(&self->spare);
    if (spare)
        return spare->data;

    HttpExchange *exchange = exchange_new(&self->conf);
    exchange->client = self;
    curl_easy_setopt(exchange->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(exchange->easy, CURLOPT_OPENSOCKETDATA, self);
    curl_easy_setopt(exchange->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(exchange->easy, CURLOPT_CLOSESOCKETDATA, self);
    return exchange;
}

HttpExchange *
http_send(HttpClient *client, HttpRequest *request, HttpDone done, void *user)
{
    static const HttpStream none = { .max_bytes = HTTP_MAX_ANSWER };

    return http_send_stream(client, request, &none, done, user);
}

HttpExchange *
http_send_stream(HttpClient *client, HttpRequest *request, const HttpStream *stream, HttpDone done, void *user)
{
    g_assert(!client->closing);

    HttpExchange *self = client_exchange(client);
    self->stream = *stream;
    self->done = done;
    self->user = user;
    if (g_queue_is_empty(&client->running))
        uv_timer_start(&client->watch, on_watch, client_watch_ms(client), client_watch_ms(client));
    g_queue_push_tail_link(&client->running, &self->link);
    if (!exchange_prepare(self, request, &client->conf))
        uv_timer_start(&client->watch, on_watch, 0, client_watch_ms(client));
    else if (curl_multi_add_handle(client->multi, self->easy) != CURLM_OK)
        g_error("curl_multi_add_handle failed");
    return self;
}

void
http_cancel(HttpExchange **exchange)
{
    HttpExchange *self = g_steal_pointer(exchange);
    if (!self)
        return;

    exchange_end(self);
    exchange_release(self);
}

void
http_hold(HttpExchange *self)
{
    self->held = true;
}

void
http_go_on(HttpExchange *self)
{
    if (!self->held)
        return;
    self->held = false;
    self->active_ms = clock_monotonic();
    curl_easy_pause(self->easy, CURLPAUSE_CONT);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    client_handle_closed(handle->data);
}

void
http_client_close(HttpClient *self)
{
    GHashTableIter iter;
    HttpSocket *socket;

    self->closing = true;
    while (!g_queue_is_empty(&self->running)) {
        HttpExchange *exchange = g_queue_peek_head(&self->running);
        http_cancel(&exchange);
    }
    for (GList *link; (link = g_queue_pop_head_link(&self->spare));)
        exchange_free(link->data);
    curl_multi_cleanup(self->multi);
    self->multi = NULL;

    g_hash_table_iter_init(&iter, self->sockets);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &socket)) {
        g_hash_table_iter_remove(&iter);
        uv_close((uv_handle_t *) &socket->poll, on_socket_closed);
    }
    uv_close((uv_handle_t *) &self->timer, on_timer_closed);
    uv_close((uv_handle_t *) &self->watch, on_timer_closed);
}
