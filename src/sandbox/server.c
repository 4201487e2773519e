#include "sandbox/server.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/arara.h"
#include "sandbox/arara_token.h"
#include "sandbox/arara_v1.h"
#include "sandbox/blast.h"
#include "sandbox/delay.h"
#include "sandbox/emails.h"
#include "sandbox/listener.h"
#include "sandbox/pages.h"
#include "sandbox/response.h"
#include "sandbox/transaction.h"

enum { CONNECTION_BYTES = 64 * 1024, INCREMENT_BYTES = 32 * 1024, CONNECTIONS = 4096 };

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
static const Endpoint *const tables[] = {
    emails_endpoints, arara_endpoints, arara_token_endpoints, arara_status_endpoints, arara_filter_endpoints,
    arara_unsubscribe_endpoints, arara_domain_endpoints, arara_plan_endpoints, transaction_endpoints, pages_endpoints,
    blast_endpoints, blast_history_endpoints, arara_v1_endpoints,
};

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
    feedback_run(self->sandbox->feedback, g_get_real_time());
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

static enum MHD_Result
send_answer(Server *self, Request *request, struct MHD_Connection *connection)
{
    Exchange *exchange = &request->exchange;
    struct MHD_Response *response = response_make(self->delays, connection, exchange);
    char text[24];

    if (!response)
        return MHD_NO;
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

/* Mail, of which an answer with a good status may tell otherwise; of all else that status tells. */
static bool
was_accepted(const Exchange *exchange)
{
    const Endpoint *endpoint = exchange->endpoint;
    bool mail = endpoint && endpoint->api & (API_EMAILS | API_ARARA) && strcmp(endpoint->method, "POST") == 0;

    return exchange->answer.accepted || (!mail && exchange->answer.status / 100 == 2);
}

/* Ends the request: the answer, or none if that was ordered. */
static enum MHD_Result
finish(Server *self, Request *request, struct MHD_Connection *connection)
{
    const Exchange *exchange = &request->exchange;

    /* First: a client that has its answer may count on being counted out. */
    request_close(request);
    request->state = DONE;
    if (exchange->fault.kind == FAULT_CLOSE_AFTER && was_accepted(exchange)) {
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

static enum MHD_Result
serve(Server *self, struct MHD_Connection *connection, const char *url, const char *method,
      const char *bytes, size_t *n, void **state)
{
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

/* libmicrohttpd calls it with the headers, with each piece of the body, at the end, and again
 * after a delay. */
static enum MHD_Result
on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *bytes, size_t *n, void **state)
{
    Server *self = user;

    webhook_lock(self->sandbox->webhook);
    enum MHD_Result result = serve(self, connection, url, method, bytes, n, state);
    webhook_unlock(self->sandbox->webhook);
    return result;
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
