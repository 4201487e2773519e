#include "feedback/again.h"

#define MINUTE_MS (60 * G_GINT64_CONSTANT(1000))

static void
test_rest(void)
{
    static const struct {
        AgainWhat what;
        guint failures;
        gint64 minutes;
    } rows[] = {
        { AGAIN_TARGET, 0, 5 },   { AGAIN_TARGET, 1, 5 },  { AGAIN_TARGET, 2, 10 },      { AGAIN_TARGET, 4, 40 },
        { AGAIN_TARGET, 5, 60 },  { AGAIN_TARGET, 999, 60 }, { AGAIN_NOTICE, 1, 5 },     { AGAIN_NOTICE, 5, 80 },
        { AGAIN_NOTICE, 6, 160 }, { AGAIN_NOTICE, 7, 240 }, { AGAIN_NOTICE, G_MAXUINT, 240 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(again_rest_ms(rows[i].what, rows[i].failures), ==, rows[i].minutes * MINUTE_MS);
}

static void
test_over(void)
{
    static const struct {
        GFileError error;
        gint64 owed_ms;
        bool over;
    } rows[] = {
        { G_FILE_ERROR_PERM, 0, true },    { G_FILE_ERROR_FAILED, 0, false },  { G_FILE_ERROR_FAILED, 100, false },
        { G_FILE_ERROR_FAILED, 101, true }, { G_FILE_ERROR_AGAIN, 101, true }, { G_FILE_ERROR_NXIO, 100, false },
        { G_FILE_ERROR_NXIO, 101, true },  { G_FILE_ERROR_NXIO, -5, false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = g_error_new_literal(G_FILE_ERROR, (gint) rows[i].error, "it failed");
        g_test_message("row %u", i);
        g_assert_cmpint(again_is_over(error, rows[i].owed_ms, 100), ==, rows[i].over);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/again/rest", test_rest);
    g_test_add_func("/again/over", test_over);
    return g_test_run();
}
