#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    uv_loop_t loop;
    char *folder, *path;
    guint accepted;
    Endpoint peer;
} Fixture;

static void
on_accepted(Conn *conn, const Endpoint *peer, void *user)
{
    Fixture *fixture = user;

    fixture->accepted++;
    fixture->peer = *peer;
    conn_close_now(conn);
}

static void
fixture_open(Fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    uv_loop_init(&fixture->loop);
    fixture->folder = g_dir_make_tmp("shimta-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->folder, "run", "submit.sock", NULL);
}

static void
remove_in(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    g_remove(path);
}

static void
fixture_close(Fixture *fixture)
{
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&fixture->loop), ==, 0);
    remove_in(fixture->folder, "run/submit.sock");
    remove_in(fixture->folder, "run/submit.sock.lock");
    remove_in(fixture->folder, "run");
    g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
    g_free(fixture->folder);
    g_free(fixture->path);
}

static int
dial(const Endpoint *at)
{
    int fd = socket(at->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, &at->addr.any, at->length) == 0)
        return fd;
    close(fd);
    return -1;
}

static void
expect_served(Fixture *fixture, const Endpoint *at)
{
    guint before = fixture->accepted;
    int fd = dial(at);

    g_assert_cmpint(fd, >=, 0);
    while (fixture->accepted == before)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    close(fd);
}

static void
test_tcp(void)
{
    static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0" };
    Fixture fixture;

    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autoptr(GError) error = NULL;
        char host[ENDPOINT_TEXT_BYTES];
        fixture_open(&fixture);
        Listener *listener = listener_open(&fixture.loop, "a", addresses[i], 0, &error);
        if (!listener && i == 1) {
            g_test_message("no IPv6 here: %s", error->message);
            g_mkdir_with_parents(fixture.folder, 0700);
            fixture_close(&fixture);
            continue;
        }
        g_assert_no_error(error);
        g_assert_cmpuint(endpoint_port(listener_endpoint(listener)), >, 0);
        g_assert_true(listener_start(listener, on_accepted, &fixture, NULL));
        expect_served(&fixture, listener_endpoint(listener));
        g_assert_true(endpoint_is_loopback(&fixture.peer));
        g_assert_cmpstr(endpoint_host(&fixture.peer, host), ==, i == 0 ? "127.0.0.1" : "::1");
        listener_close(listener);
        fixture_close(&fixture);
    }
}

/* A client of a dual-stack socket is known by its IPv4 address. */
static void
test_mapped(void)
{
    g_autoptr(GError) error = NULL;
    char host[ENDPOINT_TEXT_BYTES];
    Fixture fixture;
    Endpoint at;

    fixture_open(&fixture);
    Listener *listener = listener_open(&fixture.loop, "a", "*:0", 0, &error);
    if (listener) {
        g_autofree char *text = g_strdup_printf("127.0.0.1:%u", endpoint_port(listener_endpoint(listener)));
        g_assert_true(endpoint_parse(text, &at, NULL));
        g_assert_true(listener_start(listener, on_accepted, &fixture, NULL));
        expect_served(&fixture, &at);
        g_assert_cmpstr(endpoint_host(&fixture.peer, host), ==, "127.0.0.1");
        listener_close(listener);
    } else {
        g_test_skip(error->message);
    }
    fixture_close(&fixture);
}

static void
test_port_in_use(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    fixture_open(&fixture);
    Listener *first = listener_open(&fixture.loop, "a", "127.0.0.1:0", 0, NULL);
    g_autofree char *text = g_strdup_printf("127.0.0.1:%u", endpoint_port(listener_endpoint(first)));
    g_assert_null(listener_open(&fixture.loop, "b", text, 0, &error));
    g_assert_error(error, IO_ERROR, IO_ERROR_IN_USE);
    listener_close(first);
    fixture_close(&fixture);
}

static void
test_unix(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;
    struct stat st;

    fixture_open(&fixture);
    Listener *listener = listener_open(&fixture.loop, "a", fixture.path, 0622, &error);
    g_assert_no_error(error);
    g_assert_cmpint(stat(fixture.path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0622);
    g_assert_true(listener_start(listener, on_accepted, &fixture, NULL));
    expect_served(&fixture, listener_endpoint(listener));
    g_assert_true(endpoint_is_unix(&fixture.peer));
    listener_close(listener);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    g_assert_cmpint(stat(fixture.path, &st), <, 0);
    fixture_close(&fixture);
}

/* What a killed daemon left is replaced. */
static void
test_unix_stale(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;
    Endpoint at;

    fixture_open(&fixture);
    g_autofree char *run = g_path_get_dirname(fixture.path);
    g_assert_cmpint(g_mkdir(run, 0755), ==, 0);
    g_assert_true(endpoint_parse(fixture.path, &at, NULL));
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(dead, &at.addr.any, at.length), ==, 0);
    close(dead);

    Listener *listener = listener_open(&fixture.loop, "a", fixture.path, 0666, &error);
    g_assert_no_error(error);
    g_assert_true(listener_start(listener, on_accepted, &fixture, NULL));
    expect_served(&fixture, &at);
    listener_close(listener);
    fixture_close(&fixture);
}

