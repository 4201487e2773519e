#include "daemon/door.h"

#include "base/log.h"
#include "io/listener.h"

#include <string.h>
#include <sys/socket.h>

struct Door {
    DoorWorld *world;
    const Listen *listen;
    Listener *listener;
};

static void
on_accepted(Conn *conn, const Endpoint *peer, void *user)
{
    Door *door = user;
    DoorWorld *world = door->world;
    const Listen *listen = door->listen;
    struct ucred peer_user;
    socklen_t n = sizeof peer_user;
    char client[ENDPOINT_TEXT_BYTES] = "unix";
    GateTicket ticket = { 0 };
    IngressClient facts = { .listen = listen, .client = client };

    if (endpoint_is_unix(peer)) {
        facts.has_uid = getsockopt(conn_fd(conn), SOL_SOCKET, SO_PEERCRED, &peer_user, &n) == 0;
        facts.uid = facts.has_uid ? peer_user.uid : 0;
    } else {
        endpoint_host(peer, client);
    }
    bool tls_first = listen->smtp.tls == SMTP_TLS_ALWAYS;
    const Reply *refusal = gate_enter(world->gate, listen, peer, &ticket);
    if (!refusal && !tls_first && !listen->smtp.early_talk && refusal_has_talked(conn)) {
        gate_leave(world->gate, &ticket);
        refusal = &smtp_early_talk;
    }
    memcpy(facts.key, ticket.key, sizeof facts.key);
    if (!ticket.by_address)
        memcpy(facts.key, &facts.uid, sizeof facts.uid);
    if (!refusal) {
        world->guest(conn, &facts, &ticket, world->user);
        return;
    }
    refusal_log(&world->refusals, listen->name, client, refusal);
    if (tls_first)
        conn_close_now(conn); /* words without TLS would not be understood */
    else
        refusal_say(conn, refusal);
}

void
door_close(Door *self)
{
    if (self->listener)
        listener_close(self->listener);
    g_free(self);
}

Door *
door_open(DoorWorld *world, const Listen *listen, GError **error)
{
    Door *self = g_new0(Door, 1);
    char host[ENDPOINT_TEXT_BYTES];

    self->world = world;
    self->listen = listen;
    self->listener = listener_open(world->loop, listen->name, listen->conf.address, listen->conf.mode, error);
    if (!self->listener || !listener_start(self->listener, on_accepted, self, error)) {
        door_close(self);
        return NULL;
    }
    const Endpoint *at = listener_endpoint(self->listener);
    guint port = endpoint_port(at);
    log_event(LOG_NOTICE, "listening", "listener", listen->name, "address", endpoint_host(at, host), "port",
              port > 0 ? LOG_NUM(port) : NULL, NULL);
    return self;
}
