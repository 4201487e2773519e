/* A listening TCP socket for a numeric ADDRESS:PORT. Used by server.c. */
#pragma once

#include <glib.h>

/* The socket, non-blocking; -1 with error set. [v6]:port as well, port 0 for any free one. */
int listener_open(const char *address, GError **error);

/* The address with the real port, as it stands in a URL; the caller frees it. */
char *listener_name(int fd);
