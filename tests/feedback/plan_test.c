#include "feedback/plan.h"

#include <glib/gstdio.h>

#define HOUR_MS (3600 * G_GINT64_CONSTANT(1000))
#define NOW_MS (1000000 * HOUR_MS)

static const struct {
    const char *title;
    PlanKind kind;
    bool told;
    gint64 asked_ms;
    bool due;
} lists[] = {
    { "never yet", PLAN_BOUNCES, false, 0, true },
    { "just now", PLAN_BOUNCES, false, NOW_MS, false },
    { "not yet a day", PLAN_BOUNCES, false, NOW_MS - 24 * HOUR_MS + 1, false },
    { "a day", PLAN_BOUNCES, false, NOW_MS - 24 * HOUR_MS, true },
    { "by a clock that was wrong", PLAN_BOUNCES, false, NOW_MS + 1, true },
    { "told, never yet", PLAN_BOUNCES, true, 0, false },
    { "told, long ago", PLAN_BOUNCES, true, NOW_MS - 1000 * HOUR_MS, false },
    { "told, by a wrong clock", PLAN_BOUNCES, true, NOW_MS + 1, false },
    { "unsubscribes, never yet", PLAN_UNSUBSCRIBES, false, 0, true },
    { "nobody tells of those", PLAN_UNSUBSCRIBES, true, 0, true },
    { "unsubscribes, just now", PLAN_UNSUBSCRIBES, true, NOW_MS - HOUR_MS, false },
};

static void
test_due(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        const PlanList list = { lists[i].kind, lists[i].told, lists[i].asked_ms, NOW_MS };
        g_test_message("%s", lists[i].title);
        g_assert_cmpint(plan_is_due(&list), ==, lists[i].due);
    }
}

static void
test_rest(void)
{
    static const struct {
        PlanKind kind;
        guint failures;
        gint64 minutes;
    } rests[] = {
        { PLAN_RESULTS, 1, 1 },  { PLAN_RESULTS, 2, 2 },    { PLAN_RESULTS, 9, 256 },      { PLAN_RESULTS, 10, 360 },
        { PLAN_BOUNCES, 1, 60 }, { PLAN_BOUNCES, 3, 240 },  { PLAN_BOUNCES, 4, 360 },      { PLAN_BOUNCES, 1000, 360 },
        { PLAN_RESULTS, 20, 360 }, { PLAN_UNSUBSCRIBES, 1, 60 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rests); i++)
        g_assert_cmpint(plan_rest_ms(rests[i].kind, rests[i].failures), ==, rests[i].minutes * 60 * 1000);
}

/* --- with a store -------------------------------------------------------------------------------- */

static QueryAccount *
open_account(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *key = NULL;
    int fd = g_file_open_tmp("shimta-key-XXXXXX", &key, &error);

    g_assert_no_error(error);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(key, "k\n", -1, NULL));
    g_assert_cmpint(g_chmod(key, 0600), ==, 0);
    g_autofree char *text = g_strdup_printf("[account main]\nprovider = customers-mail-cloud\nurl = https://api.test\n"
                                            "api-user = u\nserver-composition = s\napi-key-file = %s\n", key);
    g_autoptr(ConfFile) file = conf_open_text("test.conf", text, &error);
    g_assert_no_error(error);
    QueryAccount *account = query_account_open(file, "main", &error);
    g_assert_no_error(error);
    g_unlink(key);
    return account;
}

typedef bool (*Run)(FeedbackStore *store, void *user, GError **error);

static void
run(const char *folder, Run step, Plan *plan)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FeedbackStore) store = feedback_store_open(folder, &error);

    g_assert_no_error(error);
    g_assert_true(feedback_store_begin(store, NULL));
    step(store, plan, &error);
    g_assert_no_error(error);
    g_assert_true(feedback_store_commit(store, NULL));
}

/* What a daemon asks for that starts so long after the first one, and what comes of it; NULL: it is killed first. */
typedef struct {
    gint64 after_ms;
    bool told, wanted;
    Run end;
    gint64 rest_ms;
} Start;

static void
test_restarts(void)
{
    static const Start starts[] = {
        { 0, true, false, NULL, 0 },
        { 0, false, true, plan_run_refused, 0 },
        { HOUR_MS, false, true, NULL, 0 },
        { 2 * HOUR_MS, false, false, NULL, 0 },
        { 24 * HOUR_MS, false, false, NULL, 0 },
        { 25 * HOUR_MS, false, true, plan_run_answered, 0 },
        { 26 * HOUR_MS, false, false, NULL, 0 },
        { 49 * HOUR_MS, true, false, NULL, 0 },
        { 49 * HOUR_MS, false, true, plan_run_refused, 0 },
        { 49 * HOUR_MS, false, true, plan_run_answered, 0 },
        { 50 * HOUR_MS, false, false, NULL, 0 },
        { 73 * HOUR_MS, false, true, plan_run_refused, 2 * HOUR_MS },
        { 73 * HOUR_MS, false, false, NULL, 0 },
        { 75 * HOUR_MS - 1, false, false, NULL, 0 },
        { 75 * HOUR_MS, false, true, plan_run_answered, 0 },
    };
    g_autofree char *folder = g_dir_make_tmp("shimta-plan-XXXXXX", NULL);
    g_autoptr(QueryAccount) account = open_account();
    const FeedbackConf conf = { .on = true, .lifetime_ms = 7 * 24 * HOUR_MS };

    for (guint i = 0; i < G_N_ELEMENTS(starts); i++) {
        Plan *plan = plan_new(account, &conf, PLAN_BOUNCES);
        plan->told = starts[i].told;
        plan->now_ms = NOW_MS + starts[i].after_ms;
        g_test_message("start %u", i);
        run(folder, plan_run, plan);
        g_assert_cmpint(plan->wanted, ==, starts[i].wanted);
        plan->rest_ms = starts[i].rest_ms;
        if (starts[i].end)
            run(folder, starts[i].end, plan);
        plan_free(plan);
    }
    static const char *const ends[] = { "feedback.db", "feedback.db-wal", "feedback.db-shm" };
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *path = g_build_filename(folder, ends[i], NULL);
        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan/due", test_due);
    g_test_add_func("/plan/rest", test_rest);
    g_test_add_func("/plan/restarts", test_restarts);
    return g_test_run();
}
