#include "daemon/smtp_server.h"

#include "base/log.h"
#include "daemon/doors.h"
#include "daemon/figures.h"
#include "daemon/patience.h"
#include "io/listener.h"

#include <unistd.h>

enum {
    HANDSHAKE_MS = 30000,   /* for TLS to begin */
    COMMAND_BYTES = 2048,   /* commands are taken in such pieces: each may be a hundred of them */
};

struct SmtpServer {
    const IngressHub *hub;
    DoorWorld world;
    GPtrArray *doors; /* of Door */
    GQueue clients;   /* of Client, each through its own link */
    Stress stress;
    uv_timer_t drain;
    bool draining, empty_told;
    void (*empty)(void *user);
    void *user;
};

typedef struct {
    SmtpServer *server;
    Settings *settings; /* that listen is of */
    const Listen *listen;
    GList link;
    GateTicket ticket;
    Conn *conn;
    IngressClient facts;
    Ingress *ingress; /* NULL: TLS comes first */
    bool handshaking;
    GByteArray *held; /* came while the session was busy; NULL: nothing */
    SmtpPhase phase;  /* when its deadline was set */
    gint64 begun;     /* loop time, as the next */
    gint64 data_due;
    guint errors;     /* the session's, as far as they were answered */
    bool replied;     /* something was written since */
    bool quit, ended; /* we shall say no more; the client will */
    char client[INET6_ADDRSTRLEN];
} Client;

/* --- the end of a session ------------------------------------------------------------------------ */

static void server_count(SmtpServer *self);

static void
server_check_empty(SmtpServer *self)
{
    if (!self->draining || self->clients.length > 0 || self->empty_told)
        return;
    self->empty_told = true;
    uv_close((uv_handle_t *) &self->drain, NULL);
    self->empty(self->user);
}

static void
client_free(Client *self)
{
    SmtpServer *server = self->server;

    figures_session(self->listen->name, false);
    g_queue_unlink(&server->clients, &self->link);
    server_count(server);
    gate_leave(server->world.gate, &self->ticket);
    ingress_free(self->ingress);
    if (self->held)
        g_byte_array_unref(self->held);
    settings_free(self->settings);
    g_free(self);
    server_check_empty(server);
}

static void
client_leave(Client *self)
{
    conn_close(self->conn);
    client_free(self);
}

/* --- deadlines ----------------------------------------------------------------------------------- */

static gint64
client_now(const Client *self)
{
    return (gint64) uv_now(self->server->hub->loop);
}

/* Local programs are few, and need not be hurried. */
static bool
client_hurries(const Client *self)
{
    return self->server->stress.on && !self->listen->smtp.early_talk;
}

/* A command has its time as a whole, however slowly its bytes come: the time begins anew with our replies only.
 * While the relay works there is no limit but the relay's own. */
static void
client_set_deadline(Client *self)
{
    const ListenConf *conf = &self->listen->conf;
    if (self->handshaking)
        return;
    SmtpPhase phase = smtp_session_phase(ingress_session(self->ingress));
    bool entered = phase != self->phase;

    if (entered)
        conn_limit(self->conn, phase == SMTP_PHASE_COMMAND ? COMMAND_BYTES : 0);

    if (phase == SMTP_PHASE_ANSWERING) {
        conn_deadline(self->conn, 0);
    } else if (phase == SMTP_PHASE_DATA && entered) {
        self->data_due = client_now(self) + conf->data_timeout_ms;
        conn_deadline(self->conn, patience_data_ms(conf, client_now(self) - self->begun, conf->data_timeout_ms));
    } else if (phase == SMTP_PHASE_COMMAND && (entered || self->replied)) {
        conn_deadline(self->conn, patience_command_ms(conf, client_now(self) - self->begun, client_hurries(self)));
    }
    self->phase = phase;
    self->replied = false;
}

/* Message bytes buy time at the slowest rate that is tolerated, but never more than data-timeout. */
static void
client_extend(Client *self, size_t n)
{
    const ListenConf *conf = &self->listen->conf;
    gint64 now = client_now(self);

    self->data_due = MIN(self->data_due + (gint64) n * 1000 / conf->min_data_rate, now + conf->data_timeout_ms);
    conn_deadline(self->conn, patience_data_ms(conf, now - self->begun, self->data_due - now));
}

/* --- the session --------------------------------------------------------------------------------- */

/* After everything that may have changed the session's state. The client may be gone behind it. */
static void
client_go_on(Client *self)
{
    SmtpSession *session = ingress_session(self->ingress);

    while (self->held && !self->quit && !smtp_session_busy(session)) {
        g_autoptr(GByteArray) held = g_steal_pointer(&self->held);
        smtp_session_feed(session, (const char *) held->data, held->len);
    }
    if (self->quit || (self->ended && !smtp_session_busy(session))) {
        client_leave(self);
        return;
    }
    client_set_deadline(self);
    if (self->held)
        conn_pause(self->conn);
    else
        conn_resume(self->conn);
}