/* A socket somebody listens on is never taken over, nor is another daemon's, nor a file that is no socket. */
static void
test_unix_taken(void)
{
    g_autoptr(GError) foreign = NULL, ours = NULL, file = NULL;
    Fixture fixture;
    Endpoint at;

    fixture_open(&fixture);
    g_autofree char *run = g_path_get_dirname(fixture.path);
    g_assert_cmpint(g_mkdir(run, 0755), ==, 0);
    g_assert_true(endpoint_parse(fixture.path, &at, NULL));
    int alive = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(alive, &at.addr.any, at.length), ==, 0);
    g_assert_cmpint(listen(alive, 5), ==, 0);
    g_assert_null(listener_open(&fixture.loop, "a", fixture.path, 0666, &foreign));
    g_assert_error(foreign, IO_ERROR, IO_ERROR_IN_USE);
    int fd = dial(&at);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    close(alive);

    Listener *first = listener_open(&fixture.loop, "a", fixture.path, 0666, NULL);
    g_assert_nonnull(first);
    g_assert_null(listener_open(&fixture.loop, "b", fixture.path, 0666, &ours));
    g_assert_error(ours, IO_ERROR, IO_ERROR_IN_USE);
    g_assert_true(g_file_test(fixture.path, G_FILE_TEST_EXISTS));
    listener_close(first);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);

    g_assert_true(g_file_set_contents(fixture.path, "precious", -1, NULL));
    g_assert_null(listener_open(&fixture.loop, "c", fixture.path, 0666, &file));
    g_assert_error(file, IO_ERROR, IO_ERROR_IN_USE);
    g_assert_true(g_file_test(fixture.path, G_FILE_TEST_IS_REGULAR));
    fixture_close(&fixture);
}

/* What a service manager does before it runs us: descriptors from 3 on, and three variables. */
static void
inherit(Endpoint *at, const char *name)
{
    g_autofree char *pid = g_strdup_printf("%d", getpid());
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_true(endpoint_parse("127.0.0.1:0", at, NULL));
    g_assert_cmpint(bind(fd, &at->addr.any, at->length), ==, 0);
    g_assert_cmpint(listen(fd, 5), ==, 0);
    g_assert_true(endpoint_local(fd, at));
    g_setenv("LISTEN_PID", pid, TRUE);
    g_setenv("LISTEN_FDS", "1", TRUE);
    g_setenv("LISTEN_FDNAMES", name, TRUE);
    g_assert_cmpint(dup2(fd, 3), ==, 3);
    fcntl(3, F_SETFD, 0);
    if (fd != 3)
        close(fd);
}

static void
run_inherited(const char *fd_name, const char *listener_name, bool by_address)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;
    Endpoint at;

    inherit(&at, fd_name);
    fixture_open(&fixture);
    g_autofree char *text = g_strdup_printf("127.0.0.1:%u", by_address ? endpoint_port(&at) : 0);
    Listener *listener = listener_open(&fixture.loop, listener_name, text, 0, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(endpoint_port(listener_endpoint(listener)), ==, endpoint_port(&at));
    g_assert_cmpuint(listener_forget_inherited(), ==, 0);
    g_assert_null(g_getenv("LISTEN_FDS"));
    g_assert_true(listener_start(listener, on_accepted, &fixture, NULL));
    expect_served(&fixture, &at);
    listener_close(listener);
    fixture_close(&fixture);
}

static void
child_inherited_by_name(void)
{
    run_inherited("smtp", "smtp", false);
}

static void
child_inherited_by_address(void)
{
    run_inherited("shimta.socket", "smtp", true);
}

static void
child_inherited_unused(void)
{
    Endpoint at;

    inherit(&at, "other");
    g_assert_cmpuint(listener_forget_inherited(), ==, 1);
    g_assert_cmpint(fcntl(3, F_GETFD), <, 0);
}

/* Descriptor 3 belongs to somebody else in this process, so each case has its own. */
static void
in_child(gconstpointer run)
{
    if (g_test_subprocess()) {
        ((void (*)(void)) run)();
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}

static void
test_raise_files(void)
{
    struct rlimit limit;
    guint files = listener_raise_files();

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    g_assert_cmpuint(limit.rlim_cur, ==, limit.rlim_max);
    g_assert_cmpuint(files, ==, MIN(limit.rlim_cur, (rlim_t) G_MAXINT));
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listener/tcp", test_tcp);
    g_test_add_func("/listener/mapped", test_mapped);
    g_test_add_func("/listener/port-in-use", test_port_in_use);
    g_test_add_func("/listener/unix", test_unix);
    g_test_add_func("/listener/unix-stale", test_unix_stale);
    g_test_add_func("/listener/unix-taken", test_unix_taken);
    g_test_add_data_func("/listener/inherited-by-name", (gconstpointer) child_inherited_by_name, in_child);
    g_test_add_data_func("/listener/inherited-by-address", (gconstpointer) child_inherited_by_address, in_child);
    g_test_add_data_func("/listener/inherited-unused", (gconstpointer) child_inherited_unused, in_child);
    g_test_add_func("/listener/raise-files", test_raise_files);
    return g_test_run();
}
