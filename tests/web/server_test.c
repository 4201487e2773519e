/* What the daemon's pages cannot show: answers that come late, or never, and clients that drip. */
#include "web/server.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 200 };

typedef struct {
    uv_loop_t loop;
    WebServer *server;
    WebRequest *request; /* asked, not answered */
    bool denied;
} World;

static bool
may_enter(const Endpoint *peer, void *user)
{
    return endpoint_is_loopback(peer) && !((World *) user)->denied;
}

static void
on_asked(WebRequest *request, const char *path, void *user)
{
    World *self = user;

    if (strcmp(path, "/late") == 0)
        self->request = request;
    else
        web_answer(request, 200, "text/plain", g_string_new(path));
}

static void
world_open(World *self)
{
    const WebConf conf = { .name = "web", .address = "127.0.0.1:0", .patience_ms = PATIENCE_MS,
                           .may_enter = may_enter, .asked = on_asked, .user = self };
    g_autoptr(GError) error = NULL;

    *self = (World) { 0 };
    uv_loop_init(&self->loop);
    self->server = web_server_new(&self->loop, &conf, &error);
    g_assert_no_error(error);
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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/late-answer", test_late_answer);
    g_test_add_func("/web/close-while-asked", test_close_while_asked);
    g_test_add_func("/web/slow-clients", test_slow_clients);
    g_test_add_func("/web/refusals", test_refusals);
    return g_test_run();
}
