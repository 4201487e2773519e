/* A small HTTP/1.1 server on the loop, for the daemon's own pages and for what others tell it: libmicrohttpd without
 * threads of its own. Bodies and answers are wholes in memory. Strangers cost little: few connections at once, small
 * headers, bodies only where they are allowed, so large and so much in all, and a time in which a request must have come
 * and its answer have gone, however slowly bytes drip. Loop thread. */
#pragma once

#include "io/endpoint.h"

#include <uv.h>

typedef struct WebServer WebServer;
typedef struct WebRequest WebRequest;

typedef struct {
    const char *name;      /* of an inherited socket, as for listener_open() */
    const char *address;   /* endpoint_parse(), or a unix socket's path */
    guint mode;            /* of a unix socket's file */
    const char *methods;   /* "GET, HEAD": as the header Allow has them */
    guint max_connections; /* others wait for their turn */
    guint patience_ms;     /* from a connection's beginning, or its last answer, to the end of the next */

    /* Whether someone may ask at all; his connection is closed otherwise. */
    bool (*may_enter)(const Endpoint *peer, void *user);

    /* May be NULL: no request has a body. A request's head is there: sets how many bytes of body it may have. 0: go on;
     * else the status it is answered with, and its body is not kept. */
    guint (*begun)(const WebRequest *request, gsize *max_body, void *user);

    /* All of the request is there, which is valid until its answer: web_answer() must follow once, now or later. */
    void (*asked)(WebRequest *request, void *user);

    /* May be NULL. It was answered here: because of its method, its body's size, or by what begun() said. */
    void (*refused)(const WebRequest *request, guint status, void *user);
    void *user;
} WebConf;

/* Listens from now on; conf is copied but for what it points to, of which user and methods are needed later. Does not
 * keep the loop alive. Sets an IoError. */
WebServer *web_server_new(uv_loop_t *loop, const WebConf *conf, GError **error);

const Endpoint *web_server_endpoint(const WebServer *self);

/* Without what follows a question mark; %xx are bytes. */
const char *web_path(const WebRequest *request);

/* The body; "" where there is none. A NUL follows. */
const char *web_body(const WebRequest *request, gsize *n);

/* The body is not needed any more. */
void web_drop_body(WebRequest *request);

/* A header's first value, or NULL. Only while begun(), asked() and refused() run, as the next one. */
const char *web_header(const WebRequest *request, const char *name);
bool web_peer(const WebRequest *request, Endpoint *peer);

/* Takes text. Also after web_server_close(), when nobody gets it. */
void web_answer(WebRequest *request, guint status, const char *type, GString *text);

/* Whether the answer can still reach anybody. */
bool web_is_wanted(const WebRequest *request);

/* Nothing is asked any more; whoever waits for an answer is cut off. The loop must run on until its handles are closed.
 * NULL is fine. */
void web_server_close(WebServer *self);
