/* A byte stream on the loop: TCP, unix socket or a pair of descriptors. Reads go through one
 * buffer shared by the whole loop, so that an idle connection holds none; output that the peer
 * does not take is queued, and while much is queued nothing more is read: a peer that never
 * reads costs bounded memory. Whoever got a Conn owns it until conn_close() or until `gone`
 * came. Needs SIGPIPE ignored. Loop thread; one loop per thread. */
#pragma once

#include "io/tls.h"

#include <uv.h>

typedef struct Conn Conn;

enum {
    CONN_READ_BYTES = 64 * 1024,
    CONN_HIGH_WATER = 16 * 1024, /* unsent bytes at which reading stops */
    CONN_LOW_WATER = 4 * 1024,   /* and at which it goes on */
};

/* Any of them may call conn_close(); none comes after it. */
typedef struct {
    /* Bytes from the peer, valid during the call. What is written meanwhile leaves in one piece after it. */
    void (*bytes)(void *user, const char *bytes, size_t n);

    /* The peer sends no more; it may still read. */
    void (*end)(void *user);

    /* The time of conn_deadline() has come. */
    void (*expired)(void *user);

    /* The connection broke: reset, or stalled. The Conn is no more. */
    void (*gone)(void *user);

    /* The handshake of conn_secure() is done; before it nothing that is written is sent. talked: the peer's first
     * bytes have come with its end of the handshake. */
    void (*secured)(void *user, const TlsFacts *facts, bool talked);

    /* The peer has broken the rules of TLS; why in few words. `gone` follows. */
    void (*insecure)(void *user, const char *why);

    /* The peer has taken nothing of what is written for too long. `gone` follows. */
    void (*stalled)(void *user);
} ConnOps;

/* Takes a connection from a listening stream; NULL if it is gone already. */
Conn *conn_accept(uv_stream_t *server);

/* Over two descriptors, which it takes; they may be the same socket, pipes, or a terminal. */
Conn *conn_open(uv_loop_t *loop, int in, int out, GError **error);

/* Begins to read. A peer that takes nothing for write_ms breaks the connection. ops is borrowed. */
void conn_start(Conn *self, const ConnOps *ops, void *user, gint64 write_ms);

/* What was written so far goes as it is; then the peer must begin a TLS handshake. The owner sets its deadline. */
void conn_secure(Conn *self, TlsContext *context);

/* Sends a copy, at once where the system takes it. Errors show as `gone`, later. */
void conn_write(Conn *self, const char *bytes, size_t n);

/* Bytes written and not taken by the system yet. */
size_t conn_unsent(const Conn *self);

/* No bytes come between the two, besides those the peer has sent already. */
void conn_pause(Conn *self);
void conn_resume(Conn *self);

/* What is written from now on leaves together, ms from now, and nothing is read meanwhile; called again: later. At
 * conn_close() and conn_secure() it leaves at once. */
void conn_hold(Conn *self, gint64 ms);

/* At most n bytes are taken from the system at once from now on; 0: CONN_READ_BYTES. A peer that has sent more has its
 * next turn after everybody else's, so that n is what one peer can make the others wait for. Without TLS `bytes` brings
 * no more than that either. */
void conn_limit(Conn *self, size_t n);

/* `expired` comes once, ms from now unless called again before; 0: never. Moving a deadline back costs
 * next to nothing. */
void conn_deadline(Conn *self, gint64 ms);

/* TCP: tells the peer now that its bytes have come. A client that sends a command in two segments holds the second
 * one back until then, and the system would take 40 ms; a reply tells it too. */
void conn_acknowledge(Conn *self);

/* False once nobody can read any more what is written: the peer has broken off, or closed altogether. A peer that is
 * silent after its `end` is asked now and then; over TCP it can take more than a minute to show that it has closed. */
bool conn_has_peer(const Conn *self);

/* The descriptor that is read, for socket options. */
int conn_fd(const Conn *self);

/* Lets go of the connection: what is queued is still sent, the peer gets a little time to read it. */
void conn_close(Conn *self);

/* The same without waiting for anything; what the system has taken is still delivered. */
void conn_close_now(Conn *self);
