/* A listening socket: made here, or inherited from a service manager (LISTEN_FDS, sd_listen_fds(3)).
 * A unix socket's stale file is replaced, but never that of a process that still listens; a lock
 * beside it keeps two daemons apart. Loop thread. */
#pragma once

#include "io/conn.h"
#include "io/endpoint.h"

typedef struct Listener Listener;

/* Somebody connected; the callback owns conn, not started yet. peer is valid during the call. */
typedef void (*ListenerAccepted)(Conn *conn, const Endpoint *peer, void *user);

/* name finds an inherited socket by its FileDescriptorName, if none has the address. mode is that
 * of a unix socket's file. Sets an IoError. */
Listener *listener_open(uv_loop_t *loop, const char *name, const char *address, guint mode, GError **error);

/* Begins to accept; connections have been queueing since listener_open(). */
bool listener_start(Listener *self, ListenerAccepted accepted, void *user, GError **error);

/* For who accepts himself, and does not close it: without listener_start(). */
int listener_fd(const Listener *self);

/* Where it really listens: port 0 has become a port. */
const Endpoint *listener_endpoint(const Listener *self);

/* Frees the listener once its handle is closed; removes the file of a unix socket made here. */
void listener_close(Listener *self);

/* Inherited sockets that no listener_open() took are closed; returns how many there were. */
guint listener_forget_inherited(void);

/* The descriptors this process may have, after raising the soft limit to the hard one. */
guint listener_raise_files(void);
