/* What an exchange sends, and what it makes of answers good and bad. */
#include "world.h"

#include <glib/gstdio.h>
#include <string.h>

#define STEPS(...)                                                                             \
    ((const FakeStep[]) { __VA_ARGS__ }), sizeof((const FakeStep[]) { __VA_ARGS__ }) / sizeof(FakeStep)
#define ANSWER(text) { FAKE_ANSWER, (text), 0 }

static Source *
pattern_source(size_t n)
{
    g_autofree char *bytes = g_malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = "0123456789abcdef"[(i * 7 + (i >> 12)) % 16];
    g_autoptr(GBytes) all = g_bytes_new(bytes, n);
    return source_new_bytes(all);
}

static char *
sha256(Source *source)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    char buf[4096];
    gssize got;

    while ((got = source_read(source, buf, sizeof buf, NULL)) > 0)
        g_checksum_update(sum, (guchar *) buf, got);
    g_assert_true(source_rewind(source, NULL));
    return g_strdup(g_checksum_get_string(sum));
}

static void
test_post(void)
{
    World *world = world_new(STEPS(ANSWER(FAKE_OK)), NULL);
    HttpRequest *request = world_post(world, source_new_string("{\"subject\":\"件名\"}"));
    http_request_header(request, "X-Api-Key", "k");
    const HttpResponse *response = world_exchange(world, request);

    g_assert_cmpint(response->transport, ==, HTTP_OK);
    g_assert_true(response->sent_whole);
    g_assert_cmpint(response->status, ==, 200);
    g_assert_cmpstr(response->body, ==, "{}");
    g_assert_cmpuint(response->body_length, ==, 2);
    g_assert_cmpstr(response->content_type, ==, "application/json");
    g_assert_cmpint(response->retry_after_ms, ==, 0);

    g_autofree char *want = g_strdup_printf("POST /send?api_key=s3cret HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                            "User-Agent: shimta/test\r\nAccept: */*\r\n"
                                            "Content-Type: application/json\r\nX-Api-Key: k\r\n"
                                            "Content-Length: 20\r\n\r\n{\"subject\":\"件名\"}",
                                            world->server->port);
    g_assert_cmpstr(fake_server_request(world->server, 0), ==, want);
    world_free(world);
}

static void
test_methods(void)
{
    static const struct {
        const char *method, *body, *want_line, *want_length;
    } rows[] = {
        { "GET", NULL, "GET /x?", NULL },         { "POST", NULL, "POST /x?", "Content-Length: 0\r\n" },
        { "POST", "", "POST /x?", "Content-Length: 0\r\n" }, { "DELETE", NULL, "DELETE /x?", NULL },
        { "PUT", "abc", "PUT /x?", "Content-Length: 3\r\n" }, { "GET", NULL, "GET /x?", NULL },
    };
    World *world = world_new(STEPS(ANSWER(FAKE_OK)), NULL);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *url = world_url(world, "/x");
        HttpRequest *request = http_request_new(rows[i].method, url);
        if (rows[i].body)
            http_request_take_body(request, "text/plain", source_new_string(rows[i].body));

        g_assert_cmpint(world_exchange(world, request)->transport, ==, HTTP_OK);
        const char *seen = fake_server_request(world->server, i);
        g_assert_true(g_str_has_prefix(seen, rows[i].want_line));
        if (rows[i].want_length)
            g_assert_nonnull(strstr(seen, rows[i].want_length));
        else
            g_assert_null(strstr(seen, "Content-Length"));
    }
    g_assert_cmpuint(world->server->connections, ==, 1);
    world_free(world);
}

/* Sizes around the border between one piece and a stream; one connection for all. */
static void
test_sizes(void)
{
    static const size_t sizes[] = { 1, 1000, 32 * 1024, 32 * 1024 + 1, 65536, 65537, 5 * 1024 * 1024, 10 };
    World *world = world_new(STEPS(ANSWER(FAKE_OK)), NULL);

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        Source *body = pattern_source(sizes[i]);
        g_autofree char *want = sha256(body);
        const HttpResponse *response = world_exchange(world, world_post(world, body));

        g_assert_cmpint(response->transport, ==, HTTP_OK);
        const char *seen = fake_server_request(world->server, i);
        g_autofree char *length = g_strdup_printf("\r\nContent-Length: %zu\r\n", sizes[i]);
        g_assert_nonnull(strstr(seen, length));
        g_assert_null(strstr(seen, "Expect:"));
        g_assert_null(strstr(seen, "Transfer-Encoding:"));
        const char *bytes = strstr(seen, "\r\n\r\n") + 4;
        g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, bytes, -1);
        g_assert_cmpstr(sum, ==, want);
    }
    g_assert_cmpuint(world->server->connections, ==, 1);
    world_free(world);
}