static void
on_bytes(void *user, const char *bytes, size_t n)
{
    Client *self = user;
    SmtpSession *session = ingress_session(self->ingress);

    smtp_session_hurry(session, client_hurries(self));
    if (self->phase == SMTP_PHASE_DATA)
        client_extend(self, n);
    if (!smtp_session_busy(session)) {
        smtp_session_feed(session, bytes, n);
        if (!self->replied && n < COMMAND_BYTES && !smtp_session_busy(session))
            conn_acknowledge(self->conn);
    } else {
        if (!self->held)
            self->held = g_byte_array_new();
        g_byte_array_append(self->held, (const guint8 *) bytes, (guint) n);
    }
    client_go_on(self);
}

/* A client that has shut its end still gets the answer it waits for. */
static void
on_end(void *user)
{
    Client *self = user;

    self->ended = true;
    client_go_on(self);
}

static void
on_expired(void *user)
{
    static const Reply slow = { 421, "4.4.2", (char *) "Timeout, closing the connection" };
    Client *self = user;

    log_event(LOG_INFO, "timeout", "client", self->client, "listener", self->listen->name, NULL);
    if (!self->handshaking)
        smtp_session_abort(ingress_session(self->ingress), &slow);
    client_leave(self);
}

static void
on_gone(void *user)
{
    client_free(user);
}

static void
on_session_write(void *user, const char *bytes, size_t n)
{
    Client *self = user;
    guint errors = self->ingress ? smtp_session_errors(ingress_session(self->ingress)) : 0;
    gint64 hold_ms = patience_error_ms(self->listen, errors, self->errors, self->server->stress.on);

    if (hold_ms > 0) {
        figures_slowed(self->listen->name);
        conn_hold(self->conn, hold_ms);
    }
    self->errors = errors;
    self->replied = true;
    conn_write(self->conn, bytes, n);
}

static void
on_session_quit(void *user)
{
    Client *self = user;

    self->quit = true;
}

static void
on_session_answered(void *user)
{
    client_go_on(user);
}

static bool
on_session_asked(void *user)
{
    const Client *self = user;

    return conn_has_peer(self->conn);
}

static void
on_stalled(void *user)
{
    const Client *self = user;

    log_event(LOG_INFO, "timeout", "client", self->client, "listener", self->listen->name, "unsent",
              LOG_NUM(conn_unsent(self->conn)), "text", "It does not read what is sent", NULL);
}

/* --- TLS ----------------------------------------------------------------------------------------- */

static void client_open(Client *self);

static void
client_secure(Client *self)
{
    self->handshaking = true;
    conn_secure(self->conn, self->listen->secure.context);
    conn_deadline(self->conn, MIN(HANDSHAKE_MS, self->listen->conf.command_timeout_ms));
}

static void
on_session_starttls(void *user)
{
    client_secure(user);
}

static void
on_secured(void *user, const TlsFacts *facts, bool talked)
{
    Client *self = user;

    log_event(LOG_DEBUG, "secured", "client", self->client, "listener", self->listen->name, "protocol",
              facts->protocol, "cipher", facts->cipher, "server_name", facts->server_name, "subject", facts->client,
              "resumed", facts->resumed ? "yes" : NULL, NULL);
    figures_tls(self->listen->name, facts->protocol);
    self->handshaking = false;
    self->facts.tls = facts;
    self->phase = SMTP_PHASE_CLOSED;
    if (self->ingress) {
        ingress_secured(self->ingress, facts);
    } else if (talked) {
        refusal_log(&self->server->world.refusals, self->listen->name, self->client, &smtp_early_talk);
        refusal_say(self->conn, &smtp_early_talk);
        client_free(self);
        return;
    } else {
        client_open(self);
    }
    client_go_on(self);
}

static void
on_insecure(void *user, const char *why)
{
    const Client *self = user;

    figures_tls(self->listen->name, NULL);
    log_event(LOG_INFO, "tls-failed", "client", self->client, "listener", self->listen->name, "text", why, NULL);
}

/* --- stress -------------------------------------------------------------------------------------- */

/* Those who are waited for already have less time left. */
static void
server_count(SmtpServer *self)
{
    if (!stress_turns(&self->stress, self->clients.length))
        return;
    figures_stress(self->stress.on);
    log_event(LOG_WARNING, self->stress.on ? "stress" : "stress-over", "sessions", LOG_NUM(self->clients.length), NULL);
    for (GList *link = self->clients.head; link && self->stress.on; link = link->next) {
        Client *client = link->data;
        if (client->phase == SMTP_PHASE_COMMAND && !client->handshaking && client_hurries(client))
            conn_deadline(client->conn, patience_command_ms(&client->listen->conf, client_now(client) - client->begun, true));
    }
}

/* --- the beginning of a session ------------------------------------------------------------------ */

static void
client_open(Client *self)
{
    static const IngressOps ops = { on_session_write, on_session_quit, on_session_answered, on_session_asked,
                                    on_session_starttls };

    self->ingress = ingress_new(self->server->hub, &self->facts, &ops, self);
}

