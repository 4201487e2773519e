/* Answers in JSON that are shown as they came, but for secrets. */
#include "fixture.h"

#include "query/json_line.h"

#include <string.h>

static char *
line_of(const char *text)
{
    g_autoptr(QueryAccount) account = fixture_account("customers-mail-cloud", "server-composition = x\n", NULL);
    g_autoptr(Secret) token = secret_new("t\xc3\xb6ken/of\\tests&\"1");
    Query query = { .task = QUERY_DIRECT };
    QueryCursor cursor = { 0 };
    QueryAsk ask = { account, &query, &cursor, token };
    g_autoptr(GString) json = g_string_new(text);

    g_assert_true(json_line_fits(json));
    return json_line(&ask, json);
}

static void
test_as_it_came(void)
{
    static const struct {
        const char *json, *line; /* NULL: the same */
    } rows[] = {
        { "{\"a\":12345678901234567,\"b\":9007199254740993,\"c\":1.10,\"d\":-1E+400,\"e\":null,\"f\":true}", NULL },
        { "{\"a\":\"x\\u0000y\",\"\\u00e9\":\"\\ud83d\\ude00 \\ud83d \\/ / \\\\\\\" , : { [\"}", NULL },
        { "[]", NULL },
        { "\xef\xbb\xbf{\r\n  \"a b\" : [ 1 ,\t2 ] }\n", "{\"a b\":[1,2]}" },
        { "[\"\xff\xe3\x81\x82\xfe\"]", "[\"\xef\xbf\xbd\xe3\x81\x82\xef\xbf\xbd\"]" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = line_of(rows[i].json);
        g_assert_cmpstr(line, ==, rows[i].line ? rows[i].line : rows[i].json);
    }
}

/* The account's key is "key-of-tests". */
static void
test_secrets(void)
{
    static const char *const forms[] = {
        "key-of-tests",
        "key%2Dof%2dtests",
        "k\\u0065y-of-tests",
        "key&#45;of&#x2d;tests",
        "key\\u0026#45;of-tests",
        "t\xc3\xb6ken/of\\\\tests&\\\"1",
        "t\\u00f6ken\\/of\\\\tests\\u0026\\u00221",
        "t%C3%B6ken%2Fof%5Ctests%26%221",
        "t\xc3\xb6ken/of\\\\tests&amp;&quot;1",
    };

    for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autofree char *json = g_strdup_printf("{\"%s\": [1, \"a \\\"%s\\u000a b\"]}", forms[i], forms[i]);
        g_autofree char *line = line_of(json);
        g_assert_cmpstr(line, ==, "{\"***\":[1,\"a \\\"***\\u000a b\"]}");
    }
    g_autofree char *cut = line_of("{\"a\":\"t\\u00f6ken/of\\\\tes\"}");
    g_assert_cmpstr(cut, ==, "{\"a\":\"***\"}");
}

static void
test_beginnings(void)
{
    static const char *const others[] = { "", " ", "PK\x03\x04", "a,b", "\"a\"", "<a/>", "\xef\xbb\xbf", "\xef\xbb\xbf<a/>" };

    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autoptr(GString) text = g_string_new(others[i]);
        g_assert_false(json_line_fits(text));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json-line/as-it-came", test_as_it_came);
    g_test_add_func("/json-line/secrets", test_secrets);
    g_test_add_func("/json-line/beginnings", test_beginnings);
    return g_test_run();
}
