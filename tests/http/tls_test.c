/* TLS with good and bad servers, which openssl(1) plays. */
#include "world.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;

static bool
run(const char *first, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    int status = -1;
    va_list args;

    va_start(args, first);
    for (const char *word = first; word; word = va_arg(args, const char *))
        g_ptr_array_add(argv, (gpointer) word);
    va_end(args);
    g_ptr_array_add(argv, NULL);
    g_spawn_sync(folder, (char **) argv->pdata, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                 NULL, NULL, &status, NULL);
    return status == 0;
}

static char *
in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static bool
make_cert(const char *name, const char *alt_name, const char *days)
{
    g_autofree char *ext = in_folder("ext");
    g_autofree char *text = g_strdup_printf("subjectAltName=%s\n", alt_name);

    return g_file_set_contents(ext, text, -1, NULL) &&
           run("openssl", "x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key",
               "-CAcreateserial", "-days", days, "-extfile", "ext", "-out", name, NULL);
}

static bool
make_certs(void)
{
    return run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
               "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca", NULL) &&
           run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-keyout", "key", "-out", "csr", "-subj", "/CN=server", NULL) &&
           make_cert("good.pem", "IP:127.0.0.1", "2") && make_cert("name.pem", "DNS:other.test", "2") &&
           make_cert("expired.pem", "IP:127.0.0.1", "-1");
}

/* Starts a server and reads its port from its first lines. */
static int
start_server(const char *cert, const char *version, GPid *pid)
{
    const char *argv[] = { "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", cert,
                           "-key", "key", "-www", version, NULL };
    g_autoptr(GError) error = NULL;
    int out;

    g_spawn_async_with_pipes(folder, (char **) argv, NULL,
                             G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL,
                             NULL, NULL, pid, NULL, &out, NULL, &error);
    g_assert_no_error(error);

    g_autoptr(GString) text = g_string_new(NULL);
    const char *accept;
    char c;
    while (!(accept = strstr(text->str, "ACCEPT 127.0.0.1:")) || text->str[text->len - 1] != '\n') {
        g_assert_cmpint(read(out, &c, 1), ==, 1);
        g_string_append_c(text, c);
    }
    close(out);
    return atoi(accept + strlen("ACCEPT 127.0.0.1:"));
}

static const FakeStep plain = { FAKE_CLOSE_EARLY, NULL, 1 };

static void
check(const char *cert, const char *version, const char *ca_file, HttpTransport want)
{
    g_autofree char *ca_path = ca_file ? in_folder(ca_file) : NULL;
    HttpConf conf = { .ca_file = ca_path };
    World *world = world_new(&plain, 1, &conf);
    GPid pid = 0;
    int port = cert ? start_server(cert, version, &pid) : world->server->port;

    /* Twice: what failed must not work the second time. */
    for (guint i = 0; i < 2; i++) {
        g_autofree char *url = g_strdup_printf("https://127.0.0.1:%d/send?api_key=s3cret", port);
        const HttpResponse *response = world_exchange(world, http_request_new("GET", url));

        g_assert_cmpint(response->transport, ==, want);
        g_assert_cmpint(response->status, ==, want == HTTP_OK ? 200 : 0);
    }
    world_free(world);
    if (pid) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        g_spawn_close_pid(pid);
    }
}

static void
test_certificates(void)
{
    g_autofree char *keys = in_folder("tls-keys");

    g_setenv("SSLKEYLOGFILE", keys, TRUE);
    check("good.pem", "-tls1_3", "ca.pem", HTTP_OK);
    g_assert_false(g_file_test(keys, G_FILE_TEST_EXISTS));
    check("good.pem", "-tls1_2", "ca.pem", HTTP_OK);
    check("good.pem", "-tls1_3", NULL, HTTP_NOT_SENT);      /* unknown issuer */
    check("name.pem", "-tls1_3", "ca.pem", HTTP_NOT_SENT);  /* another's name */
    check("expired.pem", "-tls1_3", "ca.pem", HTTP_NOT_SENT);
    check("good.pem", "-tls1_1", "ca.pem", HTTP_NOT_SENT);
    check("good.pem", "-tls1_3", "none.pem", HTTP_NOT_SENT); /* a missing file must not mean "trust all" */
    check(NULL, NULL, "ca.pem", HTTP_NOT_SENT);              /* not TLS at all */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("shimta-test-XXXXXX", NULL);
    if (make_certs())
        g_test_add_func("/tls/certificates", test_certificates);
    else
        g_test_message("openssl(1) is missing");
    int result = g_test_run();

    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = in_folder(name);
        g_unlink(path);
    }
    g_rmdir(folder);
    g_free(folder);
    return result;
}
