/* Where clients come in: a listener and its section, who is let in, and who is told why not. The server takes over
 * from there. Loop thread. */
#pragma once

#include "daemon/gate.h"
#include "daemon/ingress.h"
#include "daemon/refusal.h"

typedef struct Door Door;

/* What all doors share; borrowed by each. */
typedef struct {
    uv_loop_t *loop;
    Gate *gate;

    /* Somebody came in, who owns conn, not started, and must give ticket back. facts->client is valid during the
     * call. */
    void (*guest)(Conn *conn, const IngressClient *facts, const GateTicket *ticket, void *user);
    void *user;
    RefusalLog refusals;
} DoorWorld;

/* Listens from now on. listen is borrowed. Sets an IoError. */
Door *door_open(DoorWorld *world, const Listen *listen, GError **error);

/* Whether the section is for that address; whoever comes in from then on comes by it. */
bool door_is_at(const Door *self, const char *address);
void door_change(Door *self, const Listen *listen);
const Listen *door_listen(const Door *self);
void door_close(Door *self);
