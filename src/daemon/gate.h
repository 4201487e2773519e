/* Who may come in: the networks of a listener, connections in all, for each network and for each client. The
 * counters are no more than there are connections. Loop thread. */
#pragma once

#include "daemon/settings.h"

typedef struct Gate Gate;

/* What a client that came in must give back. */
typedef struct {
    bool by_address;
    guint8 key[16];
} GateTicket;

Gate *gate_new(guint max_connections);
void gate_free(Gate *self);

/* Whether peer, of TCP, is in one of networks. */
bool gate_is_in(const GArray *networks, const Endpoint *peer);

/* NULL: come in, and fill the ticket. Else what to tell the client instead; constant. */
const Reply *gate_enter(Gate *self, const Listen *listen, const Endpoint *peer, GateTicket *ticket);
void gate_leave(Gate *self, const GateTicket *ticket);

/* Connections a process with so many descriptors can serve: each may need a second one for its message, and others
 * need some too. Without a limit of our own the surplus would be closed without a word. */
guint gate_capacity(guint files, guint wanted);
