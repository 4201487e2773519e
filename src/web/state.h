/* What server.c and request.c share. Private to web/. */
#pragma once

#include "web/server.h"

#include <microhttpd.h>

typedef struct Listener Listener;

struct WebServer {
    WebConf conf;
    uv_loop_t *loop;
    Listener *listener;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t run;  /* libmicrohttpd wants to be called then */
    bool woken;      /* and at once */
    uv_timer_t look; /* the first of the guests has had his time then */
    GQueue guests;   /* of Guest, each through its own link, who came first in front */
    GQueue waiting;  /* of WebRequest, likewise: they are suspended */
    gsize held;      /* bytes of all bodies */
    gsize largest;   /* body that any request may have had so far */
    guint handles;
};

/* Libmicrohttpd's callbacks: a request's beginning, each piece of its body, and its end; user is the server. */
enum MHD_Result request_on_bytes(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *bytes, size_t *n, void **slot);
void request_on_completed(void *user, struct MHD_Connection *connection, void **slot,
                          enum MHD_RequestTerminationCode why);

/* Nobody who is suspended gets an answer any more. */
void requests_cut(WebServer *server);

/* The guest has his answer: his time begins anew. */
void server_renew(WebServer *self, struct MHD_Connection *connection);

/* Libmicrohttpd has something to do. */
void server_wake(WebServer *self);
