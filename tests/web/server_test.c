/* What the daemon's pages cannot show: answers that come late, or never, and clients that drip. */
#include "web/server.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 200, MAX_CONNECTIONS = 32, MAX_BODY = 40000 };

typedef struct {
    uv_loop_t loop;
    WebServer *server;
    WebRequest *request; /* asked, not answered */
    bool denied;
    guint asked, refused; /* how many; the last status */
} World;

static bool
may_enter(const Endpoint *peer, void *user)
{
    return endpoint_is_loopback(peer) && !((World *) user)->denied;
}

static guint
on_begun(const WebRequest *request, gsize *max_body, void *user)
{
    if (g_str_has_prefix(web_path(request), "/body"))
        *max_body = MAX_BODY;
    return strcmp(web_path(request), "/forbidden") == 0 ? 403 : 0;
}

/* Echoes the body behind what else it can see; "/late" is not answered here. */
static void
on_asked(WebRequest *request, void *user)
{
    World *self = user;
    Endpoint peer;
    gsize n;

    self->asked++;
    if (g_str_has_suffix(web_path(request), "/late")) {
        self->request = request;
        return;
    }
    const char *body = web_body(request, &n);
    const char *header = web_header(request, "x-test");
    g_assert_cmpint(body[n], ==, 0);
    g_assert_true(web_peer(request, &peer) && endpoint_is_loopback(&peer));
    GString *text = g_string_new(web_path(request));
    g_string_append(text, header ? header : "");
    g_string_append_len(text, body, (gssize) n);
    web_drop_body(request);
    web_answer(request, 200, "text/plain", text);
}

static void
on_refused(const WebRequest *request, guint status, void *user)
{
    ((World *) user)->refused = status;
}

static void
world_open_for(World *self, const char *methods)
{
    const WebConf conf = { .name = "web", .address = "127.0.0.1:0", .methods = methods,
                           .max_connections = MAX_CONNECTIONS, .patience_ms = PATIENCE_MS, .may_enter = may_enter,
                           .begun = on_begun, .asked = on_asked, .refused = on_refused, .user = self };
    g_autoptr(GError) error = NULL;

    *self = (World) { 0 };
    uv_loop_init(&self->loop);
    self->server = web_server_new(&self->loop, &conf, &error);
    g_assert_no_error(error);
}

static void
world_open(World *self)
{
    world_open_for(self, "GET, HEAD");
}

static void
world_close(World *self)
{
    web_server_close(self->server);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&self->loop), ==, 0);
}

static int
world_connect(World *self, const char *text)
{
    const Endpoint *at = web_server_endpoint(self->server);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(connect(fd, &at->addr.any, at->length), ==, 0);
    g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, (gssize) strlen(text));
    return fd;
}

static void
on_tick(uv_timer_t *timer)
{
}

/* Runs the loop, which the server does not keep alive, until done. */
static void
world_run(World *self, bool (*done)(World *self, int fd), int fd)
{
    uv_timer_t tick;

    uv_timer_init(&self->loop, &tick);
    uv_timer_start(&tick, on_tick, 5, 5);
    while (!done(self, fd))
        uv_run(&self->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *) &tick, NULL);
    uv_run(&self->loop, UV_RUN_NOWAIT);
}

static bool
is_asked(World *self, int fd)
{
    return self->request != NULL;
}

static bool
has_news(World *self, int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN; /* a reset counts */
}

/* Everything up to the end, which the client asks for; "" if the connection was cut. */
static char *
read_all(World *self, int fd)
{
    GString *all = g_string_new(NULL);
    char bytes[4096];
    ssize_t n;

    do {
        world_run(self, has_news, fd);
        n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        g_string_append_len(all, bytes, MAX(0, n));
    } while (n > 0);
    close(fd);
    return g_string_free(all, FALSE);
}

