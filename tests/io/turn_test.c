/* Who sends as fast as it can does not keep others waiting: see io/conn_turn.c. */
#include "io/conn.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUSY = 40, PIECE = 2048, TURNS_AT_ONCE = 8 };

typedef struct {
    Conn *self;
    int peer;
    guint *all; /* reads of all conns since somebody looked */
    guint reads;
    size_t got, sent;
} Guest;

static void
on_bytes(void *user, const char *bytes, size_t n)
{
    Guest *guest = user;

    guest->got += n;
    guest->reads++;
    ++*guest->all;
}

static void
on_end(void *user)
{
    Guest *guest = user;

    conn_close_now(guest->self);
    guest->self = NULL;
}

static const ConnOps ops = { .bytes = on_bytes, .end = on_end };

static void
enter(uv_loop_t *loop, Guest *guest, guint *all)
{
    g_autoptr(GError) error = NULL;
    int ends[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    guest->peer = ends[1];
    guest->all = all;
    guest->self = conn_open(loop, ends[0], ends[0], &error);
    g_assert_no_error(error);
    conn_limit(guest->self, PIECE);
    conn_start(guest->self, &ops, guest, 10000);
}

/* Sends what the system takes. */
static void
flood(Guest *guest)
{
    static const char block[4 * PIECE];

    for (gssize n; (n = send(guest->peer, block, sizeof block, MSG_DONTWAIT)) > 0;)
        guest->sent += (size_t) n;
    g_assert_cmpuint(guest->sent, >, 16 * PIECE);
}

typedef struct {
    uv_loop_t loop;
    guint all;
    Guest busy[BUSY];
    Guest light;
} Fixture;

static void
setup(Fixture *self, gconstpointer data)
{
    uv_loop_init(&self->loop);
    for (guint i = 0; i < BUSY; i++) {
        enter(&self->loop, &self->busy[i], &self->all);
        flood(&self->busy[i]);
    }
    enter(&self->loop, &self->light, &self->all);
    /* The first read of each is free. */
    while (self->all < BUSY)
        uv_run(&self->loop, UV_RUN_NOWAIT);
    self->all = 0;
}

static void
teardown(Fixture *self, gconstpointer data)
{
    for (guint i = 0; i < BUSY; i++) {
        if (self->busy[i].self)
            conn_close_now(self->busy[i].self);
        close(self->busy[i].peer);
    }
    conn_close_now(self->light.self);
    close(self->light.peer);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&self->loop), ==, 0);
}

static void
test_light_goes_first(Fixture *self, gconstpointer data)
{
    for (guint round = 1; round <= 50; round++) {
        g_assert_cmpint(write(self->light.peer, "x", 1), ==, 1);
        self->all = 0;
        uv_run(&self->loop, UV_RUN_ONCE);
        g_assert_cmpuint(self->light.reads, ==, round);
        g_assert_cmpuint(self->all, <=, 1 + TURNS_AT_ONCE);
    }
}

static bool
is_done(const Fixture *self)
{
    for (guint i = 0; i < BUSY; i++) {
        if (self->busy[i].self && self->busy[i].got < self->busy[i].sent)
            return false;
    }
    return true;
}

/* They share evenly, and all get through. */
static void
test_all_get_through(Fixture *self, gconstpointer data)
{
    while (!is_done(self)) {
        guint least = G_MAXUINT, most = 0;
        uv_run(&self->loop, UV_RUN_ONCE);
        for (guint i = 0; i < BUSY; i++) {
            least = self->busy[i].got < self->busy[i].sent ? MIN(least, self->busy[i].reads) : least;
            most = MAX(most, self->busy[i].reads);
        }
        g_assert_true(least == G_MAXUINT || most <= least + 2);
    }
}

/* Those who leave while they wait, or are called, take no turn with them. */
static void
test_leaving(Fixture *self, gconstpointer data)
{
    for (guint i = 0; i < BUSY; i++) {
        if (i % 3 == 0)
            continue;
        conn_close_now(self->busy[i].self);
        self->busy[i].self = NULL;
        uv_run(&self->loop, UV_RUN_NOWAIT);
    }
    while (!is_done(self))
        uv_run(&self->loop, UV_RUN_ONCE);
}

/* A peer that ends while it waits is heard to the end, then its end. */
static void
test_end_is_heard(Fixture *self, gconstpointer data)
{
    for (guint i = 0; i < BUSY; i++)
        shutdown(self->busy[i].peer, SHUT_WR);
    for (guint left = BUSY; left > 0;) {
        uv_run(&self->loop, UV_RUN_ONCE);
        left = 0;
        for (guint i = 0; i < BUSY; i++)
            left += self->busy[i].self != NULL;
    }
    for (guint i = 0; i < BUSY; i++)
        g_assert_cmpuint(self->busy[i].got, ==, self->busy[i].sent);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/turn/light-goes-first", Fixture, NULL, setup, test_light_goes_first, teardown);
    g_test_add("/turn/all-get-through", Fixture, NULL, setup, test_all_get_through, teardown);
    g_test_add("/turn/leaving", Fixture, NULL, setup, test_leaving, teardown);
    g_test_add("/turn/end-is-heard", Fixture, NULL, setup, test_end_is_heard, teardown);
    return g_test_run();
}
