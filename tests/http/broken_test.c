/* Connections that end, hang or never begin: what is known of the request, and that none is sent twice. */
#include "world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEPS(...)                                                                             \
    ((const FakeStep[]) { __VA_ARGS__ }), sizeof((const FakeStep[]) { __VA_ARGS__ }) / sizeof(FakeStep)

enum { BIG = 4 * 1024 * 1024 };

static const FakeStep answer = { FAKE_ANSWER, FAKE_OK, 0 };

static Source *
filled_source(size_t n)
{
    g_autofree char *bytes = g_strnfill(n, 'b');

    return source_new_string(bytes);
}

/* The server read a request on a kept connection and died: it may have taken the mail. curl would send it
 * again by itself. */
static void
test_close_on_reused(void)
{
    static const size_t sizes[] = { 0, 10, 32 * 1024, 32 * 1024 + 1, 100 * 1024, BIG };

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        World *world = world_new(STEPS(answer, { FAKE_CLOSE, NULL, 0 }, answer), NULL);

        g_assert_cmpint(world_exchange(world, world_post(world, filled_source(10)))->transport, ==, HTTP_OK);
        const HttpResponse *response = world_exchange(world, world_post(world, filled_source(sizes[i])));
        g_assert_cmpint(response->transport, ==, HTTP_BROKEN);
        g_assert_true(response->sent_whole);
        g_assert_cmpint(response->status, ==, 0);
        g_assert_cmpuint(world->server->begun, ==, 2);

        g_assert_cmpint(world_exchange(world, world_post(world, filled_source(10)))->transport, ==, HTTP_OK);
        g_assert_cmpuint(world->server->requests->len, ==, 3);
        world_free(world);
    }
}

/* A GET changes nothing, so curl may repeat it. */
static void
test_close_on_reused_get(void)
{
    World *world = world_new(STEPS(answer, { FAKE_CLOSE, NULL, 0 }, answer), NULL);
    g_autofree char *url = world_url(world, "/send");

    g_assert_cmpint(world_exchange(world, http_request_new("GET", url))->transport, ==, HTTP_OK);
    g_assert_cmpint(world_exchange(world, http_request_new("GET", url))->transport, ==, HTTP_OK);
    g_assert_cmpuint(world->server->requests->len, ==, 3);
    world_free(world);
}

/* The server cannot have processed half a request: curl may send it again, from its first byte. */
static void
test_cut_on_reused(void)
{
    World *world = world_new(STEPS(answer, { FAKE_CLOSE_EARLY, NULL, 100000 }, answer), NULL);

    g_assert_cmpint(world_exchange(world, world_post(world, filled_source(10)))->transport, ==, HTTP_OK);
    const HttpResponse *response = world_exchange(world, world_post(world, filled_source(BIG)));
    if (response->transport == HTTP_OK) {
        const char *body = strstr(fake_server_request(world->server, 1), "\r\n\r\n") + 4;
        g_assert_cmpuint(strlen(body), ==, BIG);
        g_assert_cmpuint(strspn(body, "b"), ==, BIG);
    } else {
        g_assert_cmpint(response->transport, ==, HTTP_BROKEN);
        g_assert_false(response->sent_whole);
        g_assert_cmpuint(world->server->requests->len, ==, 1);
    }
    world_free(world);
}

static void
test_cut_on_fresh(void)
{
    World *world = world_new(STEPS({ FAKE_CLOSE_EARLY, NULL, 100000 }, answer), NULL);
    const HttpResponse *response = world_exchange(world, world_post(world, filled_source(BIG)));

    g_assert_cmpint(response->transport, ==, HTTP_BROKEN);
    g_assert_false(response->sent_whole);
    g_assert_cmpuint(world->server->begun, ==, 1);
    world_free(world);
}

/* A server that closes idle connections costs nothing but a new connection. */
static void
test_closed_while_idle(void)
{
    World *world = world_new(STEPS({ FAKE_LAST, FAKE_OK, 0 }), NULL);

    for (guint i = 0; i < 5; i++) {
        g_assert_cmpint(world_exchange(world, world_post(world, filled_source(10)))->transport, ==, HTTP_OK);
        WORLD_UNTIL(world, world->server->open == 0);
    }
    g_assert_cmpuint(world->server->requests->len, ==, 5);
    g_assert_cmpuint(world->server->connections, ==, 5);
    world_free(world);
}

