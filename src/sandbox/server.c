#include "sandbox/server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/arara.h"
#include "sandbox/arara_token.h"
#include "sandbox/delay.h"
#include "sandbox/emails.h"
#include "sandbox/listener.h"
#include "sandbox/pages.h"
#include "sandbox/transaction.h"

enum { CONNECTION_BYTES = 64 * 1024, INCREMENT_BYTES = 32 * 1024, CONNECTIONS = 4096, MISSING_BYTES = 64 };

struct Server {
    Sandbox *sandbox;
    struct MHD_Daemon *daemon;
    Delays *delays;
    char *address;
};

/* One request as libmicrohttpd's handler sees it, from call to call. */
typedef struct {
    Exchange exchange;
    enum { READING, WAITING, DONE } state;
    bool closed;                /* the endpoint's close was called */
    bool logged;
} Request;

/* An API that the sandbox plays adds its table here. */
static const Endpoint *const tables[] = { emails_endpoints, arara_endpoints, arara_token_endpoints, transaction_endpoints,
                                         pages_endpoints };

/* The endpoint of a path; with another method only if there is none with this one. */
static const Endpoint *
find_endpoint(const char *method, const char *path, const char **rest)
{
    const Endpoint *other = NULL;

    for (size_t t = 0; t < G_N_ELEMENTS(tables); t++) {
        for (const Endpoint *row = tables[t]; row->method; row++) {
            size_t n = strlen(row->path);
            bool open = row->path[n - 1] == '*';
            if (open ? strncmp(path, row->path, n - 1) != 0 : strcmp(path, row->path) != 0)
                continue;
            *rest = open ? path + n - 1 : "";
            if (strcmp(row->method, method) == 0)
                return row;
            other = row;
        }
    }
    return other;
}

static void
log_request(Request *request, const char *result)
{
    const Exchange *exchange = &request->exchange;

    if (request->logged)
        return;
    request->logged = true;
    if (exchange->sandbox->options->quiet)
        return;
    g_autoptr(GString) line = g_string_new("request");
    g_autofree char *path = g_strescape(exchange->path, NULL);
    if (exchange->call)
        g_string_append_printf(line, " call=%" G_GUINT64_FORMAT, exchange->call);
    g_string_append_printf(line, " method=%s path=\"%.200s\" result=%s bytes=%" G_GUINT64_FORMAT,
                           exchange->endpoint ? exchange->endpoint->method : "-", path, result,
                           exchange->received_bytes);
    gint64 taken_us = g_get_monotonic_time() - exchange->began_us;
    g_string_append_printf(line, " ms=%" G_GINT64_FORMAT, taken_us / 1000);
    if (exchange->fault.kind != FAULT_NONE)
        g_string_append_printf(line, " fault=%s", fault_name(exchange->fault.kind));
    g_string_append_printf(line, "%s\n", exchange->note->str);
    if (write(STDERR_FILENO, line->str, line->len) < 0)
        return;                 /* nobody reads it: no reason to stop */
}

static void
request_close(Request *request)
{
    Exchange *exchange = &request->exchange;

    if (!request->closed && exchange->endpoint && exchange->endpoint->close)
        exchange->endpoint->close(exchange);
    request->closed = true;
}

static void
request_free(Request *request)
{
    Exchange *exchange = &request->exchange;

    request_close(request);
    if (exchange->answer.body)
        g_string_free(exchange->answer.body, TRUE);
    g_string_free(exchange->note, TRUE);
    g_free(exchange->answer.file);
    g_free(exchange->content_type);
    g_free(exchange->authorization);
    g_clear_pointer(&exchange->arguments, g_hash_table_unref);
    g_free(exchange->path);
    g_free(request);
}

static enum MHD_Result
on_argument(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
    g_hash_table_replace(user, g_strdup(name), g_strdup(value ? value : ""));
    return MHD_YES;
}

/* Copies what endpoints ask of the head. */
static void
read_head(Exchange *exchange, struct MHD_Connection *connection)
{
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
    const char *authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");

    exchange->content_type = g_strdup(type);
    exchange->authorization = g_strdup(authorization);
    exchange->arguments = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, on_argument, exchange->arguments);
}

static Request *
request_new(Server *self, struct MHD_Connection *connection, const char *url, const char *method)
{
    Request *request = g_new0(Request, 1);
    Exchange *exchange = &request->exchange;

    exchange->sandbox = self->sandbox;
    exchange->path = g_strdup(url);
    exchange->note = g_string_new(NULL);
    exchange->began_us = g_get_monotonic_time();
    read_head(exchange, connection);
    const Endpoint *endpoint = find_endpoint(method, exchange->path, &exchange->rest);
    if (!endpoint) {
        answer_text(&exchange->answer, 404, "text/plain", "There is nothing here; see shimta-sandbox(1).\n");
    } else if (strcmp(endpoint->method, method) != 0) {
        answer_text(&exchange->answer, 405, "text/plain", "Not with this method.\n");
    } else {
        exchange->endpoint = endpoint;
        if (endpoint->api & (API_EMAILS | API_ARARA))
            exchange->call = ++self->sandbox->calls;
        if (endpoint->api)
            exchange->fault = faults_next(self->sandbox->faults, endpoint->api, exchange->path);
        if (endpoint->open)
            endpoint->open(exchange);
    }
    return request;
}

