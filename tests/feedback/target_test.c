#include "feedback/target.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define BOUNCE "From: <>\r\n\r\nThe bounce\r\n.dot\r\n"

static const TargetMail mail = { "0abc", "me@x.jp", BOUNCE, sizeof BOUNCE - 1, 60 * 1000, NULL };

/* In the place of libc's: what was made durable, "f" a file, "d" a folder. */
static char synced[8];

int
fsync(int fd)
{
    struct stat st;

    g_assert_cmpint(fstat(fd, &st), ==, 0);
    g_strlcat(synced, S_ISDIR(st.st_mode) ? "d" : "f", sizeof synced);
    return (int) syscall(SYS_fsync, fd);
}

static void
test_command(void)
{
    static const struct {
        const char *script;
        bool done;
    } rows[] = {
        { "test \"$SENDER\" = me@x.jp && test \"$QUEUE_ID\" = 0abc && test -z \"$HOME\" && grep -q ^.dot", true },
        { "exit 0", true }, /* nobody reads it */
        { "exit 75", false },
        { "kill -9 $$", false },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *argv[] = { "/bin/sh", "-c", rows[i].script, NULL };
        const FeedbackConf conf = { .target = FEEDBACK_TO_COMMAND, .argv = (char **) argv };
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(target_deliver(&conf, &mail, &error), ==, rows[i].done);
        g_assert_cmpint(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_FAILED), !=, rows[i].done);
    }
    const char *nobody[] = { "/nonexistent/program", NULL };
    const FeedbackConf conf = { .target = FEEDBACK_TO_COMMAND, .argv = (char **) nobody };
    g_assert_false(target_deliver(&conf, &mail, NULL));
}

/* It gets nothing of what is open here. */
static void
test_no_descriptors(void)
{
    static const char script[] = "test ! -e /proc/$$/fd/200";
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    const FeedbackConf conf = { .target = FEEDBACK_TO_COMMAND, .argv = (char **) argv };

    g_assert_cmpint(dup2(STDERR_FILENO, 200), ==, 200);
    g_assert_true(target_deliver(&conf, &mail, NULL));
    close(200);
}

static void
test_maildir(void)
{
    g_autofree char *folder = g_dir_make_tmp("shimta-target-XXXXXX", NULL);
    g_autofree char *file = g_strconcat(folder, "/new/0abc.shimta", NULL);
    const FeedbackConf conf = { .target = FEEDBACK_TO_MAILDIR, .target_value = folder };
    g_autofree char *text = NULL;

    for (guint i = 0; i < 2; i++) { /* the same bounce is there once */
        synced[0] = '\0';
        g_assert_true(target_deliver(&conf, &mail, NULL));
        g_assert_cmpstr(synced, ==, "fd");
    }
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "From: <>\n\nThe bounce\n.dot\n");
    g_unlink(file);
    static const char *const parts[] = { "/tmp", "/new", "/cur", "" };
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *path = g_strconcat(folder, parts[i], NULL);
        g_assert_cmpint(g_rmdir(path), ==, 0);
    }
}

/* Answers line by line; what it heard is the thread's result. */
typedef struct {
    int listener;
    const char *refused; /* the command that gets code, or NULL */
    const char *code;
} Server;

static void
put(int fd, const char *line)
{
    g_assert_cmpint(send(fd, line, strlen(line), MSG_NOSIGNAL), ==, (gssize) strlen(line));
}

static gpointer
serve(gpointer data)
{
    const Server *self = data;
    GString *heard = g_string_new(NULL);
    int fd = accept(self->listener, NULL, NULL);
    bool in_data = false;
    gsize line = 0;

    put(fd, "220 here\r\n");
    for (char c; recv(fd, &c, 1, 0) == 1;) {
        g_string_append_c(heard, c);
        if (c != '\n')
            continue;
        const char *text = heard->str + line;
        line = heard->len;
        if (in_data && strcmp(text, ".\r\n") != 0)
            continue;
        bool refused = self->refused && g_str_has_prefix(text, self->refused);
        bool begins = !refused && !in_data && g_str_has_prefix(text, "DATA");
        in_data = begins;
        if (!g_str_has_prefix(text, "QUIT"))
            put(fd, refused ? self->code : begins ? "354 Go\r\n" : "250-Fine\r\n250 Ok\r\n");
    }
    close(fd);
    return g_string_free(heard, FALSE);
}