static void
test_silence(void)
{
    HttpConf conf = { .idle_ms = 100 };
    World *world = world_new(STEPS({ FAKE_HANG, NULL, 0 }), &conf);
    const HttpResponse *response = world_exchange(world, world_post(world, filled_source(10)));

    g_assert_cmpint(response->transport, ==, HTTP_BROKEN);
    g_assert_true(response->sent_whole);
    g_assert_cmpstr(response->error, ==, "no byte for 100 ms");
    world_free(world);
}

/* An answer that comes byte by byte is not silent, but it ends. */
static void
test_drip(void)
{
    HttpConf conf = { .idle_ms = 5000, .total_ms = 300 };
    World *world = world_new(STEPS({ FAKE_ANSWER_DRIP, "HTTP/1.1 100 Continue\r\n\r\n", 0 }), &conf);
    const HttpResponse *response = world_exchange(world, world_post(world, filled_source(10)));

    g_assert_cmpint(response->transport, ==, HTTP_BROKEN);
    g_assert_true(response->sent_whole);
    world_free(world);
}

/* A listener that accepts nothing and whose queue is full: whoever connects waits. */
typedef struct {
    int listener, waiting[3];
    char url[64];
} FullPort;

static void
full_port_open(FullPort *self)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;

    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(self->listener, (struct sockaddr *) &address, length), ==, 0);
    g_assert_cmpint(listen(self->listener, 0), ==, 0);
    getsockname(self->listener, (struct sockaddr *) &address, &length);
    for (guint i = 0; i < G_N_ELEMENTS(self->waiting); i++) {
        self->waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(self->waiting[i], (struct sockaddr *) &address, length);
    }
    g_snprintf(self->url, sizeof self->url, "http://127.0.0.1:%d/send?api_key=s3cret", ntohs(address.sin_port));
}

static void
full_port_close(FullPort *self)
{
    for (guint i = 0; i < G_N_ELEMENTS(self->waiting); i++)
        close(self->waiting[i]);
    close(self->listener);
}

static void
test_connect_deadline(void)
{
    HttpConf conf = { .connect_ms = 200 };
    World *world = world_new(&answer, 1, &conf);
    FullPort port;

    full_port_open(&port);
    HttpRequest *request = http_request_new("POST", port.url);
    http_request_take_body(request, "text/plain", filled_source(10));
    g_assert_cmpint(world_exchange(world, request)->transport, ==, HTTP_NOT_SENT);
    full_port_close(&port);
    world_free(world);
}

/* The kernel takes the connection, and nobody reads from it: each phase ends by a deadline of its own, and what is
 * known of the request differs. */
static void
test_deaf_peer(void)
{
    static const struct {
        const char *scheme;
        size_t body;
        HttpConf conf;
        HttpTransport transport;
        bool sent_whole;
    } rows[] = {
        { "https", 10, { .connect_ms = 200, .idle_ms = 30000, .total_ms = 30000 }, HTTP_NOT_SENT, false },
        { "http", 10, { .connect_ms = 30000, .idle_ms = 200, .total_ms = 30000 }, HTTP_BROKEN, true },
        { "http", 10, { .connect_ms = 30000, .idle_ms = 30000, .total_ms = 200 }, HTTP_BROKEN, true },
        { "http", 8 * BIG, { .connect_ms = 30000, .idle_ms = 200, .total_ms = 30000 }, HTTP_BROKEN, false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof address;
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        World *world = world_new(&answer, 1, &rows[i].conf);

        g_assert_cmpint(bind(listener, (struct sockaddr *) &address, length), ==, 0);
        g_assert_cmpint(listen(listener, 5), ==, 0);
        getsockname(listener, (struct sockaddr *) &address, &length);
        g_autofree char *url = g_strdup_printf("%s://127.0.0.1:%d/send", rows[i].scheme, ntohs(address.sin_port));
        HttpRequest *request = http_request_new("POST", url);
        http_request_take_body(request, "text/plain", filled_source(rows[i].body));
        const HttpResponse *response = world_exchange(world, request);
        g_assert_cmpint(response->transport, ==, rows[i].transport);
        g_assert_cmpint(response->sent_whole, ==, rows[i].sent_whole);
        g_assert_cmpint(response->elapsed_us, <, 20 * G_USEC_PER_SEC);
        close(listener);
        world_free(world);
    }
}

typedef struct {
    Source base;
    gint64 left;
    bool early_end;
    guint *freed;
} FailingSource;

static gssize
failing_read(Source *base, char *buf, size_t n, GError **error)
{
    FailingSource *self = (FailingSource *) base;
    size_t take = MIN((gint64) n, self->left);

    if (take == 0 && self->early_end)
        return 0;
    if (take == 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "cannot read the spool file: broken disk");
        return -1;
    }
    memset(buf, 'f', take);
    self->left -= take;
    return take;
}