static void
test_late_answer(void)
{
    World world;

    world_open(&world);
    int fd = world_connect(&world, "GET /late HTTP/1.0\r\n\r\n");
    world_run(&world, is_asked, fd);
    g_assert_true(web_is_wanted(world.request));
    g_autofree char *other = read_all(&world, world_connect(&world, "GET /now HTTP/1.0\r\n\r\n"));
    g_assert_true(g_str_has_prefix(other, "HTTP/1.1 200 "));
    web_answer(world.request, 503, "text/plain", g_string_new("words"));
    g_autofree char *all = read_all(&world, fd);
    g_assert_true(g_str_has_prefix(all, "HTTP/1.1 503 "));
    g_assert_true(g_str_has_suffix(all, "\r\n\r\nwords"));
    world_close(&world);
}

/* The answer belongs to nobody then, and is freed. */
static void
test_close_while_asked(void)
{
    World world;

    world_open(&world);
    int fd = world_connect(&world, "GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
    world_run(&world, is_asked, fd);
    world_close(&world);
    g_assert_false(web_is_wanted(world.request));
    web_answer(world.request, 200, "text/plain", g_string_new("words"));
    char byte;
    g_assert_cmpint(recv(fd, &byte, 1, 0), <=, 0);
    close(fd);
}

/* More clients that never end their request than there are places: they are cut off, and the next one is served. */
static void
test_slow_clients(void)
{
    World world;
    int fds[40];

    world_open(&world);
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
        fds[i] = world_connect(&world, "GET /slow HTTP/1.1\r\nX: ");
    g_autofree char *all = read_all(&world, world_connect(&world, "GET /now HTTP/1.0\r\n\r\n"));
    g_assert_true(g_str_has_suffix(all, "/now"));
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        g_autofree char *cut = read_all(&world, fds[i]);
        g_assert_cmpstr(cut, ==, "");
    }
    world_close(&world);
}

static void
test_refusals(void)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {
        { "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nxx", "HTTP/1.1 405 " },
        { "GET / HTTP/1.0\r\nContent-Length: 2\r\n\r\nxx", "HTTP/1.1 400 " },
        { "DELETE / HTTP/1.0\r\n\r\n", "HTTP/1.1 405 " },
        { "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 " },
    };
    World world;

    world_open(&world);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *all = read_all(&world, world_connect(&world, rows[i].request));
        g_assert_true(g_str_has_prefix(all, rows[i].answer));
    }
    g_autoptr(GString) large = g_string_new("GET / HTTP/1.0\r\nX: ");
    g_string_set_size(large, 20000);
    memset(large->str + 19, 'x', 20000 - 19);
    g_string_append(large, "\r\n\r\n");
    g_autofree char *all = read_all(&world, world_connect(&world, large->str));
    g_assert_false(g_str_has_prefix(all, "HTTP/1.1 2"));
    world.denied = true;
    g_autofree char *none = read_all(&world, world_connect(&world, "GET / HTTP/1.0\r\n\r\n"));
    g_assert_cmpstr(none, ==, "");
    world_close(&world);
}

/* Of which the peer takes as much as it likes. */
static int
world_connect_with(World *self, const char *head, gsize n)
{
    g_autoptr(GString) all = g_string_new(head);
    gsize at = all->len;

    g_string_set_size(all, at + n);
    memset(all->str + at, 'x', n);
    int fd = world_connect(self, "");
    g_assert_cmpint(send(fd, all->str, all->len, MSG_NOSIGNAL | MSG_DONTWAIT), >, 0);
    return fd;
}

