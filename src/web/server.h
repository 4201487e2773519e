/* A small HTTP/1.1 server on the loop, for the daemon's own pages: libmicrohttpd without threads of its own. Requests
 * without a body, answers as a whole. Strangers cost little: few connections at once, small headers, and a time in which
 * a request must have come and its answer have gone, however slowly bytes drip. Loop thread. */
#pragma once

#include "io/endpoint.h"

#include <uv.h>

typedef struct WebServer WebServer;
typedef struct WebRequest WebRequest;

typedef struct {
    const char *name;    /* of an inherited socket, as for listener_open() */
    const char *address; /* endpoint_parse(), or a unix socket's path */
    guint mode;          /* of a unix socket's file */
    guint patience_ms;   /* from a connection's beginning, or its last answer, to the end of the next */

    /* Whether someone may ask at all; his connection is closed otherwise. */
    bool (*may_enter)(const Endpoint *peer, void *user);

    /* GET or HEAD of a path, which is valid until the answer. web_answer() must follow once, now or later. */
    void (*asked)(WebRequest *request, const char *path, void *user);
    void *user;
} WebConf;

/* Listens from now on; conf is copied but for what it points to, of which only user is needed later. Does not keep the
 * loop alive. Sets an IoError. */
WebServer *web_server_new(uv_loop_t *loop, const WebConf *conf, GError **error);

const Endpoint *web_server_endpoint(const WebServer *self);

/* Takes text. Also after web_server_close(), when nobody gets it. */
void web_answer(WebRequest *request, guint status, const char *type, GString *text);

/* Whether the answer can still reach anybody. */
bool web_is_wanted(const WebRequest *request);

/* Nothing is asked any more; whoever waits for an answer is cut off. The loop must run on until its handles are closed.
 * NULL is fine. */
void web_server_close(WebServer *self);