static bool
failing_rewind(Source *base, GError **error)
{
    g_assert_not_reached();
}

static void
failing_free(Source *base)
{
    ++*((FailingSource *) base)->freed;
    g_free(base);
}

static void
test_source_error(void)
{
    static const SourceOps ops = { failing_read, failing_rewind, failing_free };
    static const struct {
        gint64 length, left;
        bool early_end;
    } rows[] = {
        { 10, 0, false },  { 10, 5, false },       { 10, 5, true },
        { BIG, 0, false }, { BIG, 100000, false }, { BIG, 100000, true },
    };
    World *world = world_new(&answer, 1, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        FailingSource *source = g_new0(FailingSource, 1);
        guint freed = 0;

        source->base.ops = &ops;
        source->base.length = rows[i].length;
        source->left = rows[i].left;
        source->early_end = rows[i].early_end;
        source->freed = &freed;
        const HttpResponse *response = world_exchange(world, world_post(world, &source->base));
        g_assert_cmpint(response->transport, ==, HTTP_SOURCE);
        const char *want = "cannot read the spool file: broken disk";
        g_assert_cmpstr(response->error, ==, rows[i].early_end ? "a body is shorter than announced" : want);
        g_assert_cmpuint(freed, ==, 1);
        g_assert_cmpint(world_exchange(world, world_post(world, filled_source(3)))->transport, ==, HTTP_OK);
    }
    g_assert_cmpuint(world->server->requests->len, ==, G_N_ELEMENTS(rows));
    world_free(world);
}

/* Nothing of the client's is left on the lowest descriptors, which the next comer gets. */
static void
check_descriptors_free(uv_loop_t *loop)
{
    uv_poll_t polls[2];
    int fds[2];

    g_assert_cmpint(pipe(fds), ==, 0);
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpint(uv_poll_init(loop, &polls[i], fds[i]), ==, 0);
        uv_close((uv_handle_t *) &polls[i], NULL);
    }
    uv_run(loop, UV_RUN_NOWAIT);
    close(fds[0]);
    close(fds[1]);
}

static void
test_cancel(void)
{
    World *world = world_new(STEPS({ FAKE_HANG, NULL, 0 }, answer), NULL);
    HttpExchange *exchange = NULL;
    http_cancel(&exchange);

    /* not begun */
    exchange = http_send(world->client, world_post(world, filled_source(10)), world_on_done, world);
    http_cancel(&exchange);
    g_assert_null(exchange);
    /* the name is being looked up */
    exchange = http_send(world->client, http_request_new("GET", "http://nowhere.invalid/"), world_on_done, world);
    uv_run(&world->loop, UV_RUN_NOWAIT);
    if (world->done == 0)
        http_cancel(&exchange);
    world->done = 0; /* a quick answer is none of our business */
    /* the connection is being made */
    FullPort port;
    full_port_open(&port);
    exchange = http_send(world->client, http_request_new("GET", port.url), world_on_done, world);
    uv_run(&world->loop, UV_RUN_NOWAIT);
    http_cancel(&exchange);
    check_descriptors_free(&world->loop);
    full_port_close(&port);
    /* the body is on its way */
    exchange = http_send(world->client, world_post(world, filled_source(BIG)), world_on_done, world);
    WORLD_UNTIL(world, world->server->begun == 1);
    g_assert_cmpuint(world->server->requests->len, ==, 0);
    http_cancel(&exchange);
    WORLD_UNTIL(world, world->server->open == 0);
    /* the answer is awaited; afterwards the same handle serves others */
    exchange = http_send(world->client, world_post(world, filled_source(10)), world_on_done, world);
    WORLD_UNTIL(world, world->server->begun == 2 || world->done);
    http_cancel(&exchange);
    g_assert_cmpuint(world->done, ==, 0);
    g_assert_cmpint(world_exchange(world, world_post(world, filled_source(10)))->transport, ==, HTTP_OK);
    world_free(world);
}

