/* Answers that go to a sink as they arrive. */
#include "world.h"

#include <string.h>

#define STEPS(...)                                                                             \
    ((const FakeStep[]) { __VA_ARGS__ }), sizeof((const FakeStep[]) { __VA_ARGS__ }) / sizeof(FakeStep)

enum { LONG = 3 * 1000 * 1000 };

typedef struct {
    size_t bytes, most; /* at once */
    size_t enough;      /* 0: all are wanted */
    int status;
    guint pieces;
} Seen;

static bool
on_bytes(int status, const char *bytes, size_t n, void *user)
{
    Seen *seen = user;

    for (size_t i = 0; i < n; i++)
        g_assert_cmpint(bytes[i], ==, 'a' + (int) ((seen->bytes + i) % 23));
    seen->status = status;
    seen->bytes += n;
    seen->most = MAX(seen->most, n);
    seen->pieces++;
    return !seen->enough || seen->bytes < seen->enough;
}

static char *
long_answer(int status, size_t n)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", status, n);
    for (size_t i = 0; i < n; i++)
        g_string_append_c(text, (char) ('a' + i % 23));
    return g_string_free(text, FALSE);
}

static const HttpResponse *
stream(World *world, Seen *seen, gint64 max)
{
    g_autofree char *url = world_url(world, "/list");
    HttpStream to = { on_bytes, seen, max };
    guint before = world->done;

    http_send_stream(world->client, http_request_new("GET", url), &to, world_on_done, world);
    WORLD_UNTIL(world, world->done > before);
    return &world->last;
}

static void
test_long(void)
{
    g_autofree char *answer = long_answer(403, LONG);
    World *world = world_new(STEPS({ FAKE_ANSWER, answer, 0 }, { FAKE_ANSWER, FAKE_OK, 0 }), NULL);
    Seen seen = { 0 };
    const HttpResponse *response = stream(world, &seen, LONG);

    g_assert_cmpint(response->transport, ==, HTTP_OK);
    g_assert_cmpint(response->status, ==, 403);
    g_assert_cmpint(seen.status, ==, 403);
    g_assert_cmpuint(seen.bytes, ==, LONG);
    g_assert_cmpuint(seen.most, <=, 64 * 1024);
    g_assert_cmpstr(response->body, ==, "");
    g_assert_cmpuint(response->body_length, ==, 0);

    /* The next one on that handle is as usual. */
    response = world_exchange(world, world_post(world, source_new_string("x")));
    g_assert_cmpstr(response->body, ==, "{}");
    g_assert_cmpuint(world->server->connections, ==, 1);
    world_free(world);
}

static void
test_too_long(void)
{
    g_autofree char *answer = long_answer(200, LONG);
    World *world = world_new(STEPS({ FAKE_ANSWER, answer, 0 }), NULL);
    Seen seen = { 0 };
    const HttpResponse *response = stream(world, &seen, LONG - 1);

    g_assert_cmpint(response->transport, ==, HTTP_BROKEN);
    g_assert_cmpstr(response->error, ==, "the answer's body is longer than 2999999 bytes");
    g_assert_cmpuint(seen.bytes, <, LONG);
    world_free(world);
}

static void
test_turned_away(void)
{
    g_autofree char *answer = long_answer(200, LONG);
    World *world = world_new(STEPS({ FAKE_ANSWER, answer, 0 }, { FAKE_ANSWER, FAKE_OK, 0 }), NULL);
    Seen seen = { .enough = 1 };
    const HttpResponse *response = stream(world, &seen, LONG);

    g_assert_cmpint(response->transport, ==, HTTP_BROKEN);
    g_assert_cmpint(response->status, ==, 200);
    g_assert_cmpstr(response->error, ==, "the rest of the answer was not wanted");
    g_assert_cmpuint(seen.pieces, ==, 1);
    response = world_exchange(world, world_post(world, source_new_string("x")));
    g_assert_cmpint(response->transport, ==, HTTP_OK);
    world_free(world);
}

