/* Files tests/query/events/NAME.case: the body's type on the first line, the body, and behind "--- read" what it was read
 * as. UPDATE=1 writes that, to be reviewed as a difference. */
#include "fixture.h"

#include "query/cmc_event.h"
#include "query/form.h"

#include <string.h>

#define MARK "\n--- read\n"

static void
on_row(const QueryRow *row, void *user)
{
    QueryEvent event;

    fixture_print_row(row, user);
    if (query_row_event(row, &event))
        return;
    g_string_truncate(user, ((GString *) user)->len - 1);
    g_string_append(user, "(nothing follows)\n\n");
}

static void
print_error(GString *out, const GError *error)
{
    g_string_append_printf(out, "! %s: %s\n", fixture_error_name(error), error->message);
}

static char *
read_post(const char *type, const char *body, gsize n)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(CmcPost) post = cmc_post_read(type, body, n, &error);

    if (post) {
        g_string_append_printf(out, "%s of '%s', key '%s'%s\n", post->type, post->composition, post->key,
                               cmc_post_is_known(post) ? "" : ", unknown");
        cmc_post_rows(post, on_row, out, &error);
    }
    if (error)
        print_error(out, error);
    return g_string_free(out, FALSE);
}

static void
test_case(gconstpointer data)
{
    const char *path = data;
    g_autofree char *text = NULL;
    gsize length;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    const char *body = strchr(text, '\n') + 1;
    const char *mark = strstr(body, MARK);
    const char *end = mark ? mark : text + length - 1;
    g_autofree char *type = g_strndup(text, (gsize) (body - 1 - text));
    g_autofree char *found = read_post(type, body, (gsize) (end - body));
    if (g_getenv("UPDATE")) {
        g_autofree char *kept = g_strndup(text, (gsize) (end - text));
        g_autofree char *whole = g_strconcat(kept, MARK, found, NULL);
        g_assert_true(g_file_set_contents(path, whole, -1, NULL));
    } else {
        g_assert_nonnull(mark);
        g_assert_cmpstr(found, ==, mark + strlen(MARK));
    }
}

/* Whatever a body lacks at its end is an error, or fewer rows, and no byte behind it is read. */
static void
test_cut(void)
{
    static const struct {
        const char *type, *body;
    } rows[] = {
        { NULL, "event_type=bounces&event={\"bounces\":[{\"to\":\"a@example.org\",\"status\":\"2\"}]}&api_key=%6b" },
        { "application/json", "{\"event_type\":\"bounces\",\"event\":{\"bounces\":[{\"to\":\"a@example.org\"}]}}" },
        { "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"event_type\"\r\n\r\n"
          "bounces\r\n--x\r\nContent-Disposition: form-data; name=\"event\"\r\n\r\n{}\r\n--x--\r\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (gsize n = 0; n <= strlen(rows[i].body); n++) {
            g_autofree char *part = g_memdup2(rows[i].body, n);
            g_autofree char *found = read_post(rows[i].type, part ? part : "", n);
            g_assert_cmpint(strlen(found), >, 0);
        }
    }
}

/* A megabyte of what costs most ends soon, and with an error. */
static void
test_bombs(void)
{
    static const char *const pieces[] = { "[", "{\"a\":", "0,", "\"a\":1,", "{\"bounces\":[", "[{}]," };

    for (guint i = 0; i < G_N_ELEMENTS(pieces); i++) {
        g_autoptr(GString) body = g_string_new("event_type=bounces&event=[");
        while (body->len < 1000000)
            g_string_append(body, pieces[i]);
        g_autofree char *found = read_post(NULL, body->str, body->len);
        g_assert_nonnull(strstr(found, "! nonsense: event: "));
    }
}

static void
test_multipart(void)
{
    static const struct {
        const char *type, *value;
    } rows[] = {
        { "multipart/form-data; boundary=b", "v" },   { "Multipart/Form-Data; charset=x; Boundary=\"b\"", "v" },
        { "multipart/form-data", NULL },              { "multipart/form-data; boundary=", NULL },
        { "multipart/form-data; boundary=\"\"", NULL }, { "multipart/form-data; boundary=c", NULL },
    };
    static const char body[] = "--b\r\nX: y\r\n\r\nskipped\r\n--b\nContent-Disposition: form-data; name=\"n\"\n\nv\n--b--";

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        GString *value = form_value(rows[i].type, body, strlen(body), "n");
        g_assert_cmpstr(value ? value->str : NULL, ==, rows[i].value);
        if (value)
            g_string_free(value, TRUE);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "query", "events", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *file;

    g_assert_nonnull(dir);
    while ((file = g_dir_read_name(dir))) {
        g_autofree char *name = g_strdup_printf("/event/case/%s", file);
        g_test_add_data_func_full(name, g_build_filename(folder, file, NULL), test_case, g_free);
    }
    g_test_add_func("/event/cut", test_cut);
    g_test_add_func("/event/bombs", test_bombs);
    g_test_add_func("/event/multipart", test_multipart);
    return g_test_run();
}