/* Fills in the answer, the endpoint's or the fault's. */
static void
request_answer(Request *request)
{
    Exchange *exchange = &request->exchange;

    if (exchange->answer.status)
        return;
    if (exchange->fault.kind == FAULT_STATUS)
        answer_text(&exchange->answer, exchange->fault.status, "text/plain", "Ordered by --fault.\n");
    else if (exchange->fault.kind == FAULT_HTML)
        answer_text(&exchange->answer, 200, "text/html; charset=utf-8",
                    "<!DOCTYPE html><html><head><title>Welcome</title></head>"
                    "<body><h1>Please log in</h1></body></html>\n");
    else if (exchange->fault.kind == FAULT_RESET)
        answer_text(&exchange->answer, 500, "text/plain", "");
    else
        exchange->endpoint->answer(exchange);
}

typedef struct {
    GString *body;
} CutBody;

static ssize_t
on_cut_read(void *user, uint64_t at, char *buf, size_t max)
{
    const CutBody *cut = user;

    if (at >= cut->body->len)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = MIN(max, cut->body->len - (size_t) at);
    memcpy(buf, cut->body->str + at, n);
    return (ssize_t) n;
}

static void
on_cut_free(void *user)
{
    CutBody *cut = user;

    g_string_free(cut->body, TRUE);
    g_free(cut);
}

/* Half of the body under a length that promises more than all of it. */
static struct MHD_Response *
cut_response(const GString *body)
{
    CutBody *cut = g_new0(CutBody, 1);

    cut->body = g_string_new_len(body->str, (gssize) body->len / 2);
    return MHD_create_response_from_callback(body->len + MISSING_BYTES, 4096, on_cut_read, cut, on_cut_free);
}

typedef struct {
    Server *server;
    struct MHD_Connection *connection;
    GString *body;
    unsigned ms;
    bool waited;                /* for the next byte */
} DripBody;

/* One byte, and the connection is held back before the next. */
static ssize_t
on_drip_read(void *user, uint64_t at, char *buf, size_t max)
{
    DripBody *drip = user;

    if (at >= drip->body->len)
        return MHD_CONTENT_READER_END_OF_STREAM;
    drip->waited = !drip->waited;
    if (drip->waited && delays_start(drip->server->delays, drip->connection, drip->ms))
        return 0;
    *buf = drip->body->str[at];
    return 1;
}

static void
on_drip_free(void *user)
{
    DripBody *drip = user;

    g_string_free(drip->body, TRUE);
    g_free(drip);
}

static struct MHD_Response *
drip_response(Server *server, struct MHD_Connection *connection, Exchange *exchange)
{
    DripBody *drip = g_new0(DripBody, 1);

    drip->server = server;
    drip->connection = connection;
    drip->body = g_steal_pointer(&exchange->answer.body);
    drip->ms = exchange->fault.delay_ms;
    return MHD_create_response_from_callback(drip->body->len, 1, on_drip_read, drip, on_drip_free);
}

static struct MHD_Response *
file_response(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    return MHD_create_response_from_fd64((uint64_t) status.st_size, fd);
}

static struct MHD_Response *
make_response(Server *server, struct MHD_Connection *connection, Exchange *exchange)
{
    Answer *answer = &exchange->answer;

    if (answer->file)
        return file_response(answer->file);
    if (exchange->fault.kind == FAULT_TRUNCATE)
        return cut_response(answer->body);
    if (exchange->fault.kind == FAULT_DRIP)
        return drip_response(server, connection, exchange);
    if (exchange->fault.kind == FAULT_CUT)
        g_string_truncate(answer->body, answer->body->len / 2);
    size_t n = answer->body->len;
    char *bytes = g_string_free(g_steal_pointer(&answer->body), FALSE);
    return MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);
}

static void
add_retry_after(struct MHD_Response *response, const Fault *fault)
{
    g_autofree char *text = NULL;

    if (fault->kind != FAULT_STATUS || fault->retry == RETRY_NONE)
        return;
    if (fault->retry == RETRY_DATE) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autoptr(GDateTime) then = g_date_time_add_seconds(now, fault->retry_after_s);
        text = g_date_time_format(then, "%a, %d %b %Y %H:%M:%S GMT");
    } else {
        text = g_strdup_printf("%u", fault->retry_after_s);
    }
    MHD_add_response_header(response, "Retry-After", text);
}