enum { HOLD_BYTES = 500 * 1000, SILENT_MS = 300 };

/* A sink that has enough for now after every HOLD_BYTES, and goes on after more silence than a server may keep. */
typedef struct {
    Seen seen;
    HttpExchange *exchange;
    uv_timer_t timer;
    size_t since; /* the last time */
    bool held;
    guint holds;
} Slow;

static void
on_rested(uv_timer_t *timer)
{
    Slow *self = timer->data;

    self->held = false;
    self->since = 0;
    http_go_on(self->exchange);
}

static bool
on_slow_bytes(int status, const char *bytes, size_t n, void *user)
{
    Slow *self = user;

    g_assert_false(self->held);
    self->since += n;
    if (self->since >= HOLD_BYTES) {
        self->held = true;
        self->holds++;
        http_hold(self->exchange);
        uv_timer_start(&self->timer, on_rested, self->holds == 1 ? 3 * SILENT_MS : 0, 0);
    }
    return on_bytes(status, bytes, n, &self->seen);
}

static void
test_held(void)
{
    g_autofree char *answer = long_answer(200, LONG);
    const HttpConf conf = { .user_agent = "test", .connect_ms = 20000, .idle_ms = SILENT_MS, .total_ms = 60000,
                            .connections_per_host = 1 };
    World *world = world_new(STEPS({ FAKE_ANSWER, answer, 0 }, { FAKE_ANSWER, FAKE_OK, 0 }), &conf);
    g_autofree char *url = world_url(world, "/list");
    Slow slow = { 0 };
    const HttpStream to = { on_slow_bytes, &slow, LONG };

    uv_timer_init(&world->loop, &slow.timer);
    slow.timer.data = &slow;
    slow.exchange = http_send_stream(world->client, http_request_new("GET", url), &to, world_on_done, world);
    WORLD_UNTIL(world, world->done == 1);
    g_assert_cmpint(world->last.transport, ==, HTTP_OK);
    g_assert_cmpuint(slow.seen.bytes, ==, LONG);
    g_assert_cmpuint(slow.holds, >=, 4);
    uv_close((uv_handle_t *) &slow.timer, NULL);
    g_assert_cmpint(world_exchange(world, world_post(world, source_new_string("x")))->transport, ==, HTTP_OK);
    world_free(world);
}

static void
test_cancelled_while_held(void)
{
    g_autofree char *answer = long_answer(200, LONG);
    World *world = world_new(STEPS({ FAKE_ANSWER, answer, 0 }, { FAKE_ANSWER, FAKE_OK, 0 }), NULL);
    g_autofree char *url = world_url(world, "/list");
    Slow slow = { 0 };
    const HttpStream to = { on_slow_bytes, &slow, LONG };

    uv_timer_init(&world->loop, &slow.timer);
    slow.timer.data = &slow;
    slow.exchange = http_send_stream(world->client, http_request_new("GET", url), &to, world_on_done, world);
    WORLD_UNTIL(world, slow.held);
    uv_close((uv_handle_t *) &slow.timer, NULL);
    http_cancel(&slow.exchange);
    g_assert_cmpint(world_exchange(world, world_post(world, source_new_string("x")))->transport, ==, HTTP_OK);
    g_assert_cmpuint(world->done, ==, 1);
    world_free(world);
}

static void
test_cut(void)
{
    World *world = world_new(STEPS({ FAKE_LAST, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 0 }), NULL);
    Seen seen = { 0 };
    const HttpResponse *response = stream(world, &seen, LONG);

    g_assert_cmpint(response->transport, ==, HTTP_BROKEN);
    g_assert_cmpuint(seen.bytes, ==, 3);
    world_free(world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream/long", test_long);
    g_test_add_func("/stream/too-long", test_too_long);
    g_test_add_func("/stream/turned-away", test_turned_away);
    g_test_add_func("/stream/held", test_held);
    g_test_add_func("/stream/cancelled-while-held", test_cancelled_while_held);
    g_test_add_func("/stream/cut", test_cut);
    return g_test_run();
}
