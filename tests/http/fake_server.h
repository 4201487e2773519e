/* An HTTP server that does what its script says, on the test's own loop and a free port. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <uv.h>

typedef enum {
    FAKE_ANSWER,      /* text as it stands, once the request is there in full; connection stays open */
    FAKE_ANSWER_DRIP, /* text, one byte every 5 ms, for ever: starts anew at its end */
    FAKE_LAST,        /* answers, then closes */
    FAKE_CLOSE,       /* reads the request in full and closes */
    FAKE_CLOSE_EARLY, /* closes when n bytes of the request have come */
    FAKE_HANG,        /* reads the request in full and says nothing */
} FakeAction;

typedef struct {
    FakeAction action;
    const char *text;
    size_t n;
} FakeStep;

typedef struct {
    uv_tcp_t tcp;
    uv_loop_t *loop;
    int port;
    const FakeStep *steps; /* one for each request; the last one for all that follow */
    guint step_count;
    GPtrArray *requests;  /* of GString: those that came in full */
    guint connections;    /* accepted */
    guint begun;          /* requests of which a byte came */
    guint open, most_open;
    guint closed_by_server;
    GPtrArray *peers;
} FakeServer;

FakeServer *fake_server_new(uv_loop_t *loop, const FakeStep *steps, guint step_count);

/* Closes the listener and all connections; frees itself while the loop runs on. */
void fake_server_close(FakeServer *self);

/* The n-th whole request, head and body. */
const char *fake_server_request(FakeServer *self, guint n);

#define FAKE_OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
