#include "daemon/control_request.h"

#include "base/clock.h"
#include "base/log.h"
#include "io/listener.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_CLIENTS = 32,
    MAX_REQUEST_BYTES = 64 * 1024,
    IDLE_MS = 300000,
    WRITE_MS = 60000,
    REFUSALS_MS = 1000, /* between two lines of the log */
    SLOW_MS = 20, /* how often a slow reader is looked at */
};

typedef struct ControlClient {
    Control *control;
    GList link;
    Conn *conn;
    GString *in;
    ControlRequest *request; /* on its way; NULL: none */
    bool going, ended;
} ControlClient;

struct Control {
    ControlHub hub;
    Listener *listener;
    GQueue clients; /* of ControlClient, each through its own link */
    gint64 told_ms; /* when the last refusal was logged */
};

static const struct {
    const char *name;
    ControlHandler handler;
} handlers[] = {
    { "list", control_list },   { "show", control_show },   { "change", control_change }, { "flush", control_flush },
    { "trace", control_trace }, { "lines", control_lines }, { "stats", control_stats },
    { "suppressions", control_suppressions },
};

/* --- clients ------------------------------------------------------------------------------------- */

static void
client_free(ControlClient *self)
{
    if (self->request)
        self->request->client = NULL;
    g_queue_unlink(&self->control->clients, &self->link);
    g_string_free(self->in, TRUE);
    g_free(self);
}

static void
client_leave(ControlClient *self)
{
    conn_close(self->conn);
    client_free(self);
}

static void
client_send(ControlClient *self, const cJSON *tree)
{
    g_autoptr(GBytes) text = json_print(tree);
    gsize n;
    const char *bytes = g_bytes_get_data(text, &n);

    conn_write(self->conn, bytes, n);
    conn_write(self->conn, "\n", 1);
}

static void client_go_on(ControlClient *self);

void
control_answer(ControlRequest *request, const char *error)
{
    ControlClient *client = request->client;
    const cJSON *row;

    if (client) {
        cJSON_ArrayForEach(row, request->rows)
            client_send(client, row);
        cJSON_AddBoolToObject(request->last, "done", true);
        control_put(request->last, "error", error);
        client_send(client, request->last);
        client->request = NULL;
    }
    g_ptr_array_unref(request->lines);
    cJSON_Delete(request->body);
    cJSON_Delete(request->rows);
    cJSON_Delete(request->last);
    g_free(request);
    if (client)
        client_go_on(client);
}

static void
client_start(ControlClient *self, const char *line, gsize n)
{
    ControlRequest *request = g_new0(ControlRequest, 1);
    const char *name;
    ControlHandler handler = NULL;

    request->hub = self->control->hub;
    request->client = self;
    request->body = json_parse(line, n);
    request->rows = cJSON_CreateArray();
    request->last = cJSON_CreateObject();
    request->lines = g_ptr_array_new();
    request->now_ms = clock_now();
    self->request = request;
    name = json_string(request->body, "do");
    for (guint i = 0; i < G_N_ELEMENTS(handlers) && !handler; i++)
        handler = g_strcmp0(name, handlers[i].name) == 0 ? handlers[i].handler : NULL;
    if (handler)
        handler(request);
    else
        control_answer(request, name ? "no such request" : "not a request");
}

/* True if a request was taken from what the client has sent. */
static bool
client_next(ControlClient *self)
{
    const char *end = memchr(self->in->str, '\n', self->in->len);

    if (self->request || !end || conn_unsent(self->conn) >= CONN_HIGH_WATER)
        return false;
    gsize n = (gsize) (end - self->in->str);
    g_autofree char *line = g_strndup(self->in->str, n); /* json_parse() stops at a NUL */
    g_string_erase(self->in, 0, (gssize) n + 1);
    client_start(self, line, n);
    return true;
}

