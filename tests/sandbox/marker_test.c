#include "sandbox/marker.h"

#include <string.h>

static const MarkerStyle emails = { "((#", "#))", false };
static const MarkerStyle arara = { "##", "##", false };
static const MarkerStyle keeping = { "##", "##", true };

static const struct {
    const MarkerStyle *style;
    const char *text;
    const char *want;
} rows[] = {
    { &emails, "", "" },
    { &emails, "no marker", "no marker" },
    { &emails, "((#name#))", "Alice" },
    { &emails, "Dear ((#name#)), ((#customer-id#))!", "Dear Alice, A-1!" },
    { &emails, "((#name#))((#name#))", "AliceAlice" },
    { &emails, "((#unknown#))", "" },
    { &emails, "((##))", "" },
    { &emails, "((# name#))", "" },
    { &emails, "((#self#))", "((#self#))" },            /* one pass */
    { &emails, "((#left#))name#))", "((#name#))" },     /* nor one made of pieces */
    { &emails, "((#name", "((#name" },
    { &emails, "((#name#)", "((#name#)" },
    { &emails, "((#", "((#" },
    { &emails, "#))", "#))" },
    { &emails, "(((#name#)))", "(Alice)" },
    { &emails, "((#((#name#))", "" },                   /* the key is "((#name" */
    { &emails, "((#\xe5\x90\x8d\xe5\x89\x8d#))", "\xe5\x80\xa4" },
    { &arara, "##name##", "Alice" },
    { &arara, "##name####name##", "AliceAlice" },
    { &arara, "##name##name##", "Alicename##" },
    { &arara, "###name##", "" },                        /* the key is "#name" */
    { &arara, "##name###", "Alice#" },
    { &arara, "#name##", "#name##" },
    { &arara, "##", "##" },
    { &arara, "###", "###" },
    { &arara, "####", "" },
    { &arara, "#####name##", "#name##" },
    { &arara, "##a\nb##", "two lines" },
    { &arara, "##literal##", "##literal##" },
    { &arara, "##hashes##name##", "##name##" },
    { &arara, "a ##unknown## b", "a  b" },
    { &keeping, "a ##unknown## b ##name##", "a ##unknown## b Alice" },
    { &keeping, "####name##", "####name##" },           /* the key is empty */
    { &keeping, "##unknown##name##", "##unknown##name##" },
};

static void
test_expand(void)
{
    g_autoptr(GHashTable) properties = g_hash_table_new(g_str_hash, g_str_equal);
    const char *pairs[][2] = { { "name", "Alice" }, { "customer-id", "A-1" }, { "self", "((#self#))" },
                               { "left", "((#" }, { "\xe5\x90\x8d\xe5\x89\x8d", "\xe5\x80\xa4" },
                               { "a\nb", "two lines" }, { "literal", "##literal##" }, { "hashes", "##" } };

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
        g_hash_table_insert(properties, (gpointer) pairs[i][0], (gpointer) pairs[i][1]);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        GString *got = marker_expand(rows[i].style, rows[i].text, properties);
        g_assert_cmpstr(got->str, ==, rows[i].want);
        g_assert_cmpuint(marker_length(rows[i].style, rows[i].text, properties), ==, strlen(rows[i].want));
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
