#include "web/state.h"

#include <string.h>

/* How many of the largest bodies are held at once; whoever comes with more is to come again. */
enum {
    BODIES = 8,
    LEAST_LET_GO = 64 * 1024,
};

struct WebRequest {
    WebServer *server;
    struct MHD_Connection *connection; /* NULL: nobody waits any more */
    char *path;
    GList link;
    bool asked, answered, suspended;
    bool has_body;    /* bytes of it have come */
    gsize max_body;   /* it may have so many, */
    gsize let_go;     /* had so many that are not kept */
    guint refusal;    /* 0, or the status of its answer */
    GString *body;    /* NULL: none */
    guint status;
    const char *type;
    GString *text;
};

void
web_drop_body(WebRequest *self)
{
    if (!self->body)
        return;
    if (self->connection)
        self->server->held -= self->body->len;
    g_string_free(g_steal_pointer(&self->body), TRUE);
}

static void
request_free(WebRequest *self)
{
    web_drop_body(self);
    if (self->text)
        g_string_free(self->text, TRUE);
    g_free(self->path);
    g_free(self);
}

/* --- the answer ---------------------------------------------------------------------------------- */

static enum MHD_Result
request_send(WebRequest *self)
{
    gsize n = self->text->len;
    char *bytes = g_string_free(g_steal_pointer(&self->text), FALSE);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(n, bytes, g_free);

    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, self->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (self->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, self->server->conf.methods);
    enum MHD_Result queued = MHD_queue_response(self->connection, self->status, response);
    MHD_destroy_response(response);
    return queued;
}

static const char *
refusal_text(const WebRequest *self)
{
    static const struct {
        guint status;
        const char *text;
    } rows[] = {
        { MHD_HTTP_BAD_REQUEST, "a request has no body here\n" },
        { MHD_HTTP_FORBIDDEN, "not with that secret\n" },
        { MHD_HTTP_NOT_FOUND, "not here\n" },
        { MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n" },
        { MHD_HTTP_SERVICE_UNAVAILABLE, "too much at once: later\n" },
    };

    if (self->refusal == MHD_HTTP_METHOD_NOT_ALLOWED)
        return self->server->conf.methods;
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].status == self->refusal)
            return rows[i].text;
    }
    return "";
}

static enum MHD_Result
send_refusal(WebRequest *self)
{
    WebServer *server = self->server;

    if (server->conf.refused)
        server->conf.refused(self, self->refusal, server->conf.user);
    self->asked = true;
    web_answer(self, self->refusal, "text/plain", g_string_new(refusal_text(self)));
    return request_send(self);
}

/* --- the question -------------------------------------------------------------------------------- */

/* "GET" is one of "GET, HEAD". */
static bool
is_method(const char *methods, const char *method)
{
    size_t n = strlen(method);

    for (; *methods; methods += strcspn(methods, " "), methods += strspn(methods, " ")) {
        if (strncmp(methods, method, n) == 0 && (!methods[n] || methods[n] == ','))
            return true;
    }
    return false;
}

