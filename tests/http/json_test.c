#include "http/json.h"

#include <string.h>

static char *
read_all(Source *source)
{
    GString *all = g_string_new(NULL);
    char buf[37];
    gssize n;

    while ((n = source_read(source, buf, sizeof buf, NULL)) > 0)
        g_string_append_len(all, buf, n);
    g_assert_cmpint(n, ==, 0);
    g_assert_cmpint((gint64) all->len, ==, source->length);
    return g_string_free(all, FALSE);
}

/* Holes are filled by place, whatever the order in which they were made. */
static void
test_holes(void)
{
    JsonBody *body = json_body_new();
    cJSON *root = json_body_root(body);
    cJSON *first = json_put_item(root, "list");
    cJSON *second = json_put_item(root, "list");
    g_autoptr(GBytes) shared = g_bytes_new("{\"a\":\"\\\"\"}", 10);

    json_put_source(body, second, "data", source_new_string("BBBB"));
    json_put_bytes(body, second, "more", shared);
    json_put_source(body, first, "data", source_new_string("AAAA"));
    json_put_bytes(body, first, "more", shared);
    json_put_source(body, first, "empty", source_new_string(""));
    json_put_number(json_put_object(root, "deep"), "n", -7);
    json_put_string(root, "text", "日本 \"q\" \\ /\n\t\x7f");

    g_autoptr(Source) source = json_body_source(&body);
    g_assert_null(body);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *text = read_all(source);
        g_assert_cmpstr(text, ==,
                        "{\"list\":[{\"data\":\"AAAA\",\"more\":{\"a\":\"\\\"\"},\"empty\":\"\"},"
                        "{\"data\":\"BBBB\",\"more\":{\"a\":\"\\\"\"}}],\"deep\":{\"n\":-7},"
                        "\"text\":\"日本 \\\"q\\\" \\\\ /\\n\\t\x7f\"}");
        g_assert_true(source_rewind(source, NULL));
    }
}

/* Marks in strings and keys are text. */
static void
test_forged(void)
{
    JsonBody *body = json_body_new();
    cJSON *root = json_body_root(body);

    json_put_string(root, "\x01" "0\x01", "\x01" "0\x01");
    json_put_source(body, root, "data", source_new_string("QUJD"));
    json_put_string(root, "after", "\x01" "7");
    g_autoptr(Source) source = json_body_source(&body);
    g_autofree char *text = read_all(source);
    g_assert_cmpstr(text, ==, "{\"\\u00010\\u0001\":\"\\u00010\\u0001\",\"data\":\"QUJD\",\"after\":\"\\u00017\"}");
}

/* A body that is never sent frees what was put into it (seen by the address sanitizer). */
static void
test_unsent(void)
{
    g_autoptr(JsonBody) body = json_body_new();

    json_put_source(body, json_body_root(body), "data", source_new_string("x"));
}

static void
test_many(void)
{
    JsonBody *body = json_body_new();
    g_autoptr(GString) want = g_string_new("{\"list\":[");

    for (guint i = 0; i < 3000; i++) {
        g_autofree char *data = g_strdup_printf("%u", i);
        json_put_source(body, json_put_item(json_body_root(body), "list"), "d", source_new_string(data));
        g_string_append_printf(want, "%s{\"d\":\"%u\"}", i ? "," : "", i);
    }
    g_string_append(want, "]}");
    g_autoptr(Source) source = json_body_source(&body);
    g_autofree char *text = read_all(source);
    g_assert_cmpstr(text, ==, want->str);
}

static const struct {
    const char *text;
    bool whole;
} answers[] = {
    { "{}", true },
    { " {\"a\":1}\r\n", true },
    { "[1]", true },
    { "", false },
    { "{\"a\":1", false },
    { "{\"a\":1} x", false },
    { "{\"a\":1}{", false },
    { "<html>", false },
};

static void
test_parse(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autoptr(cJSON) tree = json_parse(answers[i].text, strlen(answers[i].text));
        g_test_message("%s", answers[i].text);
        g_assert_cmpint(tree != NULL, ==, answers[i].whole);
    }
    g_assert_null(json_parse("{}\0x", 4));
}

static void
test_look_up(void)
{
    static const char text[] = "{\"s\":\"x\",\"n\":201,\"f\":1.5,\"big\":9007199254740994,\"huge\":1e300,"
                               "\"o\":{},\"S\":\"other\",\"neg\":-3,\"z\":null}";
    static const struct {
        const char *name, *string, *as_text;
    } rows[] = {
        { "s", "x", "x" }, { "n", NULL, "201" }, { "f", NULL, NULL }, { "big", NULL, NULL },
        { "huge", NULL, NULL }, { "o", NULL, NULL }, { "S", "other", "other" }, { "neg", NULL, "-3" },
        { "z", NULL, NULL }, { "none", NULL, NULL },
    };
    g_autoptr(cJSON) tree = json_parse(text, strlen(text));

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *as_text = json_text(tree, rows[i].name);
        g_assert_cmpstr(json_string(tree, rows[i].name), ==, rows[i].string);
        g_assert_cmpstr(as_text, ==, rows[i].as_text);
    }
    g_assert_null(json_string(NULL, "s"));
    g_assert_null(json_text(NULL, "s"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/holes", test_holes);
    g_test_add_func("/json/forged", test_forged);
    g_test_add_func("/json/unsent", test_unsent);
    g_test_add_func("/json/many", test_many);
    g_test_add_func("/json/parse", test_parse);
    g_test_add_func("/json/look-up", test_look_up);
    return g_test_run();
}
