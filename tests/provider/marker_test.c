#include "provider/arara_marker.h"

#include "http/json.h"

#include <string.h>

/* How a renderer may find markers. What it doesn't know it replaces by nothing, the worst it can do. */
typedef char *(*Renderer)(const char *text, const cJSON *keys);

static void
put_value(GString *out, const cJSON *keys, const char *key, size_t n)
{
    g_autofree char *name = g_strndup(key, n);
    const char *value = json_string(keys, name);

    g_string_append(out, value ? value : "");
}

/* The first ## opens, the next one closes; least: characters that a key must have. */
static char *
scan(const char *text, const cJSON *keys, size_t least)
{
    GString *out = g_string_new(NULL);
    const char *open;

    while ((open = strstr(text, "##")) && strlen(open + 2) >= least) {
        const char *close = strstr(open + 2 + least, "##");
        if (!close)
            break;
        g_string_append_len(out, text, open - text);
        put_value(out, keys, open + 2, (size_t) (close - open - 2));
        text = close + 2;
    }
    g_string_append(out, text);
    return g_string_free(out, FALSE);
}

static char *
render_any(const char *text, const cJSON *keys)
{
    return scan(text, keys, 0);
}

static char *
render_one(const char *text, const cJSON *keys)
{
    return scan(text, keys, 1);
}

static gboolean
on_match(const GMatchInfo *match, GString *out, gpointer keys)
{
    g_autofree char *key = g_match_info_fetch(match, 1);

    put_value(out, keys, key, strlen(key));
    return FALSE;
}

static char *
render_regex(const char *pattern, GRegexCompileFlags flags, const char *text, const cJSON *keys)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, flags, 0, NULL);

    return g_regex_replace_eval(regex, text, -1, 0, 0, on_match, (gpointer) keys, NULL);
}

static char *
render_line(const char *text, const cJSON *keys)
{
    return render_regex("##(.+?)##", 0, text, keys);
}

static char *
render_across(const char *text, const cJSON *keys)
{
    return render_regex("##(.*?)##", G_REGEX_DOTALL, text, keys);
}

static char *
render_word(const char *text, const cJSON *keys)
{
    return render_regex("##(\\w+)##", 0, text, keys);
}

static char *
render_no_hash(const char *text, const cJSON *keys)
{
    return render_regex("##([^#]+)##", 0, text, keys);
}

/* Key after key, in what the one before has left. */
static char *
render_each(const char *text, const cJSON *keys)
{
    char *out = g_strdup(text);
    const cJSON *key;

    cJSON_ArrayForEach(key, keys) {
        g_autofree char *marker = g_strconcat("##", key->string, "##", NULL);
        g_auto(GStrv) pieces = g_strsplit(out, marker, -1);
        g_free(out);
        out = g_strjoinv(key->valuestring, pieces);
    }
    return out;
}

static const Renderer renderers[] = {
    render_any, render_one, render_line, render_across, render_word, render_no_hash, render_each,
};

static cJSON *
keys_of(const char *a, const char *b)
{
    const char *const texts[] = { a, b, NULL };
    g_autoptr(GBytes) json = arara_markers(texts);
    gsize n = 0;
    const char *text = json ? g_bytes_get_data(json, &n) : NULL;

    return json ? json_parse(text, n) : NULL;
}

static void
check(const char *a, const char *b)
{
    g_autoptr(cJSON) keys = keys_of(a, b);

    for (guint i = 0; i < G_N_ELEMENTS(renderers); i++) {
        g_autofree char *rendered_a = renderers[i](a, keys);
        g_autofree char *rendered_b = renderers[i](b, keys);
        g_assert_cmpstr(rendered_a, ==, a);
        g_assert_cmpstr(rendered_b, ==, b);
    }
}

static void
test_random(void)
{
    static const char *const pieces[] = { "#", "#", "##", "###", "##a##", "a", "b", " ", "\n",
                                         "\"", "\\", "名", "{", "\x01", "%s" };

    for (guint round = 0; round < 20000; round++) {
        g_autoptr(GString) a = g_string_new(NULL);
        g_autoptr(GString) b = g_string_new(NULL);
        for (guint i = (guint) g_test_rand_int_range(0, 14); i > 0; i--) {
            g_string_append(a, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
            g_string_append(b, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
        }
        check(a->str, b->str);
    }
}

static const struct {
    const char *text, *json; /* NULL: nothing to define */
} rows[] = {
    { "", NULL },
    { "plain # text ## open", NULL },
    { "###", NULL },
    { "##name##", "{\"name\":\"##name##\"}" },
    { "##a## ##a##", "{\"a\":\"##a##\",\" \":\"## ##\"}" },
    { "##a##b##", "{\"a\":\"##a##\",\"b\":\"##b##\"}" },
    { "####", "{\"\":\"####\"}" },
    { "#####", "{\"\":\"####\",\"#\":\"#####\"}" },
    { "##\"\\名\n##", "{\"\\\"\\\\名\\n\":\"##\\\"\\\\名\\n##\"}" },
};

static void
test_table(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *const texts[] = { rows[i].text, NULL };
        g_autoptr(GBytes) json = arara_markers(texts);
        gsize n = 0;
        const char *got = json ? g_bytes_get_data(json, &n) : NULL;
        g_assert_cmpmem(got, n, rows[i].json, rows[i].json ? strlen(rows[i].json) : 0);
        check(rows[i].text, "x");
    }
}

/* The largest text that a mail may have, of nothing but #. */
static void
test_long(void)
{
    g_autofree char *banner = g_strnfill(524228, '#');
    g_autoptr(cJSON) keys = keys_of(banner, "");

    g_assert_cmpint(cJSON_GetArraySize(keys), ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/marker/table", test_table);
    g_test_add_func("/marker/random", test_random);
    g_test_add_func("/marker/long", test_long);
    return g_test_run();
}
