#include "http/request.h"

#include "../base/source_check.h"

#include <string.h>

/* The body as text, with its boundary shown as B. */
static char *
encoded(HttpRequest *request)
{
    Source *body = http_request_encode(request);
    g_autoptr(GString) text = g_string_new(NULL);
    char buf[100];
    gssize got;

    g_assert_true(http_request_encode(request) == body);
    while ((got = source_read(body, buf, sizeof buf, NULL)) > 0)
        g_string_append_len(text, buf, got);
    g_assert_cmpint(body->length, ==, text->len);
    g_assert_true(source_rewind(body, NULL));
    source_check(body, text->str, text->len);

    const char *type = request->headers->pdata[request->headers->len - 1];
    const char *boundary = strstr(type, "boundary=");
    g_assert_true(g_str_has_prefix(type, "Content-Type: multipart/form-data; boundary=--------"));
    g_assert_cmpuint(strlen(boundary), ==, strlen("boundary=") + 8 + 32);
    g_auto(GStrv) parts = g_strsplit(text->str, boundary + strlen("boundary="), -1);
    return g_strjoinv("B", parts);
}

static void
test_form(void)
{
    g_autoptr(HttpRequest) request = http_request_new("POST", "https://a.test/");

    http_request_field(request, "api_user", "me@example.jp");
    http_request_field(request, "text", "日本語\r\n--x\n");
    http_request_field(request, "empty", "");
    http_request_take_file(request, "attachment", "写真 \"1\"\r\n.png", "image/png\r\nX: y",
                           source_new_string("\x89PNG"));
    http_request_take_file(request, "attachment2", "e", NULL, source_new_string(""));
    http_request_field(request, "na\"me", "last");
    g_autofree char *text = encoded(request);

    g_assert_cmpstr(text, ==,
                    "--B\r\nContent-Disposition: form-data; name=\"api_user\"\r\n\r\nme@example.jp\r\n"
                    "--B\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n日本語\r\n--x\n\r\n"
                    "--B\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n"
                    "--B\r\nContent-Disposition: form-data; name=\"attachment\"; "
                    "filename=\"写真 %221%22%0D%0A.png\"\r\nContent-Type: image/png  X: y\r\n\r\n\x89PNG\r\n"
                    "--B\r\nContent-Disposition: form-data; name=\"attachment2\"; filename=\"e\"\r\n\r\n\r\n"
                    "--B\r\nContent-Disposition: form-data; name=\"na%22me\"\r\n\r\nlast\r\n"
                    "--B--\r\n");
}

/* Nobody who knows one boundary knows the next. */
static void
test_boundaries_differ(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < 100; i++) {
        g_autoptr(HttpRequest) request = http_request_new("POST", "https://a.test/");

        http_request_field(request, "a", "b");
        http_request_encode(request);
        g_assert_true(g_hash_table_add(seen, g_strdup(request->headers->pdata[0])));
    }
}

static void
test_body(void)
{
    g_autoptr(HttpRequest) request = http_request_new("POST", "https://a.test/");
    g_autoptr(HttpRequest) none = http_request_new("GET", "https://a.test/");

    http_request_header(request, "X-Api-Key", "k\r\nX-Evil: 1");
    http_request_take_body(request, "application/json", source_new_string("{}"));
    source_check(http_request_encode(request), "{}", 2);
    g_assert_cmpuint(request->headers->len, ==, 2);
    g_assert_cmpstr(request->headers->pdata[0], ==, "X-Api-Key: k  X-Evil: 1");
    g_assert_cmpstr(request->headers->pdata[1], ==, "Content-Type: application/json");
    g_assert_null(http_request_encode(none));
}

static void
test_shown(void)
{
    static const struct {
        const char *url;
        bool secret;
        const char *shown;
    } rows[] = {
        { "https://a.test/x?id=1", false, "GET https://a.test/x?id=1" },
        { "https://a.test/x?access_token=s3cret&id=1", true, "GET https://a.test/x?..." },
        { "https://a.test/x", true, "GET https://a.test/x" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(HttpRequest) request = http_request_new("GET", rows[i].url);
        request->secret_url = rows[i].secret;
        g_autofree char *shown = http_request_shown(request);
        g_assert_cmpstr(shown, ==, rows[i].shown);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/request/form", test_form);
    g_test_add_func("/request/boundaries-differ", test_boundaries_differ);
    g_test_add_func("/request/body", test_body);
    g_test_add_func("/request/shown", test_shown);
    return g_test_run();
}
