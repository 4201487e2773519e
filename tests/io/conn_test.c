#include "pair.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void
test_echo(void)
{
    Pair pair;

    FOR_EACH_KIND(pair, 1000) {
        pair.echo = true;
        peer_send(&pair, "EHLO x\r\n");
        g_autofree char *back = peer_receive(&pair);
        g_assert_cmpstr(back, ==, "EHLO x\r\n");
        g_assert_cmpuint(pair.reads, ==, 1);
        pair_finish(&pair);
    }
}

static void
on_bytes_replies(void *user, const char *bytes, size_t n)
{
    Pair *pair = user;

    for (guint i = 0; i < 100; i++)
        conn_write(pair->self, "250 ok\r\n", 8);
}

/* A hundred replies to one read are one segment. */
static void
test_replies_leave_together(void)
{
    static const ConnOps many = { .bytes = on_bytes_replies };
    Pair pair;

    FOR_EACH_KIND(pair, 1000) {
        conn_start(pair.self, &many, &pair, 1000);
        peer_send(&pair, "x");
        g_autofree char *back = peer_receive(&pair);
        g_assert_cmpuint(strlen(back), ==, 800);
        pair_finish(&pair);
    }
}

/* The peer sends on and on and reads nothing: we stop reading instead of queueing. */
static void
test_peer_never_reads(void)
{
    Pair pair;
    char block[65536] = { 0 };

    FOR_EACH_KIND(pair, 100000) {
        size_t most = 0, sent = 0;
        pair.write_on_bytes = 100 * 1000;
        for (;;) {
            gssize n = send(pair.peer, block, sizeof block, MSG_DONTWAIT);
            if (n > 0)
                sent += (size_t) n;
            guint before = pair.reads;
            for (guint i = 0; i < 5; i++)
                uv_run(&pair.loop, UV_RUN_NOWAIT);
            most = MAX(most, conn_unsent(pair.self));
            if (n < 0 && pair.reads == before)
                break;
            g_assert_cmpuint(sent, <, 100 * 1000 * 1000);
        }
        g_assert_cmpuint(most, >=, CONN_HIGH_WATER);
        g_assert_cmpuint(most, <=, CONN_HIGH_WATER + 100 * 1000);

        /* It begins to read: everything goes on, and nothing was lost. */
        guint before = pair.reads;
        shutdown(pair.peer, SHUT_WR);
        char sink[65536];
        size_t back = 0;
        while (pair.ends == 0 || conn_unsent(pair.self) > 0 || back < (size_t) pair.reads * 100000) {
            gssize n = recv(pair.peer, sink, sizeof sink, MSG_DONTWAIT);
            back += n > 0 ? (size_t) n : 0;
            uv_run(&pair.loop, UV_RUN_NOWAIT);
        }
        g_assert_cmpuint(pair.reads, >, before);
        g_assert_cmpuint(pair.got->len, ==, sent);
        g_assert_cmpuint(back, ==, (size_t) pair.reads * 100000);
        pair_finish(&pair);
    }
}

/* Nothing is taken for the write time: the connection breaks by itself. */
static void
test_blocked_writer(void)
{
    Pair pair;

    FOR_EACH_KIND(pair, 20) {
        g_autofree char *big = g_malloc0(20 * 1000 * 1000);
        conn_write(pair.self, big, 20 * 1000 * 1000);
        while (pair.gones == 0)
            uv_run(&pair.loop, UV_RUN_ONCE);
        g_assert_null(pair.self);
        pair_finish(&pair);
        g_assert_cmpuint(pair.stalls, ==, 1);
        g_assert_cmpuint(pair.gones, ==, 1);
    }
}

/* Who reads is not cut off, though more comes all the time than he reads. Over TCP the system would say when that
 * shows. */
static void
test_slow_reader(void)
{
    static char sink[65536], more[2 * sizeof sink];
    Pair pair;

    pair_unix(&pair, 300);
    g_autofree char *big = g_malloc0(1000 * 1000);
    uv_update_time(&pair.loop);
    conn_write(pair.self, big, 1000 * 1000);
    guint64 end = uv_now(&pair.loop) + 700;
    while (pair.self && uv_now(&pair.loop) < end) {
        size_t room = sizeof sink;
        for (gssize n; (n = recv(pair.peer, sink, sizeof sink, MSG_DONTWAIT)) > 0;)
            room += (size_t) n;
        for (; room > 0; room -= MIN(room, sizeof more))
            conn_write(pair.self, more, MIN(room, sizeof more));
        uv_run(&pair.loop, UV_RUN_ONCE);
    }
    g_assert_nonnull(pair.self);
    g_assert_cmpuint(conn_unsent(pair.self), >, 0);
    conn_close_now(pair.self);
    pair.self = NULL;
    pair_finish(&pair);
    g_assert_cmpuint(pair.stalls, ==, 0);
}