static void
client_start(SmtpServer *server, Conn *conn, const IngressClient *facts, const GateTicket *ticket)
{
    static const ConnOps ops = { on_bytes, on_end, on_expired, on_gone, on_secured, on_insecure,
                                  on_stalled };
    Client *self = g_new0(Client, 1);

    self->server = server;
    self->settings = settings_ref(server->hub->settings);
    self->listen = facts->listen;
    self->conn = conn;
    self->facts = *facts;
    self->ticket = *ticket;
    self->begun = client_now(self);
    self->link.data = self;
    self->phase = SMTP_PHASE_CLOSED; /* any that is not the session's */
    g_strlcpy(self->client, facts->client, sizeof self->client);
    self->facts.client = self->client;
    figures_session(self->listen->name, true);
    g_queue_push_tail_link(&server->clients, &self->link);
    server_count(server);
    conn_start(conn, &ops, self, self->listen->conf.write_timeout_ms);
    if (self->listen->smtp.tls == SMTP_TLS_ALWAYS) {
        client_secure(self);
        return;
    }
    client_open(self);
    client_go_on(self);
}

/* --- the server ---------------------------------------------------------------------------------- */

static void
on_guest(Conn *conn, const IngressClient *facts, const GateTicket *ticket, void *user)
{
    client_start(user, conn, facts, ticket);
}

SmtpServer *
smtp_server_new(const IngressHub *hub, guint files, void (*empty)(void *user), void *user)
{
    SmtpServer *self = g_new0(SmtpServer, 1);
    guint wanted = hub->settings->conf.max_connections;
    guint most = gate_capacity(files, wanted);

    if (most < wanted)
        log_event(LOG_NOTICE, "connections-limited", "to", LOG_NUM(most), "files", LOG_NUM(files), NULL);
    self->hub = hub;
    self->world = (DoorWorld) { hub->loop, gate_new(most), on_guest, self, { 0 } };
    self->doors = g_ptr_array_new_with_free_func((GDestroyNotify) door_close);
    self->stress.max = most;
    self->empty = empty;
    self->user = user;
    g_queue_init(&self->clients);
    uv_timer_init(hub->loop, &self->drain);
    self->drain.data = self;
    return self;
}

bool
smtp_server_listen(SmtpServer *self, GError **error)
{
    const GPtrArray *listens = self->hub->settings->listens;

    for (guint i = 0; i < listens->len; i++) {
        Door *door = door_open(&self->world, listens->pdata[i], error);
        if (!door)
            return false;
        g_ptr_array_add(self->doors, door);
    }
    return true;
}

bool
smtp_server_reload(SmtpServer *self, const Settings *settings, GError **error)
{
    return doors_change(&self->doors, &self->world, settings, error);
}

bool
smtp_server_stdio(SmtpServer *self, GError **error)
{
    const Listen *listen = self->hub->settings->stdio;
    const IngressClient facts = { .listen = listen, .client = "stdio", .has_uid = true, .uid = getuid() };
    const Endpoint nowhere = { .addr.any.sa_family = AF_UNIX };
    GateTicket ticket = { 0 };
    Conn *conn = conn_open(self->hub->loop, STDIN_FILENO, STDOUT_FILENO, error);

    if (!conn)
        return false;
    gate_enter(self->world.gate, listen, &nowhere, &ticket);
    self->draining = true;
    client_start(self, conn, &facts, &ticket);
    return true;
}

/* Clients leave the queue while it is walked; a callback of one never ends another. */
static void
server_end_all(SmtpServer *self, void (*end)(SmtpSession *session, const Reply *reply))
{
    static const Reply bye = { 421, "4.3.2", (char *) "Service is shutting down, try again later" };

    for (GList *link = self->clients.head, *next; link; link = next) {
        Client *client = link->data;
        next = link->next;
        if (client->handshaking) {
            client_leave(client);
            continue;
        }
        end(ingress_session(client->ingress), &bye);
        client_go_on(client);
    }
}

void
smtp_server_cut(SmtpServer *self)
{
    g_ptr_array_set_size(self->doors, 0);
    server_end_all(self, smtp_session_abort);
    self->draining = true;
    server_check_empty(self);
}

static void
on_drain_over(uv_timer_t *timer)
{
    SmtpServer *self = timer->data;

    log_event(LOG_WARNING, "drain-timeout", "sessions", LOG_NUM(self->clients.length), NULL);
    smtp_server_cut(self);
}

void
smtp_server_drain(SmtpServer *self)
{
    g_ptr_array_set_size(self->doors, 0);
    server_end_all(self, smtp_session_shut_down);
    self->draining = true;
    if (self->clients.length > 0)
        uv_timer_start(&self->drain, on_drain_over, (guint64) self->hub->settings->conf.drain_timeout_ms, 0);
    server_check_empty(self);
}

void
smtp_server_free(SmtpServer *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->doors);
    gate_free(self->world.gate);
    g_free(self);
}