static void
test_bodies(void)
{
    static const struct {
        const char *request, *answer, *end;
    } rows[] = {
        { "POST /body HTTP/1.0\r\nContent-Length: 2\r\nX-Test: h\r\n\r\nab", "HTTP/1.1 200 ", "\r\n\r\n/bodyhab" },
        { "POST /body?q=1 HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n/body" },
        { "POST /body%2Fx HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n/body/x" },
        { "POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
          "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: v\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n/bodyabc" },
        { "POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
          "HTTP/1.1 400 ", "" },
        { "POST /body HTTP/1.0\r\nContent-Length: 2x\r\n\r\nab", "HTTP/1.1 400 ", "" },
        { "POST /body HTTP/1.0\r\nContent-Length: -2\r\n\r\nab", "HTTP/1.1 400 ", "" },
        { "POST /body HTTP/1.0\r\nContent-Length: 90000\r\n\r\nab", "HTTP/1.1 413 ", "" },
        { "POST /body HTTP/1.0\r\nContent-Length: 9999999999999\r\n\r\nab", "HTTP/1.1 413 ", "" },
        { "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 40001\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 413 ",
          "" },
        { "POST /forbidden HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 403 ", "" },
        { "POST /forbidden HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 403 ",
          "" },
        { "POST /none HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400 ", "" },
        { "GET /body HTTP/1.0\r\n\r\n", "HTTP/1.1 405 ", "" },
    };
    World world;

    world_open_for(&world, "POST");
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].request);
        g_autofree char *all = read_all(&world, world_connect(&world, rows[i].request));
        g_assert_true(g_str_has_prefix(all, rows[i].answer));
        g_assert_true(g_str_has_suffix(all, rows[i].end));
    }
    g_assert_cmpuint(world.refused, ==, 405);
    world_close(&world);
}

/* The largest body that is allowed, and one byte more, whose size is only seen as it comes. */
static void
test_largest_body(void)
{
    static const char head[] = "POST /body HTTP/1.0\r\nContent-Length: 40000\r\n\r\n";
    static const char announced[] = "POST /body HTTP/1.0\r\nContent-Length: 40001\r\n\r\n";
    static const char chunked[] = "POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n%x\r\n";
    g_autofree char *over = g_strdup_printf(chunked, MAX_BODY + 1);
    g_autofree char *bomb = g_strdup_printf(chunked, 100 * MAX_BODY);
    World world;

    world_open_for(&world, "POST");
    g_autofree char *all = read_all(&world, world_connect_with(&world, head, MAX_BODY));
    g_assert_true(g_str_has_prefix(all, "HTTP/1.1 200 "));
    g_assert_cmpuint(strlen(strstr(all, "\r\n\r\n")), ==, 4 + strlen("/body") + MAX_BODY);
    g_autofree char *more = read_all(&world, world_connect_with(&world, announced, MAX_BODY + 1));
    g_assert_true(g_str_has_prefix(more, "HTTP/1.1 413 "));
    int fd = world_connect_with(&world, over, MAX_BODY + 1);
    g_assert_cmpint(send(fd, "\r\n0\r\n\r\n", 7, MSG_NOSIGNAL), ==, 7);
    g_autofree char *refused = read_all(&world, fd);
    g_assert_true(g_str_has_prefix(refused, "HTTP/1.1 413 "));
    g_autofree char *cut = read_all(&world, world_connect_with(&world, bomb, 10 * MAX_BODY));
    g_assert_cmpstr(cut, ==, "");
    g_assert_cmpuint(world.asked, ==, 1);
    world_close(&world);
}

/* Many bodies at once that never end: what is held of them is bounded, and the next one is told to come again. */
static void
test_bodies_at_once(void)
{
    static const char head[] = "POST /body HTTP/1.0\r\nContent-Length: 40000\r\n\r\n";
    World world;
    int fds[10];

    world_open_for(&world, "POST");
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
        fds[i] = world_connect_with(&world, head, MAX_BODY - 1);
    g_autofree char *all = read_all(&world, world_connect_with(&world, head, MAX_BODY));
    g_assert_true(g_str_has_prefix(all, "HTTP/1.1 503 "));
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        g_autofree char *cut = read_all(&world, fds[i]);
        g_assert_cmpstr(cut, ==, "");
    }
    g_autofree char *after = read_all(&world, world_connect_with(&world, head, MAX_BODY));
    g_assert_true(g_str_has_prefix(after, "HTTP/1.1 200 "));
    world_close(&world);
}

