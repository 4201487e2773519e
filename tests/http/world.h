/* A loop with one client and one fake server; each test ends with the loop closing empty. */
#pragma once

#include "http/client.h"

#include "fake_server.h"

typedef struct {
    uv_loop_t loop;
    HttpConf conf;
    HttpClient *client;
    FakeServer *server;
    guint done;              /* completions so far */
    HttpResponse last;       /* a copy; strings owned */
} World;

World *world_new(const FakeStep *steps, guint step_count, const HttpConf *conf);
void world_free(World *self);

/* Every URL holds the secret "s3cret" in its query. Caller frees. */
char *world_url(const World *self, const char *path);

HttpRequest *world_post(const World *self, Source *body);

/* Sends, runs until it is done, and returns the response (valid until the next). */
const HttpResponse *world_exchange(World *self, HttpRequest *request);

/* For http_send(): counts, and keeps the response in last. user is the World. */
void world_on_done(const HttpResponse *response, void *user);

/* Runs the loop until the condition holds. */
#define WORLD_UNTIL(world, condition) \
    while (!(condition))              \
    g_assert_cmpint(uv_run(&(world)->loop, UV_RUN_ONCE), !=, 0)