static void
test_form_file(void)
{
    World *world = world_new(STEPS(ANSWER(FAKE_OK)), NULL);
    g_autofree char *url = world_url(world, "/send");
    HttpRequest *request = http_request_new("POST", url);
    Source *file = pattern_source(5 * 1024 * 1024);
    g_autofree char *want = sha256(file);

    http_request_field(request, "subject", "件名");
    http_request_take_file(request, "attachment", "a.bin", "application/octet-stream", file);
    g_assert_cmpint(world_exchange(world, request)->transport, ==, HTTP_OK);

    const char *seen = fake_server_request(world->server, 0);
    const char *bytes = strstr(strstr(seen, "filename=\"a.bin\""), "\r\n\r\n") + 4;
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, bytes, 5 * 1024 * 1024);
    g_assert_cmpstr(sum, ==, want);
    world_free(world);
}

static void
test_answers(void)
{
    static const struct {
        FakeStep step;
        HttpTransport want;
        int status;
        const char *body;
    } rows[] = {
        { { FAKE_ANSWER, "HTTP/1.1 100 Continue\r\n\r\n" FAKE_OK, 0 }, HTTP_OK, 200, "{}" },
        { { FAKE_ANSWER, "HTTP/1.1 204 No Content\r\n\r\n", 0 }, HTTP_OK, 204, "" },
        { { FAKE_ANSWER, "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\n<h1>", 0 }, HTTP_OK, 500, "<h1>" },
        { { FAKE_ANSWER, "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", 0 },
          HTTP_OK, 401, "" },
        { { FAKE_LAST, "HTTP/1.0 200 OK\r\n\r\nuntil the end", 0 }, HTTP_OK, 200, "until the end" },
        { { FAKE_ANSWER, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 0 },
          HTTP_OK, 200, "{}" },
        { { FAKE_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b", 41 }, HTTP_OK, 200, "a" },
        { { FAKE_LAST, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":", 0 }, HTTP_BROKEN, 200, NULL },
        { { FAKE_LAST, "HTTP/1.1 200 OK\r\nContent-Le", 0 }, HTTP_BROKEN, 200, NULL },
        { { FAKE_LAST, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 0 },
          HTTP_BROKEN, 200, NULL },
        { { FAKE_ANSWER, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 0 },
          HTTP_BROKEN, 200, NULL },
        { { FAKE_LAST, "HTTP/1.1 100 Continue\r\n\r\n", 0 }, HTTP_BROKEN, 100, NULL },
        { { FAKE_LAST, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", 0 }, HTTP_BROKEN, 200, NULL },
        { { FAKE_LAST, "hello", 0 }, HTTP_BROKEN, 0, NULL },
        { { FAKE_CLOSE, NULL, 0 }, HTTP_BROKEN, 0, "" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        World *world = world_new(&rows[i].step, 1, NULL);
        g_test_message("row %u", i);
        const HttpResponse *response = world_exchange(world, world_post(world, source_new_string("{}")));

        g_assert_cmpint(response->transport, ==, rows[i].want);
        g_assert_cmpint(response->status, ==, rows[i].status);
        g_assert_true(response->sent_whole);
        if (rows[i].body)
            g_assert_cmpstr(response->body, ==, rows[i].body);
        g_assert_cmpuint(world->server->requests->len, ==, 1);
        world_free(world);
    }
}

static void
test_long_answers(void)
{
    static const struct {
        const char *head;
        size_t fill;
        HttpTransport want;
    } rows[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n", 65536, HTTP_OK },
        { "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", 65537, HTTP_BROKEN },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n", 1048576, HTTP_BROKEN },
        { "HTTP/1.1 200 OK\r\n\r\n", 1048576, HTTP_BROKEN },
        { "HTTP/1.1 200 OK\r\nX-Long: ", 1048576, HTTP_BROKEN },
        { "HTTP/1.1 200 OK\r\nX-Long: ", 90000, HTTP_BROKEN },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *fill = g_strnfill(rows[i].fill, 'x');
        g_autofree char *text = g_strconcat(rows[i].head, fill, NULL);
        FakeStep step = { i == 0 ? FAKE_ANSWER : FAKE_LAST, text, 0 };
        World *world = world_new(&step, 1, NULL);
        const HttpResponse *response = world_exchange(world, world_post(world, source_new_string("{}")));

        g_assert_cmpint(response->transport, ==, rows[i].want);
        g_assert_cmpuint(response->body_length, <=, HTTP_MAX_ANSWER);
        world_free(world);
    }
}

static void
test_many_headers(void)
{
    g_autoptr(GString) text = g_string_new("HTTP/1.1 200 OK\r\n");
    for (guint i = 0; i < 10000; i++)
        g_string_append_printf(text, "X-%u: 12345678\r\n", i);
    FakeStep step = { FAKE_LAST, text->str, 0 };
    World *world = world_new(&step, 1, NULL);

    const HttpResponse *response = world_exchange(world, world_post(world, source_new_string("{}")));
    g_assert_cmpint(response->transport, ==, HTTP_BROKEN);
    world_free(world);
}

/* The credentials in header, query and body stay where they were meant to go. */
static void
test_redirects(void)
{
    static const int statuses[] = { 301, 302, 303, 307, 308 };

    for (guint i = 0; i < G_N_ELEMENTS(statuses); i++) {
        char text[200];
        FakeStep step = { FAKE_ANSWER, text, 0 };
        World *world = world_new(&step, 1, NULL);
        FakeServer *other = fake_server_new(&world->loop, STEPS(ANSWER(FAKE_OK)));

        g_snprintf(text, sizeof text,
                   "HTTP/1.1 %d Moved\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n",
                   statuses[i], other->port);
        const HttpResponse *response = world_exchange(world, world_post(world, source_new_string("{}")));
        g_assert_cmpint(response->transport, ==, HTTP_OK);
        g_assert_cmpint(response->status, ==, statuses[i]);
        g_assert_cmpint(world_exchange(world, world_post(world, pattern_source(100000)))->status, ==, statuses[i]);
        g_assert_cmpuint(other->connections, ==, 0);
        fake_server_close(other);
        world_free(world);
    }
}

static void
test_retry_after(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autoptr(GDateTime) soon = g_date_time_add_seconds(now, 600);
    g_autoptr(GDateTime) far = g_date_time_add_days(now, 30);
    g_autoptr(GDateTime) past = g_date_time_add_days(now, -1);
    const char *format = "%a, %d %b %Y %H:%M:%S GMT";
    g_autofree char *soon_text = g_date_time_format(soon, format);
    g_autofree char *far_text = g_date_time_format(far, format);
    g_autofree char *past_text = g_date_time_format(past, format);
    const gint64 day = 24 * 3600 * 1000;
    const struct {
        const char *value;
        gint64 least, most;
    } rows[] = {
        { "120", 120000, 120000 },
        { "0", 0, 0 },
        { "1000000000", day, day },
        { "-5", 0, 0 },
        { "soon", 0, 0 },
        { soon_text, 500000, 600000 },
        { far_text, day, day },
        { past_text, 0, 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text =
            g_strdup_printf("HTTP/1.1 429 Slow\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", rows[i].value);
        FakeStep step = { FAKE_ANSWER, text, 0 };
        World *world = world_new(&step, 1, NULL);
        const HttpResponse *response = world_exchange(world, world_post(world, source_new_string("{}")));

        g_assert_cmpint(response->status, ==, 429);
        g_assert_cmpint(response->retry_after_ms, >=, rows[i].least);
        g_assert_cmpint(response->retry_after_ms, <=, rows[i].most);
        world_free(world);
    }
}

static const char *const environment[] = { "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                           "ALL_PROXY" };

static void
test_environment(void)
{
    World *world = world_new(STEPS(ANSWER(FAKE_OK)), NULL);
    FakeServer *other = fake_server_new(&world->loop, STEPS(ANSWER(FAKE_OK)));
    g_autofree char *proxy = g_strdup_printf("http://127.0.0.1:%d", other->port);
    g_autofree char *home = g_dir_make_tmp("shimta-test-XXXXXX", NULL);
    g_autofree char *netrc = g_build_filename(home, ".netrc", NULL);

    g_assert_true(g_file_set_contents(netrc, "machine 127.0.0.1 login eve password x\n", -1, NULL));
    g_setenv("HOME", home, TRUE);
    for (guint i = 0; i < G_N_ELEMENTS(environment); i++)
        g_setenv(environment[i], proxy, TRUE);
    g_assert_cmpint(world_exchange(world, world_post(world, source_new_string("{}")))->transport, ==, HTTP_OK);
    for (guint i = 0; i < G_N_ELEMENTS(environment); i++)
        g_unsetenv(environment[i]);

    g_assert_cmpuint(other->connections, ==, 0);
    g_assert_null(strstr(fake_server_request(world->server, 0), "Authorization"));
    g_unlink(netrc);
    g_rmdir(home);
    fake_server_close(other);
    world_free(world);
}

/* A configured proxy is used, whatever no_proxy says. */
static void
test_proxy(void)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    FakeServer *proxy = fake_server_new(&loop, STEPS(ANSWER(FAKE_OK)));
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%d", proxy->port);
    HttpConf conf = { .user_agent = "t", .proxy = url, .connect_ms = 5000, .idle_ms = 5000, .total_ms = 5000 };
    HttpClient *client = http_client_new(&loop, &conf);
    World world = { .client = client };

    g_setenv("no_proxy", "*", TRUE);
    http_send(client, http_request_new("GET", "http://api.invalid/send"), world_on_done, &world);
    while (!world.done)
        uv_run(&loop, UV_RUN_ONCE);
    g_unsetenv("no_proxy");
    g_assert_true(g_str_has_prefix(fake_server_request(proxy, 0), "GET http://api.invalid/send HTTP/1.1\r\n"));
    http_client_close(client);
    fake_server_close(proxy);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
    g_free(world.last.body);
    g_free(world.last.content_type);
}

static void
test_not_sent(void)
{
    static const char *const urls[] = {
        "http://127.0.0.1:1/send?api_key=s3cret",    "http://nowhere.invalid/send?api_key=s3cret",
        "file:///etc/hostname?api_key=s3cret",       "ftp://127.0.0.1/send?api_key=s3cret",
        "http://127.0.0.1:99999/send?api_key=s3cret", "http:// /send?api_key=s3cret", "",
    };
    World *world = world_new(STEPS(ANSWER(FAKE_OK)), NULL);

    for (guint i = 0; i < G_N_ELEMENTS(urls); i++) {
        HttpRequest *request = http_request_new("POST", urls[i]);
        http_request_take_body(request, "text/plain", source_new_string("x"));
        const HttpResponse *response = world_exchange(world, request);

        g_assert_cmpint(response->transport, ==, HTTP_NOT_SENT);
        g_assert_false(response->sent_whole);
        g_assert_cmpint(response->status, ==, 0);
        g_assert_cmpint(world_exchange(world, world_post(world, source_new_string("x")))->transport, ==, HTTP_OK);
    }
    g_assert_cmpuint(world->server->connections, ==, 1);
    world_free(world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/client/post", test_post);
    g_test_add_func("/client/methods", test_methods);
    g_test_add_func("/client/sizes", test_sizes);
    g_test_add_func("/client/form-file", test_form_file);
    g_test_add_func("/client/answers", test_answers);
    g_test_add_func("/client/long-answers", test_long_answers);
    g_test_add_func("/client/many-headers", test_many_headers);
    g_test_add_func("/client/redirects", test_redirects);
    g_test_add_func("/client/retry-after", test_retry_after);
    g_test_add_func("/client/environment", test_environment);
    g_test_add_func("/client/proxy", test_proxy);
    g_test_add_func("/client/not-sent", test_not_sent);
    return g_test_run();
}
