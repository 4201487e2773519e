/* A connection and its peer for the tests of io/conn. */
#pragma once

#include "io/listener.h"

/* `self` is ours, `peer` the other end as a plain socket. */
typedef struct {
    uv_loop_t loop;
    Conn *self;
    int peer;
    GString *got;
    guint reads, ends, expiries, gones, stalls;
    bool echo, close_on_bytes;
    size_t write_on_bytes;
} Pair;

/* Note what comes and do what the Pair says. */
extern const ConnOps pair_ops;

/* The last step of making a Pair by hand. */
void pair_start(Pair *pair, gint64 write_ms);

void pair_tcp(Pair *pair, gint64 write_ms);
void pair_unix(Pair *pair, gint64 write_ms);

/* Closes what is left and asserts that the loop closes empty. */
void pair_finish(Pair *pair);

void peer_send(Pair *pair, const char *text);

/* Runs the loop until the peer can read, then returns what it gets in one read. */
char *peer_receive(Pair *pair);

/* Reads to the end while the loop runs; returns the number of bytes. */
size_t peer_drain(Pair *pair);

void peer_reset(Pair *pair);
void peer_close(Pair *pair);

typedef void (*PairMaker)(Pair *pair, gint64 write_ms);

/* Both kinds of socket go through every test. */
#define FOR_EACH_KIND(pair, write_ms)                                                                        \
    for (guint kind_ = 0; kind_ < 2 && (((PairMaker[]) { pair_tcp, pair_unix })[kind_](&(pair), (write_ms)), true); \
         kind_++)
