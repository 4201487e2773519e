/* Whether the pairs of requests and answers in tests/query/DRIVER show all that tests/query/documented says of a call,
 * and whether no call of a driver is missing there. */
#include "query/driver.h"

#include <string.h>

/* All cases of a call. */
typedef struct {
    guint count;
    GString *requests, *answers, *results;
} Pairs;

static void
pairs_free(void *data)
{
    Pairs *self = data;

    g_string_free(self->requests, TRUE);
    g_string_free(self->answers, TRUE);
    g_string_free(self->results, TRUE);
    g_free(self);
}

/* Of "DRIVER TASK", made if need be. */
static Pairs *
pairs_of(GHashTable *all, const char *driver, const char *task)
{
    g_autofree char *name = g_strdup_printf("%s %s", driver, task);
    Pairs *self = g_hash_table_lookup(all, name);

    if (self)
        return self;
    self = g_new0(Pairs, 1);
    self->requests = g_string_new("\n");
    self->answers = g_string_new("\n");
    self->results = g_string_new("\n");
    g_hash_table_insert(all, g_steal_pointer(&name), self);
    return self;
}

static void
take_case(GHashTable *all, const char *driver, const char *path)
{
    g_autofree char *text = NULL;
    Pairs *pairs = NULL;
    GString *to = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (!pairs && (g_str_has_prefix(*line, "task ") || g_str_equal(*line, "login")))
            pairs = pairs_of(all, driver, **line == 't' ? *line + 5 : *line);
        g_assert_true(pairs || !g_str_has_prefix(*line, "--- "));
        if (g_str_equal(*line, "--- request"))
            to = pairs->requests;
        else if (g_str_equal(*line, "--- answer"))
            to = pairs->answers;
        else if (g_str_equal(*line, "--- result"))
            to = pairs->results;
        else if (to)
            g_string_append_printf(to, "%s\n", *line);
    }
    g_assert_nonnull(pairs);
    pairs->count++;
}

static void
take_cases(GHashTable *all, const char *driver)
{
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "query", driver, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);

    g_assert_nonnull(dir);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_str_has_suffix(name, ".case"))
            take_case(all, driver, path);
    }
}

/* Whether a request begins so, behind the URL's host. */
static bool
has_request(const char *requests, const char *start)
{
    g_autofree char *escaped = g_regex_escape_string(strchr(start, ' ') + 1, -1);
    g_autofree char *pattern = g_strdup_printf("^%.*shttps://[^/\n]+%s", (int) (strchr(start, ' ') + 1 - start), start,
                                               escaped);

    return g_regex_match_simple(pattern, requests, G_REGEX_MULTILINE | G_REGEX_RAW, 0);
}

/* Whether the array of that name comes as one object somewhere. */
static bool
has_object(const char *answers, const char *name)
{
    g_autofree char *pattern = g_strdup_printf("\"%s\": ?\\{", name);
    g_autofree char *reverse = g_strdup_printf("\"%s\": ?\\[", name);

    return g_regex_match_simple(pattern, answers, G_REGEX_RAW, 0) &&
           g_regex_match_simple(reverse, answers, G_REGEX_RAW, 0);
}

/* Not as a part of another name. */
static bool
has_name(const char *answers, const char *name)
{
    if (!g_ascii_isalnum(*name))
        return strstr(answers, name);
    g_autofree char *escaped = g_regex_escape_string(name, -1);
    g_autofree char *pattern = g_strdup_printf("(?<![A-Za-z0-9_-])%s(?![A-Za-z0-9_-])", escaped);

    return g_regex_match_simple(pattern, answers, G_REGEX_RAW, 0);
}

static bool
has_word(const Pairs *pairs, const char *key, const char *word)
{
    g_autofree char *status = g_strdup_printf("\nHTTP/1.1 %s ", word);
    g_autofree char *refusal = g_strdup_printf(": %s ", word);

    if (g_str_equal(key, "status"))
        return strstr(pairs->answers->str, status);
    if (g_str_equal(key, "code"))
        return strstr(pairs->results->str, refusal);
    if (g_str_equal(key, "list"))
        return has_object(pairs->answers->str, word);
    if (g_str_equal(key, "field"))
        return has_name(pairs->answers->str, word);
    return strstr(pairs->requests->str, word);
}

/* One line of a call: how many things of it no pair shows. */
static guint
missing_of(const Pairs *pairs, const char *call, const char *line)
{
    static const char *const keys[] = { "parameter", "status", "code", "field", "list", NULL };
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    const char *rest = line + strlen(words[0]) + 1;
    guint missing = 0;

    if (g_str_equal(words[0], "unused"))
        return 0;
    if (g_str_equal(words[0], "request"))
        missing = !has_request(pairs->requests->str, rest);
    else if (g_str_equal(words[0], "value"))
        missing = !strstr(pairs->answers->str, rest);
    else
        g_assert_true(g_strv_contains(keys, words[0]));
    if (missing)
        g_test_message("%s: no %s %s", call, words[0], rest);
    for (guint i = 1; g_strv_contains(keys, words[0]) && words[i]; i++) {
        if (has_word(pairs, words[0], words[i]))
            continue;
        g_test_message("%s: no %s %s", call, words[0], words[i]);
        missing++;
    }
    return missing;
}

/* Fields that nobody has heard of: answered, and shown. */
static bool
shows_unheard(const Pairs *pairs, const char *call)
{
    bool is_login = g_str_has_suffix(call, " login");

    return strstr(pairs->answers->str, "unheard_of") && (is_login || strstr(pairs->results->str, "unheard_of"));
}

/* Each call of the drivers and their logins; adds those that are not documented, or have no pair. */
static guint
undocumented(GHashTable *seen, GHashTable *all)
{
    guint missing = 0;

    for (const QueryDriver *const *driver = query_drivers; *driver; driver++) {
        for (const QueryCall *call = (*driver)->calls; call->build; call++) {
            g_autofree char *name = g_strdup_printf("%s %s", (*driver)->name, query_task_name(call->task));
            if (g_hash_table_contains(seen, name) && g_hash_table_contains(all, name))
                continue;
            g_test_message("%s: a driver's call without documents or pairs", name);
            missing++;
        }
        g_autofree char *login = g_strdup_printf("%s login", (*driver)->name);
        missing += (*driver)->login && !g_hash_table_contains(seen, login);
    }
    return missing;
}

static void
test_documented(void)
{
    g_autoptr(GHashTable) all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, pairs_free);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "query", "documented", NULL);
    g_autofree char *text = NULL;
    g_autofree char *call = NULL;
    const Pairs *pairs = NULL;
    guint missing = 0;

    for (const QueryDriver *const *driver = query_drivers; *driver; driver++)
        take_cases(all, (*driver)->name);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (**line == '[') {
            g_free(call);
            call = g_strndup(*line + 1, strlen(*line) - 2);
            pairs = g_hash_table_lookup(all, call);
            if (!pairs)
                g_error("%s: no case", call);
            g_hash_table_add(seen, g_strdup(call));
            g_test_message("%s: %u cases", call, pairs->count);
            missing += !shows_unheard(pairs, call);
        } else if (**line && **line != '#') {
            missing += missing_of(pairs, call, *line);
        }
    }
    g_assert_cmpuint(missing + undocumented(seen, all), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/documented/calls", test_documented);
    return g_test_run();
}