static enum MHD_Result
send_answer(Server *self, Request *request, struct MHD_Connection *connection)
{
    Exchange *exchange = &request->exchange;
    struct MHD_Response *response = make_response(self, connection, exchange);
    char text[24];

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", exchange->answer.type);
    add_retry_after(response, &exchange->fault);
    g_snprintf(text, sizeof text, "%u", exchange->answer.status);
    log_request(request, text);
    enum MHD_Result result = MHD_queue_response(connection, exchange->answer.status, response);
    MHD_destroy_response(response);
    return result;
}

/* Sends a reset now; libmicrohttpd's own closing would send an orderly end. */
static void
reset_connection(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info;
    const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        connect(info->connect_fd, &nowhere, sizeof nowhere);
}

/* Ends the request: the answer, or none if that was ordered. */
static enum MHD_Result
finish(Server *self, Request *request, struct MHD_Connection *connection)
{
    const Exchange *exchange = &request->exchange;

    /* First: a client that has its answer may count on being counted out. */
    request_close(request);
    request->state = DONE;
    if (exchange->fault.kind == FAULT_CLOSE_AFTER && exchange->answer.accepted) {
        log_request(request, "closed");
        return MHD_NO;
    }
    if (exchange->fault.kind == FAULT_RESET) {
        log_request(request, "reset");
        reset_connection(connection);
        return MHD_NO;
    }
    return send_answer(self, request, connection);
}

static unsigned
delay_of(const Exchange *exchange)
{
    if (!exchange->endpoint || !exchange->endpoint->api || exchange->answer.prompt)
        return 0;
    return exchange->sandbox->options->latency_ms
           + (exchange->fault.kind == FAULT_DELAY ? exchange->fault.delay_ms : 0);
}

/* libmicrohttpd calls it with the headers, with each piece of the body, at the end, and again
 * after a delay. */
static enum MHD_Result
on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *bytes, size_t *n, void **state)
{
    Server *self = user;
    Request *request = *state;

    if (!request) {
        request = *state = request_new(self, connection, url, method);
        if (request->exchange.fault.kind != FAULT_CLOSE_BEFORE)
            return MHD_YES;
        log_request(request, "closed");
        return MHD_NO;
    }
    Exchange *exchange = &request->exchange;
    if (*n > 0) {
        exchange->received_bytes += *n;
        if (exchange->endpoint && exchange->endpoint->feed)
            exchange->endpoint->feed(exchange, bytes, *n);
        *n = 0;
        return MHD_YES;
    }
    if (request->state == READING) {
        request->state = WAITING;
        request_answer(request);
        unsigned ms = delay_of(exchange);
        if (ms > 0 && delays_start(self->delays, connection, ms))
            return MHD_YES;
    }
    /* While it stops, libmicrohttpd takes no answer and may ask again. */
    if (request->state == DONE)
        return MHD_NO;
    return finish(self, request, connection);
}

static void
on_completed(void *user, struct MHD_Connection *connection, void **state,
             enum MHD_RequestTerminationCode code)
{
    if (!*state)
        return;
    log_request(*state, "aborted");
    request_free(*state);
    *state = NULL;
}

static unsigned
daemon_flags(const Options *options)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;

    return options->tls_cert ? flags | MHD_USE_TLS : flags;
}

Server *
server_start(Sandbox *sandbox, GError **error)
{
    const Options *options = sandbox->options;
    int fd = listener_open(options->listen, error);

    if (fd < 0)
        return NULL;
    Server *self = g_new0(Server, 1);
    self->sandbox = sandbox;
    self->delays = delays_new();
    self->address = listener_name(fd);
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, options->tls_cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, options->tls_key },
        { MHD_OPTION_END, 0, NULL },
    };
    self->daemon = MHD_start_daemon(daemon_flags(options), 0, NULL, NULL, on_request, self,
                                    MHD_OPTION_LISTEN_SOCKET, fd,
                                    MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS,
                                    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_BYTES,
                                    MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t) INCREMENT_BYTES,
                                    MHD_OPTION_NOTIFY_COMPLETED, on_completed, self,
                                    MHD_OPTION_ARRAY, options->tls_cert ? tls : tls + 2, MHD_OPTION_END);
    if (self->daemon)
        return self;
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                        options->tls_cert ? "cannot serve: are certificate and key valid?"
                                          : "cannot serve HTTP");
    close(fd);
    delays_stop(self->delays);
    delays_free(self->delays);
    g_free(self->address);
    g_free(self);
    return NULL;
}

char *
server_url(const Server *self)
{
    return g_strdup_printf("%s://%s", self->sandbox->options->tls_cert ? "https" : "http", self->address);
}

void
server_stop(Server *self)
{
    delays_stop(self->delays);
    MHD_stop_daemon(self->daemon);
    delays_free(self->delays);
    g_free(self->address);
    g_free(self);
}
