#include "fake_http.h"

#include <string.h>

FakeHttp fake_http;

struct HttpClient {
    guint connections;
};

struct HttpExchange {
    HttpRequest *request;
    HttpDone done;
    void *user;
};

static void
exchange_free(void *data)
{
    HttpExchange *self = data;

    http_request_free(self->request);
    g_free(self);
}

void
fake_http_reset(void)
{
    if (fake_http.open)
        g_ptr_array_unref(fake_http.open);
    fake_http = (FakeHttp) { .open = g_ptr_array_new_with_free_func(exchange_free) };
}

HttpClient *
http_client_new(uv_loop_t *loop, const HttpConf *conf)
{
    HttpClient *self = g_new0(HttpClient, 1);

    self->connections = conf->connections_per_host;
    return self;
}

void
http_client_close(HttpClient *client)
{
    g_assert_cmpuint(fake_http.open->len, ==, 0);
    g_free(client);
}

HttpExchange *
http_send(HttpClient *client, HttpRequest *request, HttpDone done, void *user)
{
    HttpExchange *self = g_new0(HttpExchange, 1);

    self->request = request;
    self->done = done;
    self->user = user;
    g_ptr_array_add(fake_http.open, self);
    fake_http.sent++;
    fake_http.most = MAX(fake_http.most, fake_http.open->len);
    g_assert_cmpuint(fake_http.open->len, <=, client->connections);
    return self;
}

void
http_cancel(HttpExchange **exchange)
{
    if (!*exchange)
        return;
    g_assert_true(g_ptr_array_remove(fake_http.open, *exchange));
    fake_http.cancelled++;
    *exchange = NULL;
}

const char *
fake_http_field(guint i, const char *name)
{
    g_assert_cmpuint(i, <, fake_http.open->len);
    const HttpExchange *self = fake_http.open->pdata[i];

    for (guint k = 0; k < self->request->fields->len; k++) {
        const HttpField *field = self->request->fields->pdata[k];
        if (g_str_equal(field->name, name))
            return field->value;
    }
    return NULL;
}

char *
fake_http_request(guint i)
{
    g_assert_cmpuint(i, <, fake_http.open->len);
    const HttpExchange *self = fake_http.open->pdata[i];

    return g_strdup_printf("%s %s", self->request->method, self->request->url);
}

const char *
fake_http_header(guint i, const char *name)
{
    g_assert_cmpuint(i, <, fake_http.open->len);
    const HttpExchange *self = fake_http.open->pdata[i];

    for (guint k = 0; k < self->request->headers->len; k++) {
        const char *line = self->request->headers->pdata[k];
        if (g_str_has_prefix(line, name) && line[strlen(name)] == ':')
            return line;
    }
    return NULL;
}

static void
complete(guint i, const HttpResponse *response)
{
    g_assert_cmpuint(i, <, fake_http.open->len);
    HttpExchange *self = g_ptr_array_steal_index(fake_http.open, i);
    HttpDone done = self->done;
    void *user = self->user;

    exchange_free(self);
    done(response, user);
}

void
fake_http_answer_later(guint i, int status, const char *body, gint64 retry_after_ms)
{
    HttpResponse response = {
        .transport = HTTP_OK,
        .sent_whole = true,
        .status = status,
        .body = (char *) body,
        .body_length = strlen(body),
        .retry_after_ms = retry_after_ms,
        .elapsed_us = 5000,
    };

    complete(i, &response);
}

void
fake_http_answer(guint i, int status, const char *body)
{
    fake_http_answer_later(i, status, body, 0);
}

void
fake_http_fail(guint i, HttpTransport transport, bool sent_whole)
{
    HttpResponse response = {
        .transport = transport,
        .sent_whole = sent_whole,
        .body = (char *) "",
        .error = (char *) "made to fail",
    };

    complete(i, &response);
}
