#include "feedback/keeper.h"

#include <glib/gstdio.h>

static const char what[] = "tries";

/* A task, and what is done behind it. */
typedef struct {
    FeedbackKeeper **keeper;
    bool fails, again, closes;
    guint told;
    gint64 count;
} Try;

static bool
run(FeedbackStore *store, void *user, GError **error)
{
    Try *self = user;

    if (!feedback_store_cursor(store, "a", what, &self->count, error) ||
        !feedback_store_set_cursor(store, "a", what, self->count + 1, error))
        return false;
    if (self->fails)
        g_set_error_literal(error, STORE_ERROR, STORE_ERROR_IO, "on purpose");
    return !self->fails;
}

static void done(void *user, const GError *error);
static const KeeperTask task = { run, done };

static void
done(void *user, const GError *error)
{
    Try *self = user;

    g_assert_cmpint(error != NULL, ==, self->fails);
    self->told++;
    self->fails = false;
    if (self->again)
        keeper_do(*self->keeper, &task, self);
    self->again = false;
    if (self->closes)
        keeper_close(g_steal_pointer(self->keeper));
}

static char *
make_folder(void)
{
    return g_dir_make_tmp("shimta-keeper-XXXXXX", NULL);
}

static void
remove_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);

    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(folder);
}

/* What fails changes nothing; what was asked before the end is done. */
static void
test_order(void)
{
    g_autofree char *folder = make_folder();
    uv_loop_t loop;

    g_assert_cmpint(uv_loop_init(&loop), ==, 0);
    FeedbackKeeper *keeper = keeper_new(&loop, folder);
    Try first = { .keeper = &keeper, .fails = true }, last = { .keeper = &keeper };
    keeper_do(keeper, &task, &first);
    keeper_do(keeper, &task, &last);
    g_assert_cmpuint(first.told + last.told, ==, 0);
    keeper_close(keeper);
    g_assert_cmpint(uv_run(&loop, UV_RUN_DEFAULT), ==, 0);
    g_assert_cmpuint(first.told, ==, 1);
    g_assert_cmpuint(last.told, ==, 1);
    g_assert_cmpint(last.count, ==, 0);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
    remove_folder(folder);
}

/* Whoever is told last lets go of the keeper, perhaps having asked once more. */
static void
test_close_when_told(void)
{
    for (guint again = 0; again < 2; again++) {
        g_autofree char *folder = make_folder();
        uv_loop_t loop;

        g_assert_cmpint(uv_loop_init(&loop), ==, 0);
        FeedbackKeeper *keeper = keeper_new(&loop, folder);
        Try asked = { .keeper = &keeper, .again = again > 0, .closes = true };
        keeper_do(keeper, &task, &asked);
        g_assert_cmpint(uv_run(&loop, UV_RUN_DEFAULT), ==, 0);
        g_assert_cmpuint(asked.told, ==, again + 1);
        g_assert_cmpint(asked.count, ==, again);
        g_assert_null(keeper);
        g_assert_cmpint(uv_loop_close(&loop), ==, 0);
        remove_folder(folder);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/feedback/keeper/order", test_order);
    g_test_add_func("/feedback/keeper/close-when-told", test_close_when_told);
    return g_test_run();
}