typedef struct {
    World *world;
    HttpExchange *other;
    guint rounds;
} Chain;

/* Cancels one exchange and starts another from within a completion. */
static void
on_chain(const HttpResponse *response, void *user)
{
    Chain *chain = user;

    g_assert_cmpint(response->transport, ==, HTTP_OK);
    http_cancel(&chain->other);
    if (++chain->rounds < 5) {
        chain->other = http_send(chain->world->client, world_post(chain->world, filled_source(10)),
                                 world_on_done, chain->world);
        http_send(chain->world->client, world_post(chain->world, filled_source(10)), on_chain, chain);
    }
    uv_stop(&chain->world->loop);
}

static void
test_from_completion(void)
{
    World *world = world_new(STEPS(answer), NULL);
    Chain chain = { .world = world };

    http_send(world->client, world_post(world, filled_source(10)), on_chain, &chain);
    WORLD_UNTIL(world, chain.rounds == 5);
    g_assert_null(chain.other);
    world_free(world);
}

static void
on_close_client(const HttpResponse *response, void *user)
{
    World *world = user;

    world_on_done(response, world);
    http_client_close(g_steal_pointer(&world->client));
}

static void
test_close_from_completion(void)
{
    World *world = world_new(STEPS(answer, { FAKE_HANG, NULL, 0 }), NULL);

    http_send(world->client, world_post(world, filled_source(10)), on_close_client, world);
    for (guint i = 0; i < 5; i++)
        http_send(world->client, world_post(world, filled_source(BIG)), world_on_done, world);
    WORLD_UNTIL(world, !world->client);
    g_assert_cmpuint(world->done, ==, 1);
    world->client = http_client_new(&world->loop, &world->conf);
    world_free(world);
}

static void
test_close_while_running(void)
{
    World *world = world_new(STEPS({ FAKE_HANG, NULL, 0 }), NULL);

    for (guint i = 0; i < 30; i++)
        http_send(world->client, world_post(world, filled_source(i % 2 ? BIG : 10)), world_on_done, world);
    http_send(world->client, http_request_new("GET", "http://nowhere.invalid/"), world_on_done, world);
    WORLD_UNTIL(world, world->server->requests->len >= 3);
    world_free(world);
}

/* Many at once, never more connections than allowed, and one answer for each. */
static void
test_crowd(void)
{
    World *world = world_new(STEPS(answer), NULL);

    for (guint i = 0; i < 200; i++)
        http_send(world->client, world_post(world, filled_source(100 + i * 1000)), world_on_done, world);
    WORLD_UNTIL(world, world->done == 200);
    g_assert_cmpint(world->last.transport, ==, HTTP_OK);
    g_assert_cmpuint(world->server->requests->len, ==, 200);
    g_assert_cmpuint(world->server->most_open, <=, world->conf.connections_per_host);
    world_free(world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/broken/close-on-reused", test_close_on_reused);
    g_test_add_func("/broken/close-on-reused-get", test_close_on_reused_get);
    g_test_add_func("/broken/cut-on-reused", test_cut_on_reused);
    g_test_add_func("/broken/cut-on-fresh", test_cut_on_fresh);
    g_test_add_func("/broken/closed-while-idle", test_closed_while_idle);
    g_test_add_func("/broken/silence", test_silence);
    g_test_add_func("/broken/drip", test_drip);
    g_test_add_func("/broken/connect-deadline", test_connect_deadline);
    g_test_add_func("/broken/deaf-peer", test_deaf_peer);
    g_test_add_func("/broken/source-error", test_source_error);
    g_test_add_func("/broken/cancel", test_cancel);
    g_test_add_func("/broken/from-completion", test_from_completion);
    g_test_add_func("/broken/close-from-completion", test_close_from_completion);
    g_test_add_func("/broken/close-while-running", test_close_while_running);
    g_test_add_func("/broken/crowd", test_crowd);
    return g_test_run();
}