static void
client_refuse(ControlClient *self)
{
    static const char text[] = "{\"done\":true,\"error\":\"a request has at most 65536 bytes\"}\n";

    conn_write(self->conn, text, sizeof text - 1);
    client_leave(self);
}

/* After everything that may have changed what there is to do. The client may be gone behind it. */
static void
client_go_on(ControlClient *self)
{
    if (self->going)
        return;
    self->going = true;
    while (client_next(self))
        ;
    self->going = false;
    bool whole = memchr(self->in->str, '\n', self->in->len) != NULL;
    if (!whole && self->in->len >= MAX_REQUEST_BYTES) {
        client_refuse(self);
    } else if (self->ended && ((!whole && !self->request) || !conn_has_peer(self->conn))) {
        client_leave(self);
    } else {
        bool slow = whole && !self->request;
        conn_deadline(self->conn, slow ? SLOW_MS : IDLE_MS);
        if (self->in->len >= MAX_REQUEST_BYTES)
            conn_pause(self->conn);
        else
            conn_resume(self->conn);
    }
}

static void
on_bytes(void *user, const char *bytes, size_t n)
{
    ControlClient *self = user;

    g_string_append_len(self->in, bytes, (gssize) n);
    client_go_on(self);
}

static void
on_end(void *user)
{
    ControlClient *self = user;

    self->ended = true;
    client_go_on(self);
}

static void
on_expired(void *user)
{
    ControlClient *self = user;

    if (self->request || memchr(self->in->str, '\n', self->in->len))
        client_go_on(self);
    else
        client_leave(self);
}

static void
on_gone(void *user)
{
    client_free(user);
}

/* --- the socket ---------------------------------------------------------------------------------- */

/* The mode of the socket keeps others away; this does where the system does not look at it. */
static const char *
stranger(const Control *self, Conn *conn, uid_t *uid)
{
    struct ucred peer;
    socklen_t n = sizeof peer;

    if (getsockopt(conn_fd(conn), SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
        return "nobody knows who you are";
    *uid = peer.uid;
    if (peer.uid != 0 && peer.uid != geteuid())
        return "only root and the user of shimtad may ask";
    return self->clients.length >= MAX_CLIENTS ? "too many others are asking" : NULL;
}

static void
on_accepted(Conn *conn, const Endpoint *peer, void *user)
{
    static const ConnOps ops = { on_bytes, on_end, on_expired, on_gone };
    Control *self = user;
    uid_t uid = 0;
    const char *refusal = stranger(self, conn, &uid);

    if (refusal) {
        g_autofree char *text = g_strdup_printf("{\"done\":true,\"error\":\"%s\"}\n", refusal);
        if (clock_monotonic() - self->told_ms >= REFUSALS_MS) {
            log_event(LOG_WARNING, "control-refused", "uid", LOG_NUM(uid), "text", refusal, NULL);
            self->told_ms = clock_monotonic();
        }
        conn_write(conn, text, strlen(text));
        conn_close_now(conn);
        return;
    }
    ControlClient *client = g_new0(ControlClient, 1);
    client->control = self;
    client->conn = conn;
    client->in = g_string_new(NULL);
    client->link.data = client;
    g_queue_push_tail_link(&self->clients, &client->link);
    conn_start(conn, &ops, client, WRITE_MS);
    conn_deadline(conn, IDLE_MS);
}

Control *
control_open(const ControlHub *hub, const char *path, GError **error)
{
    Control *self = g_new0(Control, 1);

    self->hub = *hub;
    g_queue_init(&self->clients);
    self->listener = listener_open(hub->loop, "control", path, 0600, error);
    if (self->listener && listener_start(self->listener, on_accepted, self, error))
        return self;
    if (self->listener)
        listener_close(self->listener);
    g_free(self);
    return NULL;
}

void
control_close(Control *self)
{
    if (!self)
        return;
    listener_close(self->listener);
    while (!g_queue_is_empty(&self->clients))
        client_leave(g_queue_peek_head(&self->clients));
    g_free(self);
}
