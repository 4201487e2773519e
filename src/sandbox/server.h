/* HTTP: libmicrohttpd on one thread of its own, which serves the tables of endpoints. The
 * main thread starts and stops it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "sandbox/exchange.h"

typedef struct Server Server;

/* Listens as the options say and begins to serve. sandbox is borrowed and belongs to the
 * server's thread until server_stop(). */
Server *server_start(Sandbox *sandbox, GError **error);

/* "http://127.0.0.1:8025"; the caller frees it. */
char *server_url(const Server *self);

/* Answers what is waiting, closes all connections and frees the server. */
void server_stop(Server *self);
