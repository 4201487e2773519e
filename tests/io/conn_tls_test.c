/* A connection that turns to TLS: order of what was said before and after, ends of all kinds, floods. */
#include "pair.h"
#include "tls_peer.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A Pair whose peer speaks TLS. */
typedef struct {
    Pair pair;
    TlsContext *context;
    TlsPeer peer;
    guint secured, insecure;
    bool talked;
    const char *say; /* once secured */
} Secure;

static Secure *current;

static void
on_secured(void *user, const TlsFacts *facts, bool talked)
{
    current->secured++;
    current->talked = talked;
    if (current->say)
        conn_write(current->pair.self, current->say, strlen(current->say));
}

static void
on_insecure(void *user, const char *why)
{
    g_assert_cmpint(*why, !=, '\0');
    current->insecure++;
}

static void
secure_open(Secure *self, const Identity *identity, const char *say, guint kind)
{
    static ConnOps ops;
    const char *both[] = { identity->both, NULL };

    *self = (Secure) { .say = say };
    current = self;
    self->context = tls_context_new(&(TlsSettings) { .name = "test", .certificates = both }, NULL);
    g_assert_nonnull(self->context);
    (kind ? pair_unix : pair_tcp)(&self->pair, 1000);
    ops = pair_ops;
    ops.secured = on_secured;
    ops.insecure = on_insecure;
    conn_start(self->pair.self, &ops, &self->pair, 60000);
    conn_write(self->pair.self, "plain", 5);
    conn_secure(self->pair.self, self->context);
    tls_peer_init(&self->peer);
    tls_peer_connect(&self->peer, NULL);
    g_autofree char *plain = peer_receive(&self->pair);
    g_assert_cmpstr(plain, ==, "plain");
}

static void
secure_close(Secure *self)
{
    pair_finish(&self->pair);
    tls_peer_clear(&self->peer);
    tls_context_unref(self->context);
}

static void
send_all(Secure *self)
{
    g_autoptr(GByteArray) bytes = tls_peer_output(&self->peer);

    g_assert_cmpint(write(self->pair.peer, bytes->data, bytes->len), ==, (gssize) bytes->len);
}

/* Sends what is there, then reads and answers until text has come. */
static void
expect(Secure *self, const char *text)
{
    g_autoptr(GString) plain = g_string_new(NULL);

    send_all(self);
    while (!strstr(plain->str, text)) {
        struct pollfd ready = { .fd = self->pair.peer, .events = POLLIN };
        char buf[65536];
        while (poll(&ready, 1, 0) == 0)
            uv_run(&self->pair.loop, UV_RUN_ONCE);
        gssize n = read(self->pair.peer, buf, sizeof buf);
        g_assert_cmpint(n, >, 0);
        g_autoptr(GString) some = tls_peer_take(&self->peer, buf, (size_t) n);
        g_string_append_len(plain, some->str, (gssize) some->len);
        send_all(self);
    }
}

static void
run_until(Secure *self, const guint *count)
{
    while (*count == 0)
        uv_run(&self->pair.loop, UV_RUN_ONCE);
}

#define FOR_BOTH(secure, say)                                                                                 \
    g_autoptr(Identity) identity = identity_new("mx.test", "DNS:mx.test", NULL);                              \
    for (guint kind_ = 0; kind_ < 2 && (secure_open(&(secure), identity, (say), kind_), true); kind_++)

static void
test_dialogue(void)
{
    Secure secure;

    FOR_BOTH(secure, "banner\r\n") {
        secure.pair.echo = true;
        expect(&secure, "banner\r\n");
        g_assert_cmpuint(secure.secured, ==, 1);
        g_assert_false(secure.talked);
        tls_peer_say(&secure.peer, "echo this");
        expect(&secure, "echo this");
        g_assert_cmpstr(secure.pair.got->str, ==, "echo this");
        SSL_shutdown(secure.peer.ssl);
        send_all(&secure);
        run_until(&secure, &secure.pair.ends);
        conn_write(secure.pair.self, "last", 4);
        expect(&secure, "last");
        g_assert_cmpuint(secure.pair.ends, ==, 1);
        g_assert_cmpuint(secure.insecure, ==, 0);
        secure_close(&secure);
    }
}