/* What Content-Length says, if anything; libmicrohttpd has refused what is no number. */
static guint64
announced(const WebRequest *self)
{
    const char *text = web_header(self, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

static WebRequest *
request_new(WebServer *server, struct MHD_Connection *connection, const char *url, const char *method)
{
    WebRequest *self = g_new0(WebRequest, 1);

    self->server = server;
    self->connection = connection;
    self->path = g_strdup(url);
    self->link.data = self;
    if (!is_method(server->conf.methods, method))
        self->refusal = MHD_HTTP_METHOD_NOT_ALLOWED;
    else if (server->conf.begun)
        self->refusal = server->conf.begun(self, &self->max_body, server->conf.user);
    server->largest = MAX(server->largest, self->max_body);
    if (self->refusal == 0 && self->max_body > 0 && announced(self) > self->max_body)
        self->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    return self;
}

/* So many bytes of a body are read although nobody keeps them: a connection that is closed on top of unread bytes may
 * take the answer with it. */
static gsize
most_to_let_go(const WebRequest *self)
{
    return MAX(2 * self->server->largest, LEAST_LET_GO);
}

/* Who waits to be told whether to send it, or would send more, has the answer at once. */
static bool
is_refused_at_once(const WebRequest *self)
{
    bool asks = web_header(self, MHD_HTTP_HEADER_EXPECT) != NULL;

    return self->refusal > 0 && (asks || announced(self) > most_to_let_go(self));
}

/* False: that is enough. */
static bool
let_go(WebRequest *self, gsize n)
{
    self->let_go += n;
    return self->let_go <= most_to_let_go(self);
}

static void
refuse_body(WebRequest *self, guint status)
{
    self->refusal = status;
    web_drop_body(self);
}

/* False ends the connection. */
static bool
take_body(WebRequest *self, const char *bytes, gsize n)
{
    WebServer *server = self->server;
    gsize before = self->body ? self->body->len : 0;

    self->has_body = true;
    if (self->refusal == 0 && self->max_body == 0)
        refuse_body(self, MHD_HTTP_BAD_REQUEST);
    else if (self->refusal == 0 && n > self->max_body - before)
        refuse_body(self, MHD_HTTP_CONTENT_TOO_LARGE);
    else if (self->refusal == 0 && server->held + n > BODIES * self->max_body)
        refuse_body(self, MHD_HTTP_SERVICE_UNAVAILABLE);
    if (self->refusal > 0)
        return let_go(self, n);
    if (!self->body)
        self->body = g_string_new(NULL);
    g_string_append_len(self->body, bytes, (gssize) n);
    server->held += n;
    return true;
}

/* Called for its head, for each piece of its body, and from its end on until there is an answer. */
enum MHD_Result
request_on_bytes(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                 const char *version, const char *bytes, size_t *n, void **slot)
{
    WebServer *server = user;
    WebRequest *self = *slot;

    if (!self) {
        *slot = self = request_new(server, connection, url, method);
        return is_refused_at_once(self) ? send_refusal(self) : MHD_YES;
    }
    if (*n > 0) {
        bool on = take_body(self, bytes, *n);
        *n = 0;
        return on ? MHD_YES : MHD_NO;
    }
    if (self->refusal > 0 && !self->asked)
        return send_refusal(self);
    if (!self->asked) {
        self->asked = true;
        server->conf.asked(self, server->conf.user);
    }
    if (self->answered)
        return request_send(self);
    self->suspended = true;
    g_queue_push_tail_link(&server->waiting, &self->link);
    MHD_suspend_connection(connection);
    return MHD_YES;
}

/* Sent, or the client has left. */
void
request_on_completed(void *user, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode why)
{
    WebRequest *self = g_steal_pointer(slot);

    server_renew(user, connection);
    if (!self)
        return;
    if (self->answered || !self->asked) {
        request_free(self);
        return;
    }
    if (self->body)
        self->server->held -= self->body->len;
    self->connection = NULL;
}

void
requests_cut(WebServer *server)
{
    for (GList *link; (link = g_queue_pop_head_link(&server->waiting));) {
        WebRequest *self = link->data;
        self->suspended = false;
        MHD_resume_connection(self->connection);
    }
}

/* --- for those who are asked --------------------------------------------------------------------- */

const char *
web_path(const WebRequest *self)
{
    return self->path;
}

const char *
web_body(const WebRequest *self, gsize *n)
{
    *n = self->body ? self->body->len : 0;
    return self->body ? self->body->str : "";
}

const char *
web_header(const WebRequest *self, const char *name)
{
    return MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, name);
}

bool
web_peer(const WebRequest *self, Endpoint *peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(self->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info && endpoint_peer(info->connect_fd, peer);
}

bool
web_is_wanted(const WebRequest *self)
{
    return self->connection != NULL;
}

void
web_answer(WebRequest *self, guint status, const char *type, GString *text)
{
    WebServer *server = self->server;

    self->answered = true;
    self->status = status;
    self->type = type;
    self->text = text;
    if (!self->connection) {
        request_free(self);
    } else if (self->suspended) {
        self->suspended = false;
        g_queue_unlink(&server->waiting, &self->link);
        MHD_resume_connection(self->connection);
        server_wake(server);
    }
}