/* conn_close() with 20 MB still queued: the peer gets them all, then the end. */
static void
test_close_flushes(void)
{
    Pair pair;

    FOR_EACH_KIND(pair, 10000) {
        g_autofree char *big = g_malloc0(20 * 1000 * 1000);
        conn_write(pair.self, big, 20 * 1000 * 1000);
        conn_close(pair.self);
        pair.self = NULL;
        g_assert_cmpuint(peer_drain(&pair), ==, 20 * 1000 * 1000);
        pair_finish(&pair);
        g_assert_cmpuint(pair.gones, ==, 0);
    }
}

/* The owner closes from inside the callback, with bytes of the peer unread: the last reply arrives, no reset. */
static void
test_close_in_callback(void)
{
    Pair pair;

    FOR_EACH_KIND(pair, 1000) {
        pair.echo = pair.close_on_bytes = true;
        peer_send(&pair, "QUIT\r\n");
        g_autofree char *back = peer_receive(&pair);
        g_assert_cmpstr(back, ==, "QUIT\r\n");
        g_autofree char *end = peer_receive(&pair);
        g_assert_cmpstr(end, ==, "");
        pair_finish(&pair);
        g_assert_cmpuint(pair.gones, ==, 0);
    }
}

/* TCP: what the peer sends after our last words must not turn them into a reset. */
static void
test_linger(void)
{
    Pair pair;

    pair_tcp(&pair, 1000);
    conn_write(pair.self, "421 bye\r\n", 9);
    conn_close(pair.self);
    pair.self = NULL;
    for (guint i = 0; i < 10; i++) {
        peer_send(&pair, "MAIL FROM:<a@b.example>\r\n");
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    }
    g_autofree char *back = peer_receive(&pair);
    g_assert_cmpstr(back, ==, "421 bye\r\n");
    pair_finish(&pair);
}

/* A peer that neither reads nor closes does not keep us: the linger time is bounded, and so are its bytes. */
static void
test_linger_is_bounded(void)
{
    Pair pair;
    char block[65536] = { 0 };
    size_t sent = 0;

    pair_tcp(&pair, 1000);
    conn_close(pair.self);
    pair.self = NULL;
    while (uv_loop_alive(&pair.loop)) {
        gssize n = send(pair.peer, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t) n : 0;
        uv_run(&pair.loop, UV_RUN_NOWAIT);
    }
    g_assert_cmpuint(sent, <, 50 * 1000 * 1000);
    pair_finish(&pair);
}

/* FIN, then our answer: it still arrives. */
static void
test_half_close(void)
{
    Pair pair;

    FOR_EACH_KIND(pair, 1000) {
        peer_send(&pair, ".\r\n");
        shutdown(pair.peer, SHUT_WR);
        while (pair.ends == 0)
            uv_run(&pair.loop, UV_RUN_ONCE);
        g_assert_cmpstr(pair.got->str, ==, ".\r\n");
        conn_write(pair.self, "250 ok\r\n", 8);
        conn_close(pair.self);
        pair.self = NULL;
        g_autofree char *back = peer_receive(&pair);
        g_assert_cmpstr(back, ==, "250 ok\r\n");
        pair_finish(&pair);
        g_assert_cmpuint(pair.ends, ==, 1);
        g_assert_cmpuint(pair.gones, ==, 0);
    }
}

/* Only a peer that is gone altogether counts as gone. */
static void
test_has_peer(void)
{
    Pair pair;

    FOR_EACH_KIND(pair, 1000) {
        g_assert_true(conn_has_peer(pair.self));
        shutdown(pair.peer, SHUT_WR);
        while (pair.ends == 0)
            uv_run(&pair.loop, UV_RUN_ONCE);
        g_assert_true(conn_has_peer(pair.self));
        peer_reset(&pair);
        while (conn_has_peer(pair.self))
            g_thread_yield();
        pair_finish(&pair);
    }
}

static void
test_reset(void)
{
    Pair pair;

    pair_tcp(&pair, 1000);
    peer_reset(&pair);
    while (pair.gones == 0)
        uv_run(&pair.loop, UV_RUN_ONCE);
    pair_finish(&pair);
    g_assert_cmpuint(pair.gones, ==, 1);
}

/* Writing to a connection that is gone: no signal, no callback from inside the write. */
static void
test_write_after_reset(void)
{
    Pair pair;

    FOR_EACH_KIND(pair, 1000) {
        conn_pause(pair.self);
        if (kind_ == 0)
            peer_reset(&pair);
        else
            peer_close(&pair);
        for (guint i = 0; i < 3; i++)
            conn_write(pair.self, "250 ok\r\n", 8);
        g_assert_cmpuint(pair.gones, ==, 0);
        while (pair.gones == 0)
            uv_run(&pair.loop, UV_RUN_ONCE);
        pair_finish(&pair);
    }
}

/* Letting go of it in the same moment: nobody is told. */
static void
test_close_after_reset(void)
{
    Pair pair;

    pair_tcp(&pair, 1000);
    peer_reset(&pair);
    conn_write(pair.self, "x", 1);
    conn_write(pair.self, "y", 1);
    conn_close(pair.self);
    pair.self = NULL;
    pair_finish(&pair);
    g_assert_cmpuint(pair.gones, ==, 0);
}