/* What counts is what the system takes, not what TLS makes of it. */
static void
test_blocked_writer(void)
{
    Secure secure;

    FOR_BOTH(secure, "banner") {
        g_autofree char *big = g_malloc0(20 * 1000 * 1000);
        expect(&secure, "banner");
        conn_start(secure.pair.self, &pair_ops, &secure.pair, 20);
        conn_write(secure.pair.self, big, 20 * 1000 * 1000);
        run_until(&secure, &secure.pair.gones);
        g_assert_cmpuint(secure.pair.stalls, ==, 1);
        secure_close(&secure);
    }
}

/* The client's first command comes with its last words of the handshake. */
static void
test_talked(void)
{
    Secure secure;

    FOR_BOTH(secure, "banner") {
        send_all(&secure);
        char buf[65536];
        struct pollfd ready = { .fd = secure.pair.peer, .events = POLLIN };
        while (!secure.peer.ready) {
            while (poll(&ready, 1, 0) == 0)
                uv_run(&secure.pair.loop, UV_RUN_ONCE);
            gssize n = read(secure.pair.peer, buf, sizeof buf);
            g_string_free(tls_peer_take(&secure.peer, buf, (size_t) n), TRUE);
        }
        tls_peer_say(&secure.peer, "EHLO early");
        send_all(&secure);
        run_until(&secure, &secure.pair.reads);
        g_assert_true(secure.talked);
        g_assert_cmpstr(secure.pair.got->str, ==, "EHLO early");
        secure_close(&secure);
    }
}

/* Our end closes: everything written arrives, then close_notify, then the end. */
static void
test_close(void)
{
    Secure secure;

    FOR_BOTH(secure, "hello") {
        secure.pair.close_on_bytes = true;
        secure.pair.write_on_bytes = 1000000;
        expect(&secure, "hello");
        tls_peer_say(&secure.peer, "go");
        send_all(&secure);
        size_t plain = 0;
        for (;;) {
            char buf[65536];
            gssize n = recv(secure.pair.peer, buf, sizeof buf, MSG_DONTWAIT);
            if (n == 0)
                break;
            if (n < 0) {
                uv_run(&secure.pair.loop, UV_RUN_ONCE);
                continue;
            }
            g_autoptr(GString) some = tls_peer_take(&secure.peer, buf, (size_t) n);
            plain += some->len;
        }
        g_assert_cmpuint(plain, ==, 1000000);
        g_assert_true(secure.peer.ended);
        secure_close(&secure);
    }
}

static void
test_broken(void)
{
    Secure secure;

    FOR_BOTH(secure, NULL) {
        peer_send(&secure.pair, "EHLO this.is.no.tls\r\n");
        run_until(&secure, &secure.pair.gones);
        g_assert_cmpuint(secure.insecure, ==, 1);
        g_assert_cmpuint(secure.pair.reads + secure.secured, ==, 0);
        secure_close(&secure);
    }
}

/* The peer goes away in the middle of the handshake, or of the session, without a goodbye. */
static void
test_truncated(void)
{
    Secure secure;

    FOR_BOTH(secure, "hello") {
        send_all(&secure);
        peer_close(&secure.pair);
        run_until(&secure, &secure.pair.gones);
        g_assert_cmpuint(secure.secured, ==, 0);
        secure_close(&secure);
        secure_open(&secure, identity, "hello", kind_);
        expect(&secure, "hello");
        shutdown(secure.pair.peer, SHUT_WR);
        run_until(&secure, &secure.pair.ends);
        g_assert_cmpuint(secure.pair.gones + secure.insecure, ==, 0);
        secure_close(&secure);
    }
}

/* What is written before the handshake is over must not leave as plain text. */
static void
test_nothing_plain(void)
{
    Secure secure;

    FOR_BOTH(secure, "hello") {
        conn_write(secure.pair.self, "secret", 6);
        conn_close(secure.pair.self);
        secure.pair.self = NULL;
        g_assert_cmpuint(peer_drain(&secure.pair), ==, 0);
        secure_close(&secure);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add_func("/conn-tls/dialogue", test_dialogue);
    g_test_add_func("/conn-tls/blocked-writer", test_blocked_writer);
    g_test_add_func("/conn-tls/talked", test_talked);
    g_test_add_func("/conn-tls/close", test_close);
    g_test_add_func("/conn-tls/broken", test_broken);
    g_test_add_func("/conn-tls/truncated", test_truncated);
    g_test_add_func("/conn-tls/nothing-plain", test_nothing_plain);
    return g_test_run();
}
