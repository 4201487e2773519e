#include "world.h"

#include <signal.h>
#include <string.h>

static const HttpConf usual = {
    .user_agent = "shimta/test",
    .connect_ms = 5000,
    .idle_ms = 20000,
    .total_ms = 30000,
    .connections_per_host = 10,
};

World *
world_new(const FakeStep *steps, guint step_count, const HttpConf *conf)
{
    World *self = g_new0(World, 1);

    signal(SIGPIPE, SIG_IGN);
    g_assert_cmpint(uv_loop_init(&self->loop), ==, 0);
    self->conf = usual;
    if (conf) {
        self->conf.ca_file = conf->ca_file;
        self->conf.proxy = conf->proxy;
        self->conf.connect_ms = conf->connect_ms ? conf->connect_ms : usual.connect_ms;
        self->conf.idle_ms = conf->idle_ms ? conf->idle_ms : usual.idle_ms;
        self->conf.total_ms = conf->total_ms ? conf->total_ms : usual.total_ms;
    }
    self->client = http_client_new(&self->loop, &self->conf);
    self->server = fake_server_new(&self->loop, steps, step_count);
    return self;
}

static void
world_clear_last(World *self)
{
    g_free(self->last.body);
    g_free(self->last.content_type);
    g_free(self->last.error);
    memset(&self->last, 0, sizeof self->last);
}

void
world_free(World *self)
{
    http_client_close(self->client);
    fake_server_close(self->server);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&self->loop), ==, 0);
    world_clear_last(self);
    g_free(self);
}

char *
world_url(const World *self, const char *path)
{
    return g_strdup_printf("http://127.0.0.1:%d%s?api_key=s3cret", self->server->port, path);
}

HttpRequest *
world_post(const World *self, Source *body)
{
    g_autofree char *url = world_url(self, "/send");
    HttpRequest *request = http_request_new("POST", url);

    http_request_take_body(request, "application/json", body);
    return request;
}

void
world_on_done(const HttpResponse *response, void *user)
{
    World *self = user;

    g_assert_nonnull(response->body);
    g_assert_cmpuint(strlen(response->body), <=, response->body_length);
    g_assert_true((response->error != NULL) == (response->transport != HTTP_OK));
    if (response->error) {
        g_test_message("%d %s", response->transport, response->error);
        g_assert_null(strstr(response->error, "s3cret"));
        g_assert_null(strstr(response->error, "/send"));
    }
    g_assert_cmpint(response->elapsed_us, >=, 0);

    world_clear_last(self);
    self->last = *response;
    self->last.body = g_strdup(response->body);
    self->last.content_type = g_strdup(response->content_type);
    self->last.error = g_strdup(response->error);
    self->done++;
    uv_stop(&self->loop); /* UV_RUN_ONCE runs timers, then waits for I/O that may never come */
}

const HttpResponse *
world_exchange(World *self, HttpRequest *request)
{
    guint before = self->done;

    http_send(self->client, request, world_on_done, self);
    g_assert_cmpuint(self->done, ==, before); /* never before http_send() has returned */
    WORLD_UNTIL(self, self->done > before);
    g_assert_cmpuint(self->done, ==, before + 1);
    return &self->last;
}
