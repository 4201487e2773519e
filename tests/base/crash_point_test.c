#include "base/crash_point.h"

#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static int
run_child(const char *order)
{
    g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "SHIMTA_CRASH_AT", order, TRUE);
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    char *argv[] = { self, (char *) "--child", NULL };
    int status = 0;

    g_assert_true(g_spawn_sync(NULL, argv, env, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, NULL));
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void
test_orders(void)
{
    static const struct {
        const char *order;
        int status;
    } rows[] = {
        { "put-run", -SIGKILL },
        { "put-done", 3 },
        { "accepted:1", -SIGKILL },
        { "accepted:4", -SIGKILL },
        { "accepted:5", 3 },
        { "nowhere", EX_USAGE },
        { "", EX_USAGE },
        { "put-run:0", EX_USAGE },
        { "put-run:x", EX_USAGE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].order);
        g_assert_cmpint(run_child(rows[i].order), ==, rows[i].status);
    }
}

int
main(int argc, char **argv)
{
    if (argc == 2 && g_str_equal(argv[1], "--child")) {
        crash_point("put-run");
        for (int i = 0; i < 4; i++)
            crash_point("accepted");
        return 3;
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/crash-point/orders", test_orders);
    return g_test_run();
}
