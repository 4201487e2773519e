#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void
on_bytes(void *user, const char *bytes, size_t n)
{
    Pair *pair = user;

    pair->reads++;
    g_string_append_len(pair->got, bytes, (gssize) n);
    if (pair->echo)
        conn_write(pair->self, bytes, n);
    if (pair->write_on_bytes > 0) {
        g_autofree char *big = g_malloc0(pair->write_on_bytes);
        conn_write(pair->self, big, pair->write_on_bytes);
    }
    if (pair->close_on_bytes) {
        conn_close(pair->self);
        pair->self = NULL;
    }
}

static void
on_end(void *user)
{
    ((Pair *) user)->ends++;
}

static void
on_expired(void *user)
{
    ((Pair *) user)->expiries++;
}

static void
on_gone(void *user)
{
    Pair *pair = user;

    pair->gones++;
    pair->self = NULL;
}

static void
on_stalled(void *user)
{
    ((Pair *) user)->stalls++;
}

const ConnOps pair_ops = { on_bytes, on_end, on_expired, on_gone, .stalled = on_stalled };

static void
on_accepted(Conn *conn, const Endpoint *peer, void *user)
{
    ((Pair *) user)->self = conn;
}

void
pair_start(Pair *pair, gint64 write_ms)
{
    pair->got = g_string_new(NULL);
    conn_start(pair->self, &pair_ops, pair, write_ms);
}

void
pair_tcp(Pair *pair, gint64 write_ms)
{
    g_autoptr(GError) error = NULL;

    memset(pair, 0, sizeof *pair);
    uv_loop_init(&pair->loop);
    Listener *listener = listener_open(&pair->loop, "test", "127.0.0.1:0", 0, &error);
    g_assert_no_error(error);
    g_assert_true(listener_start(listener, on_accepted, pair, &error));
    const Endpoint *at = listener_endpoint(listener);
    pair->peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(pair->peer, &at->addr.any, at->length), ==, 0);
    while (!pair->self)
        uv_run(&pair->loop, UV_RUN_ONCE);
    listener_close(listener);
    pair_start(pair, write_ms);
}

void
pair_unix(Pair *pair, gint64 write_ms)
{
    g_autoptr(GError) error = NULL;
    int ends[2];

    memset(pair, 0, sizeof *pair);
    uv_loop_init(&pair->loop);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
    pair->peer = ends[1];
    pair->self = conn_open(&pair->loop, ends[0], ends[0], &error);
    g_assert_no_error(error);
    pair_start(pair, write_ms);
}

void
pair_finish(Pair *pair)
{
    if (pair->self)
        conn_close(pair->self);
    if (pair->peer >= 0)
        close(pair->peer);
    uv_run(&pair->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&pair->loop), ==, 0);
    g_string_free(pair->got, TRUE);
}

void
peer_send(Pair *pair, const char *text)
{
    g_assert_cmpint(write(pair->peer, text, strlen(text)), ==, (gssize) strlen(text));
}

char *
peer_receive(Pair *pair)
{
    char buf[65536];
    struct pollfd ready = { .fd = pair->peer, .events = POLLIN };

    while (poll(&ready, 1, 0) == 0)
        uv_run(&pair->loop, UV_RUN_ONCE);
    gssize n = read(pair->peer, buf, sizeof buf);
    return n >= 0 ? g_strndup(buf, (gsize) n) : g_strdup(g_strerror(errno));
}

size_t
peer_drain(Pair *pair)
{
    char buf[65536];
    size_t all = 0;

    for (;;) {
        gssize n = recv(pair->peer, buf, sizeof buf, MSG_DONTWAIT);
        if (n > 0)
            all += (size_t) n;
        else if (n < 0 && errno == EAGAIN)
            uv_run(&pair->loop, UV_RUN_ONCE);
        else
            return all;
    }
}

void
peer_reset(Pair *pair)
{
    struct linger abort = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(pair->peer, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    close(pair->peer);
    pair->peer = -1;
}

void
peer_close(Pair *pair)
{
    close(pair->peer);
    pair->peer = -1;
}