static void
test_lmtp(void)
{
    g_autofree char *folder = g_dir_make_tmp("shimta-target-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "lmtp.sock", NULL);
    const FeedbackConf conf = { .target = FEEDBACK_TO_LMTP, .target_value = path };
    static const char later[] = "451-4.3.0 Not\r\n451 4.3.0 now\r\n", never[] = "550-5.1.1 Not\r\n550 5.1.1 now\r\n";
    static const struct {
        const char *refused, *code;
        GFileError error; /* of the server at its greeting, of the bounce from then on */
    } rows[] = {
        { NULL, NULL, 0 }, { "RCPT", later, G_FILE_ERROR_FAILED }, { "LHLO", later, G_FILE_ERROR_NXIO },
        { ".", later, G_FILE_ERROR_FAILED }, { "RCPT", never, G_FILE_ERROR_PERM }, { "DATA", never, G_FILE_ERROR_PERM },
        { ".", never, G_FILE_ERROR_PERM }, { "LHLO", never, G_FILE_ERROR_NXIO }, { "MAIL", never, G_FILE_ERROR_NXIO },
        { "RCPT", "421 4.3.2 Not now\r\n", G_FILE_ERROR_NXIO },
    };
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    g_strlcpy(at.sun_path, path, sizeof at.sun_path);
    Server server = { .listener = socket(AF_UNIX, SOCK_STREAM, 0) };
    g_assert_cmpint(bind(server.listener, (struct sockaddr *) &at, sizeof at), ==, 0);
    g_assert_cmpint(listen(server.listener, 1), ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        server.refused = rows[i].refused;
        server.code = rows[i].code;
        GThread *thread = g_thread_new("lmtp", serve, &server);
        bool done = target_deliver(&conf, &mail, &error);
        g_autofree char *heard = g_thread_join(thread);
        g_assert_cmpint(done, ==, rows[i].refused == NULL);
        if (done)
            g_assert_cmpstr(heard, ==, "LHLO shimta\r\nMAIL FROM:<>\r\nRCPT TO:<me@x.jp>\r\nDATA\r\nFrom: <>\r\n\r\n"
                            "The bounce\r\n..dot\r\n.\r\nQUIT\r\n");
        else
            g_assert_error(error, G_FILE_ERROR, (gint) rows[i].error);
        g_assert_true(done || strstr(error->message, " now"));
    }
    close(server.listener);
    g_unlink(path);
    g_rmdir(folder);
}

static gpointer
trickle(gpointer data)
{
    static const char said[] = "220 Here\r\n250 Ok\r\n250 Ok\r\n250 Ok\r\n354 Go\r\n250 Ok\r\n";
    const Server *self = data;
    int fd = accept(self->listener, NULL, NULL);

    for (guint i = 0; said[i] && send(fd, &said[i], 1, MSG_NOSIGNAL) == 1; i++)
        g_usleep(10 * 1000);
    close(fd);
    return NULL;
}

/* Who says a little all the time has no longer than who says nothing. */
static void
test_trickle(void)
{
    g_autofree char *folder = g_dir_make_tmp("shimta-target-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "lmtp.sock", NULL);
    const FeedbackConf conf = { .target = FEEDBACK_TO_LMTP, .target_value = path };
    g_autoptr(GError) error = NULL;
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    TargetMail brief = mail;

    g_strlcpy(at.sun_path, path, sizeof at.sun_path);
    Server server = { .listener = socket(AF_UNIX, SOCK_STREAM, 0) };
    g_assert_cmpint(bind(server.listener, (struct sockaddr *) &at, sizeof at), ==, 0);
    g_assert_cmpint(listen(server.listener, 1), ==, 0);
    GThread *thread = g_thread_new("trickle", trickle, &server);
    brief.patience_ms = 200;
    g_assert_false(target_deliver(&conf, &brief, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN);
    g_thread_join(thread);
    close(server.listener);
    g_unlink(path);
    g_rmdir(folder);
}

/* Who never answers is left when the daemon stops. */
static void
test_stopping(void)
{
    static const gint stopping = 1;
    g_autofree char *folder = g_dir_make_tmp("shimta-target-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "lmtp.sock", NULL);
    const char *argv[] = { "/bin/sleep", "600", NULL };
    const FeedbackConf confs[] = { { .target = FEEDBACK_TO_COMMAND, .argv = (char **) argv },
                                   { .target = FEEDBACK_TO_LMTP, .target_value = path } };
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    TargetMail hurried = mail;

    g_strlcpy(at.sun_path, path, sizeof at.sun_path);
    g_assert_cmpint(bind(listener, (struct sockaddr *) &at, sizeof at), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    hurried.stopping = &stopping;
    alarm(30); /* who is waited for longer than that fails */
    for (guint i = 0; i < G_N_ELEMENTS(confs); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(target_deliver(&confs[i], &hurried, &error));
        g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN);
    }
    alarm(0);
    close(listener);
    g_unlink(path);
    g_rmdir(folder);
}

static void
test_nobody_there(void)
{
    const FeedbackConf lmtp = { .target = FEEDBACK_TO_LMTP, .target_value = (char *) "/nonexistent/lmtp.sock" };
    const FeedbackConf maildir = { .target = FEEDBACK_TO_MAILDIR, .target_value = (char *) "/proc/nowhere" };
    g_autoptr(GError) error = NULL;

    g_assert_false(target_deliver(&lmtp, &mail, &error));
    g_assert_nonnull(strstr(error->message, "/nonexistent/lmtp.sock"));
    g_assert_false(target_deliver(&maildir, &mail, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/target/command", test_command);
    g_test_add_func("/target/no descriptors", test_no_descriptors);
    g_test_add_func("/target/maildir", test_maildir);
    g_test_add_func("/target/lmtp", test_lmtp);
    g_test_add_func("/target/trickle", test_trickle);
    g_test_add_func("/target/stopping", test_stopping);
    g_test_add_func("/target/nobody there", test_nobody_there);
    return g_test_run();
}