static void
test_pause(void)
{
    Pair pair;

    FOR_EACH_KIND(pair, 1000) {
        conn_pause(pair.self);
        peer_send(&pair, "NOOP\r\n");
        for (guint i = 0; i < 5; i++)
            uv_run(&pair.loop, UV_RUN_NOWAIT);
        g_assert_cmpuint(pair.reads, ==, 0);
        conn_resume(pair.self);
        while (pair.reads == 0)
            uv_run(&pair.loop, UV_RUN_ONCE);
        g_assert_cmpstr(pair.got->str, ==, "NOOP\r\n");
        pair_finish(&pair);
    }
}

/* What is written meanwhile leaves in its order, and nothing is read: at the end, or with the owner's leave. */
static void
test_hold(void)
{
    Pair pair;

    for (guint leaves = 0; leaves < 2; leaves++) {
        FOR_EACH_KIND(pair, 1000) {
            guint64 begun = uv_now(&pair.loop);
            conn_hold(pair.self, leaves ? 1000000 : 50);
            conn_write(pair.self, "one ", 4);
            peer_send(&pair, "more");
            uv_run(&pair.loop, UV_RUN_NOWAIT);
            conn_write(pair.self, "two", 3);
            g_assert_cmpuint(pair.reads, ==, 0);
            if (leaves)
                conn_close(g_steal_pointer(&pair.self));
            g_autofree char *text = peer_receive(&pair);
            g_assert_cmpstr(text, ==, "one two");
            g_assert_cmpuint(uv_now(&pair.loop), >=, begun + (leaves ? 0 : 50));
            while (!leaves && pair.reads == 0)
                uv_run(&pair.loop, UV_RUN_ONCE);
            pair_finish(&pair);
        }
    }
}

static void
test_deadline(void)
{
    Pair pair;

    FOR_EACH_KIND(pair, 1000) {
        conn_deadline(pair.self, 100000);
        conn_deadline(pair.self, 1); /* earlier than the timer is armed for */
        while (pair.expiries == 0) { /* one that has passed already is told of before a run that waits waits on */
            uv_run(&pair.loop, UV_RUN_NOWAIT);
            uv_sleep(1);
        }
        conn_deadline(pair.self, 1);
        conn_deadline(pair.self, 0);
        for (guint i = 0; i < 3; i++) {
            uv_sleep(2);
            uv_run(&pair.loop, UV_RUN_NOWAIT);
        }
        g_assert_cmpuint(pair.expiries, ==, 1);
        pair_finish(&pair);
    }
}

/* Input and output are two pipes, as under a service manager or in a shell. */
static void
test_pipes(void)
{
    Pair pair = { 0 };
    int in[2], out[2];
    char buf[16] = "";

    uv_loop_init(&pair.loop);
    g_assert_cmpint(pipe(in), ==, 0);
    g_assert_cmpint(pipe(out), ==, 0);
    pair.self = conn_open(&pair.loop, in[0], out[1], NULL);
    pair.peer = in[1];
    pair_start(&pair, 1000);
    pair.echo = true;
    peer_send(&pair, "NOOP\r\n");
    while (pair.reads == 0)
        uv_run(&pair.loop, UV_RUN_ONCE);
    g_assert_cmpint(read(out[0], buf, sizeof buf - 1), ==, 6);
    g_assert_cmpstr(buf, ==, "NOOP\r\n");
    peer_close(&pair);
    while (pair.ends == 0)
        uv_run(&pair.loop, UV_RUN_ONCE);
    close(out[0]);
    pair_finish(&pair);
}

static void
test_unpollable(void)
{
    g_autoptr(GError) error = NULL;
    uv_loop_t loop;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    uv_loop_init(&loop);
    g_assert_null(conn_open(&loop, fd, fd, &error));
    g_assert_nonnull(error);
    close(fd);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conn/echo", test_echo);
    g_test_add_func("/conn/replies-leave-together", test_replies_leave_together);
    g_test_add_func("/conn/peer-never-reads", test_peer_never_reads);
    g_test_add_func("/conn/blocked-writer", test_blocked_writer);
    g_test_add_func("/conn/slow-reader", test_slow_reader);
    g_test_add_func("/conn/close-flushes", test_close_flushes);
    g_test_add_func("/conn/close-in-callback", test_close_in_callback);
    g_test_add_func("/conn/linger", test_linger);
    g_test_add_func("/conn/linger-is-bounded", test_linger_is_bounded);
    g_test_add_func("/conn/half-close", test_half_close);
    g_test_add_func("/conn/has-peer", test_has_peer);
    g_test_add_func("/conn/reset", test_reset);
    g_test_add_func("/conn/write-after-reset", test_write_after_reset);
    g_test_add_func("/conn/close-after-reset", test_close_after_reset);
    g_test_add_func("/conn/pause", test_pause);
    g_test_add_func("/conn/hold", test_hold);
    g_test_add_func("/conn/deadline", test_deadline);
    g_test_add_func("/conn/pipes", test_pipes);
    g_test_add_func("/conn/unpollable", test_unpollable);
    return g_test_run();
}
