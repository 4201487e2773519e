#include "sandbox/json_body.h"

#include <string.h>

#include "sandbox/arara_time.h"
#include "sandbox/base64.h"

/* Feeds text in pieces of n bytes. */
static cJSON *
parse(JsonBody *body, const char *text, size_t n, const char **why)
{
    for (size_t at = 0; at < strlen(text); at += n)
        json_body_feed(body, text + at, MIN(n, strlen(text) - at));
    return json_body_parse(body, why);
}

static const struct {
    const char *text;
    const char *data;           /* of the last attachment; NULL: it is no base64 */
} datas[] = {
    { "{\"attachments-list\":[{\"data\":\"aGVsbG8K\"}]}", "hello\n" },
    { "{\"attachments-list\":[{\"data\":\"\"}]}", "" },
    { "{ \"attachments-list\" : [ { \"x\" : \"data\" , \"data\"\n:\t\"YQ==\" } ] }", "a" },
    { "{\"attachments-list\":[{\"data\":\"YQ==\"},{\"n\":[{}],\"data\":\"YWI\\u003D\"}]}", "ab" },
    { "{\"attachments-list\":[{\"data\":\"\\/\\/\\/\\/\"}]}", "\xff\xff\xff" },
    { "{\"attachments-list\":[{\"\\u0064ata\":\"YQ==\"}]}", "a" },
    { "{\"attachments-list\":[{\"data\":\"YQ=\"}]}", NULL },
    { "{\"attachments-list\":[{\"data\":\"Y\\nQ==\"}]}", NULL },
    { "{\"attachments-list\":[{\"data\":\"Y\\\"Q=\"}]}", NULL },
    { "{\"attachments-list\":[{\"data\":\"\\u00010\"}]}", NULL },
    { "{\"attachments-list\":[{\"data\":7}]}", NULL },
};

static void
test_attachments(void)
{
    const JsonBodySettings settings = { g_get_tmp_dir(), 1000, 1000 };

    for (size_t i = 0; i < G_N_ELEMENTS(datas); i++)
        for (size_t n = 1; n <= 100; n += 9) {
            JsonBody *body = json_body_new(&settings);
            const char *why = "nothing";
            g_autoptr(cJSON) json = parse(body, datas[i].text, n, &why);
            g_assert_nonnull(json);
            const cJSON *list = cJSON_GetObjectItem(json, "attachments-list");
            const cJSON *last = cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
            const Attachment *got = json_body_attachment(body, cJSON_GetObjectItem(last, "data"));
            g_assert_cmpint(got != NULL, ==, datas[i].data != NULL);
            if (got)
                g_assert_cmpmem(got->bytes->data, got->bytes->len, datas[i].data, strlen(datas[i].data));
            json_body_free(body);
        }
}

static const char *const no_json[] = {
    "", "{", "{}}", "[1,]", "{\"a\":\"\n\"}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\\u00\"}", "\"\\", "\"",
    "{\"a\":\"\xff\"}", "::::", "}}}}]", "{\"attachments-list\":[{\"data\":\"YQ==", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
};

static void
test_no_json(void)
{
    const JsonBodySettings settings = { NULL, 1000, 1000 };

    for (size_t i = 0; i < G_N_ELEMENTS(no_json); i++)
        for (size_t n = 1; n <= 2; n++) {
            JsonBody *body = json_body_new(&settings);
            const char *why = NULL;
            g_assert_null(parse(body, no_json[i], n, &why));
            g_assert_nonnull(why);
            json_body_free(body);
        }
}

static void
test_limits(void)
{
    static const char text[] = "{\"attachments-list\":[{\"data\":\"aGVsbG8K\"}]}";
    const size_t n = strlen(text);
    const struct {
        JsonBodySettings settings;
        bool fits;
    } rows[] = {
        { { NULL, n, n }, true },
        { { NULL, n - 1, n }, false },
        { { NULL, n, n - 7 }, true },       /* the mark is shorter than the data */
        { { NULL, n, 10 }, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        JsonBody *body = json_body_new(&rows[i].settings);
        const char *why = NULL;
        g_autoptr(cJSON) json = parse(body, text, 1, &why);
        g_assert_cmpint(json != NULL, ==, rows[i].fits);
        json_body_free(body);
    }
}

static void
test_base64(void)
{
    const struct {
        const char *text;
        const char *want;
    } rows[] = {
        { "", "" }, { "YQ==", "a" }, { "YWI=", "ab" }, { "YWJj", "abc" }, { "YWJjZA==", "abcd" }, { "Y", NULL },
        { "YQ", NULL }, { "YQ=", NULL }, { "Y===", NULL }, { "====", NULL }, { "YQ==YQ==", NULL }, { "YQ=a", NULL },
        { "YW Jj", NULL }, { "YWJj\n", NULL }, { "-_-_", NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) got = base64_decode(rows[i].text);
        g_assert_cmpint(got != NULL, ==, rows[i].want != NULL);
        if (got)
            g_assert_cmpmem(got->data, got->len, rows[i].want, strlen(rows[i].want));
    }
}

static void
test_time(void)
{
    const struct {
        const char *text;
        gint64 want_s;          /* -1: no time */
    } rows[] = {
        { "1970-01-01T09:00+09:00", 0 }, { "2024-02-29T12:34+09:00", 1709177640 },
        { "2024-02-29T12:34-05:30", 1709229840 }, { "2023-02-29T12:34+09:00", -1 }, { "2024-13-01T12:34+09:00", -1 },
        { "2024-01-01T24:00+09:00", -1 }, { "2024-01-01T00:60+09:00", -1 }, { "2024-01-01 00:00+09:00", -1 },
        { "2024-01-01T00:00+14:01", -1 }, { "2024-01-01T00:00", -1 }, { "0000-01-01T00:00+09:00", -1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        gint64 us = -G_USEC_PER_SEC;
        g_assert_cmpint(arara_time_read(rows[i].text, &us), ==, rows[i].want_s >= 0);
        g_assert_cmpint(us, ==, rows[i].want_s * G_USEC_PER_SEC);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json-body/attachments", test_attachments);
    g_test_add_func("/json-body/no-json", test_no_json);
    g_test_add_func("/json-body/limits", test_limits);
    g_test_add_func("/base64", test_base64);
    g_test_add_func("/arara-time", test_time);
    return g_test_run();
}
