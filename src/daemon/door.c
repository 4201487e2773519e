#include "daemon/door.h"

#include "base/log.h"
#include "io/listener.h"
#include "io/proxy.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
    HEADER_MS = 5000,    /* for a proxy to say who comes */
    MAX_ARRIVALS = 1000, /* whose header is waited for, at one door */
};

struct Door {
    DoorWorld *world;
    const Listen *listen;
    Listener *listener;
    GQueue arrivals; /* of Arrival, each through its own link */
};

/* A connection from a proxy whose header has not come yet. */
typedef struct {
    Door *door;
    GList link;
    Conn *conn;
    Endpoint proxy;
    size_t n;
    char bytes[PROXY_MAX_BYTES];
} Arrival;

static void
let_in(Door *door, Conn *conn, const Endpoint *peer)
{
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
    facts.trusted = !endpoint_is_unix(peer) && gate_is_in(listen->trusted, peer);
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

/* --- behind a proxy ------------------------------------------------------------------------------ */

static void
arrival_free(Arrival *self)
{
    g_queue_unlink(&self->door->arrivals, &self->link);
    g_free(self);
}

/* Nothing is said: who does not keep to the protocol may not even speak SMTP. */
static void
arrival_refuse(Arrival *self, const char *why)
{
    const Reply reply = { 421, "4.7.0", (char *) why };
    char proxy[ENDPOINT_TEXT_BYTES];

    refusal_log(&self->door->world->refusals, self->door->listen->name, endpoint_host(&self->proxy, proxy), &reply);
    conn_close_now(self->conn);
    arrival_free(self);
}

static void
arrival_let_in(Arrival *self, const Endpoint *peer)
{
    Door *door = self->door;
    Conn *conn = self->conn;
    Endpoint from = *peer;

    arrival_free(self);
    conn_deadline(conn, 0);
    conn_limit(conn, 0);
    let_in(door, conn, &from);
}

static void
on_header(void *user, const char *bytes, size_t n)
{
    Arrival *self = user;
    Endpoint peer;
    size_t wanted;

    memcpy(self->bytes + self->n, bytes, n);
    self->n += n;
    ProxyResult result = proxy_parse(self->bytes, self->n, &wanted, &peer);
    if (result == PROXY_MORE)
        conn_limit(self->conn, wanted);
    else if (result == PROXY_BAD)
        arrival_refuse(self, "Not a PROXY header");
    else
        arrival_let_in(self, result == PROXY_OTHER ? &peer : &self->proxy);
}

static void
on_header_end(void *user)
{
    arrival_refuse(user, "Closed before the PROXY header");
}

static void
on_header_late(void *user)
{
    arrival_refuse(user, "No PROXY header in time");
}

static void
on_header_gone(void *user)
{
    arrival_free(user);
}

static void
await_header(Door *door, Conn *conn, const Endpoint *proxy)
{
    static const ConnOps ops = { on_header, on_header_end, on_header_late, on_header_gone, NULL, NULL };
    Arrival *self = g_new0(Arrival, 1);

    self->door = door;
    self->conn = conn;
    self->proxy = *proxy;
    self->link.data = self;
    g_queue_push_tail_link(&door->arrivals, &self->link);
    if (door->arrivals.length > MAX_ARRIVALS) {
        arrival_refuse(self, "Too many connections without a PROXY header");
        return;
    }
    conn_limit(conn, PROXY_FIRST_BYTES);
    conn_deadline(conn, HEADER_MS);
    conn_start(conn, &ops, self, door->listen->conf.write_timeout_ms);
}

/* --- the door ------------------------------------------------------------------------------------ */

static void
on_accepted(Conn *conn, const Endpoint *peer, void *user)
{
    Door *self = user;

    if (!endpoint_is_unix(peer) && gate_is_in(self->listen->proxies, peer))
        await_header(self, conn, peer);
    else
        let_in(self, conn, peer);
}

void
door_close(Door *self)
{
    for (Arrival *one; (one = g_queue_peek_head(&self->arrivals));) {
        conn_close_now(one->conn);
        arrival_free(one);
    }
    if (self->listener)
        listener_close(self->listener);
    g_free(self);
}

Door *
door_open(DoorWorld *world, const Listen *listen, GError **error)
{
    Door *self = g_new0(Door, 1);
    char host[ENDPOINT_TEXT_BYTES];

    g_queue_init(&self->arrivals);
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

bool
door_is_at(const Door *self, const char *address)
{
    return strcmp(self->listen->conf.address, address) == 0;
}

void
door_change(Door *self, const Listen *listen)
{
    if (listen->conf.address[0] == '/' && listen->conf.mode != self->listen->conf.mode)
        chmod(listen->conf.address, (mode_t) listen->conf.mode);
    self->listen = listen;
}

const Listen *
door_listen(const Door *self)
{
    return self->listen;
}
