/* The HTTP client: libcurl's multi interface on a libuv loop. Everything on the loop's thread.
 * http and https only, redirects never followed, TLS always verified, no proxy or netrc from the
 * environment, connections kept and reused, every phase has a deadline. A request whose last byte may
 * have left is never sent again. The program must ignore SIGPIPE. */
#pragma once

#include "http/request.h"

#include <uv.h>

typedef struct HttpClient HttpClient;
typedef struct HttpExchange HttpExchange;
typedef void (*HttpDone)(const HttpResponse *response, void *user);

/* Takes the next bytes of an answer's body as they arrive; false: no more, the exchange ends as HTTP_BROKEN. Must not
 * start or end exchanges. */
typedef bool (*HttpSink)(int status, const char *bytes, size_t n, void *user);

typedef struct {
    HttpSink sink;
    void *user;
    gint64 max_bytes; /* a longer answer is HTTP_BROKEN */
} HttpStream;

typedef struct {
    const char *user_agent;
    const char *ca_file;      /* NULL: the system's */
    const char *proxy;        /* NULL: none, whatever the environment says */
    gint64 connect_ms;        /* name, TCP and TLS together */
    gint64 idle_ms;           /* longest time without a byte in either direction once the request has begun */
    gint64 total_ms;          /* whole exchange without body time; bodies, and streams, add a second per 16 KiB */
    guint connections_per_host;
} HttpConf;

HttpClient *http_client_new(uv_loop_t *loop, const HttpConf *conf);

/* Sends a request, which it takes. done comes exactly once, on the loop's thread, never before
 * this has returned, and may start or cancel others; the response is freed behind it. After
 * http_cancel() it does not come. */
HttpExchange *http_send(HttpClient *client, HttpRequest *request, HttpDone done, void *user);

/* The same for an answer that may be long: its body goes to the stream, all of it before done. */
HttpExchange *http_send_stream(HttpClient *client, HttpRequest *request, const HttpStream *stream, HttpDone done,
                               void *user);

/* No more of the answer than what is under way, a few KB, until http_go_on(): for a sink that cannot keep up, from
 * inside it, too. Meanwhile only the whole exchange's deadline counts. */
void http_hold(HttpExchange *exchange);

/* The sink may be called from in here. */
void http_go_on(HttpExchange *exchange);

/* Ends an exchange and clears the pointer; NULL inside is fine. */
void http_cancel(HttpExchange **exchange);

/* Cancels what is left and closes everything; the loop must run on until its handles are closed. Frees
 * the client by then. */
void http_client_close(HttpClient *client);
