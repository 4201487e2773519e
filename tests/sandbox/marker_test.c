#include "sandbox/marker.h"

#include <string.h>

static const struct {
    const char *text;
    const char *want;
} rows[] = {
    { "", "" },
    { "no marker", "no marker" },
    { "((#name#))", "Alice" },
    { "Dear ((#name#)), ((#customer-id#))!", "Dear Alice, A-1!" },
    { "((#name#))((#name#))", "AliceAlice" },
    { "((#unknown#))", "" },
    { "((##))", "" },
    { "((# name#))", "" },
    { "((#self#))", "((#self#))" },             /* one pass */
    { "((#left#))name#))", "((#name#))" },      /* nor one made of pieces */
    { "((#name", "((#name" },
    { "((#name#)", "((#name#)" },
    { "((#", "((#" },
    { "#))", "#))" },
    { "(((#name#)))", "(Alice)" },
    { "((#((#name#))", "" },                    /* the key is "((#name" */
    { "((#\xe5\x90\x8d\xe5\x89\x8d#))", "\xe5\x80\xa4" },
};

static void
test_expand(void)
{
    const MarkerStyle style = { "((#", "#))", false };
    g_autoptr(GHashTable) properties = g_hash_table_new(g_str_hash, g_str_equal);
    const char *pairs[][2] = { { "name", "Alice" }, { "customer-id", "A-1" }, { "self", "((#self#))" },
                               { "left", "((#" }, { "\xe5\x90\x8d\xe5\x89\x8d", "\xe5\x80\xa4" } };

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
        g_hash_table_insert(properties, (gpointer) pairs[i][0], (gpointer) pairs[i][1]);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        GString *got = marker_expand(&style, rows[i].text, properties);
        g_assert_cmpstr(got->str, ==, rows[i].want);
        g_assert_cmpuint(marker_length(&style, rows[i].text, properties), ==, strlen(rows[i].want));
        g_string_free(got, TRUE);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/marker/expand", test_expand);
    return g_test_run();
}