static void
test_expect(void)
{
    World world;

    world_open_for(&world, "POST");
    int fd = world_connect(&world, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                                   "Connection: close\r\nExpect: 100-continue\r\n\r\n");
    world_run(&world, has_news, fd);
    char told[100];
    gssize n = recv(fd, told, sizeof told - 1, MSG_DONTWAIT);
    g_assert_cmpint(n, >, 0);
    told[n] = '\0';
    g_assert_cmpstr(told, ==, "HTTP/1.1 100 Continue\r\n\r\n");
    g_assert_cmpint(send(fd, "ab", 2, MSG_NOSIGNAL), ==, 2);
    g_autofree char *all = read_all(&world, fd);
    g_assert_true(g_str_has_suffix(all, "/bodyab"));
    world_close(&world);
}

/* Three requests in one piece: answered in their order, the second of them late. */
static void
test_pipeline(void)
{
    World world;

    world_open_for(&world, "POST");
    int fd = world_connect(&world, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
                                   "POST /body/late HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n2"
                                   "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n3");
    world_run(&world, is_asked, fd);
    g_assert_cmpuint(world.asked, ==, 2);
    web_answer(world.request, 200, "text/plain", g_string_new("late"));
    g_autofree char *all = read_all(&world, fd);
    const char *first = strstr(all, "/body1"), *second = strstr(all, "late"), *third = strstr(all, "/body3");
    g_assert_true(first && second && third && first < second && second < third);
    world_close(&world);
}

/* A client leaves while its request, with a body, is with somebody: the body is his until the answer. */
static void
test_leaves_while_asked(void)
{
    World world;
    gsize n;

    world_open_for(&world, "POST");
    int fd = world_connect(&world, "POST /body/late HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
    world_run(&world, is_asked, fd);
    world_close(&world);
    close(fd);
    g_assert_false(web_is_wanted(world.request));
    g_assert_cmpstr(web_body(world.request, &n), ==, "ab");
    web_answer(world.request, 200, "text/plain", g_string_new("words"));
}

static guint idle_turns;

static void
on_turn(uv_check_t *check)
{
    idle_turns++;
}

static void
on_end(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* A connection that is kept open, and a request that is not answered yet, cost no turn of the loop. */
static void
test_idle(void)
{
    World world;
    uv_check_t check;
    uv_timer_t end;

    world_open_for(&world, "POST");
    int kept = world_connect(&world, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1");
    world_run(&world, has_news, kept);
    int late = world_connect(&world, "POST /body/late HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1");
    world_run(&world, is_asked, late);
    while (uv_run(&world.loop, UV_RUN_NOWAIT) && world.asked < 2)
        ;
    idle_turns = 0;
    uv_check_init(&world.loop, &check);
    uv_check_start(&check, on_turn);
    uv_timer_init(&world.loop, &end);
    uv_timer_start(&end, on_end, PATIENCE_MS / 2, 0);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    g_assert_cmpuint(idle_turns, <=, 8); /* those of the timers, at most: a loop that spins has thousands */
    uv_close((uv_handle_t *) &check, NULL);
    uv_close((uv_handle_t *) &end, NULL);
    web_answer(world.request, 200, "text/plain", g_string_new("late"));
    world_close(&world);
    close(kept);
    close(late);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/late-answer", test_late_answer);
    g_test_add_func("/web/close-while-asked", test_close_while_asked);
    g_test_add_func("/web/slow-clients", test_slow_clients);
    g_test_add_func("/web/refusals", test_refusals);
    g_test_add_func("/web/bodies", test_bodies);
    g_test_add_func("/web/largest-body", test_largest_body);
    g_test_add_func("/web/bodies-at-once", test_bodies_at_once);
    g_test_add_func("/web/expect", test_expect);
    g_test_add_func("/web/pipeline", test_pipeline);
    g_test_add_func("/web/leaves-while-asked", test_leaves_while_asked);
    g_test_add_func("/web/idle", test_idle);
    return g_test_run();
}
