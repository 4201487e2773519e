#include "feedback/target.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 60, LOOK_MS = 20, REPLY_BYTES = 4096 };

static bool
fail(GError **error, const char *what, const char *why)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s", what, why);
    return false;
}

/* --- LMTP (RFC 2033) ----------------------------------------------------------------------------- */

static int
connect_to(const char *path, GError **error)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    const struct timeval patience = { .tv_sec = PATIENCE_S };

    if (strlen(path) >= sizeof at.sun_path) {
        fail(error, path, "the path is too long");
        return -1;
    }
    g_strlcpy(at.sun_path, path, sizeof at.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ready = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
                 setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
    if (ready && connect(fd, (struct sockaddr *) &at, sizeof at) == 0)
        return fd;
    error_set_errno(error, errno, "cannot reach '%s'", path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool
put_all(int fd, const char *bytes, gsize n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (gsize) sent;
    }
    return true;
}

/* The last line of a reply, without its end; a peer that never ends one is cut off. */
static bool
read_reply(int fd, char line[REPLY_BYTES])
{
    gsize total = 0, n = 0;

    for (char c; total < 16 * REPLY_BYTES && recv(fd, &c, 1, 0) == 1; total++) {
        if (c != '\n') {
            if (n < REPLY_BYTES - 1 && c != '\r')
                line[n++] = c;
            continue;
        }
        line[n] = '\0';
        if (n >= 3 && line[3] != '-')
            return true;
        n = 0;
    }
    g_strlcpy(line, "no answer", REPLY_BYTES);
    return false;
}

/* command NULL: only the reply is awaited. */
static bool
say(int fd, const char *command, char want, GError **error)
{
    char line[REPLY_BYTES];

    if (command && !put_all(fd, command, strlen(command)))
        return error_set_errno(error, errno, "the LMTP server went away");
    if (read_reply(fd, line) && line[0] == want)
        return true;
    g_autofree char *clean = g_utf8_make_valid(line, MIN(strlen(line), 300));
    return fail(error, "the LMTP server said", clean);
}

static bool
put_message(int fd, const TargetMail *mail)
{
    g_autoptr(GString) out = g_string_sized_new(mail->n + 64);

    for (gsize i = 0; i < mail->n; i++) {
        if (mail->bytes[i] == '.' && (i == 0 || mail->bytes[i - 1] == '\n'))
            g_string_append_c(out, '.');
        g_string_append_c(out, mail->bytes[i]);
    }
    g_string_append(out, g_str_has_suffix(out->str, "\r\n") ? ".\r\n" : "\r\n.\r\n");
    return put_all(fd, out->str, out->len);
}

static bool
deliver_lmtp(const char *path, const TargetMail *mail, GError **error)
{
    g_autofree char *to = g_strdup_printf("RCPT TO:<%s>\r\n", mail->sender);
    int fd = connect_to(path, error);
    bool done = fd >= 0 && say(fd, NULL, '2', error) && say(fd, "LHLO shimta\r\n", '2', error) &&
                say(fd, "MAIL FROM:<>\r\n", '2', error) && say(fd, to, '2', error) &&
                say(fd, "DATA\r\n", '3', error) &&
                (put_message(fd, mail) || fail(error, path, "the LMTP server went away")) && say(fd, NULL, '2', error);

    if (done)
        put_all(fd, "QUIT\r\n", 6);
    if (fd >= 0)
        close(fd);
    return done;
}

/* --- Maildir ------------------------------------------------------------------------------------- */

/* In a Maildir lines end as the system's do. */
static GString *
unix_lines(const TargetMail *mail)
{
    GString *out = g_string_sized_new(mail->n);

    for (gsize i = 0; i < mail->n; i++) {
        if (mail->bytes[i] != '\r' || i + 1 == mail->n || mail->bytes[i + 1] != '\n')
            g_string_append_c(out, mail->bytes[i]);
    }
    return out;
}

static bool
make_maildir(const char *path, GError **error)
{
    static const char *const parts[] = { "tmp", "new", "cur" };

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = g_build_filename(path, parts[i], NULL);
        if (!file_make_folder(part, 0700, error))
            return false;
    }
    return true;
}

/* The same bounce has the same name: it is there once. */
static bool
deliver_maildir(const char *path, const TargetMail *mail, GError **error)
{
    g_autofree char *draft = g_strdup_printf("%s/tmp/%s.shimta", path, mail->id);
    g_autofree char *final = g_strdup_printf("%s/new/%s.shimta", path, mail->id);
    g_autoptr(GString) text = unix_lines(mail);

    if (!make_maildir(path, error))
        return false;
    unlink(draft);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot write '%s'", draft);
    bool done = file_write_all(fd, text->str, text->len, draft, error) &&
                (fsync(fd) == 0 || error_set_errno(error, errno, "cannot write '%s'", draft));
    close(fd);
    if (done && rename(draft, final) < 0)
        done = error_set_errno(error, errno, "cannot write '%s'", final);
    if (!done)
        unlink(draft);
    return done;
}

/* --- a program ----------------------------------------------------------------------------------- */

static bool
start(char **argv, const TargetMail *mail, int in, pid_t *pid)
{
    g_autofree char *sender = g_strconcat("SENDER=", mail->sender, NULL), *id = g_strconcat("QUEUE_ID=", mail->id, NULL);
    char *env[] = { (char *) "PATH=/usr/local/bin:/usr/bin:/bin", sender, id, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    errno = posix_spawn(pid, argv[0], &actions, &attributes, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return errno == 0;
}

/* The program's status; -1: it took too long, and is no more. */
static int
wait_for(pid_t pid)
{
    gint64 end_ms = clock_monotonic() + PATIENCE_S * 1000;
    int status = -1;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_monotonic() >= end_ms) {
            kill(-pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        poll(NULL, 0, LOOK_MS);
    }
    return status;
}

/* From a file, so that a program that does not read cannot hold us up. */
static bool
deliver_command(char **argv, const TargetMail *mail, GError **error)
{
    pid_t pid = 0;
    int in = file_unnamed(g_get_tmp_dir(), error);

    if (in < 0)
        return false;
    bool started = file_write_all(in, mail->bytes, mail->n, "a temporary file", error) && lseek(in, 0, SEEK_SET) == 0 &&
                   (start(argv, mail, in, &pid) || error_set_errno(error, errno, "cannot run '%s'", argv[0]));
    close(in);
    if (!started)
        return false;
    int status = wait_for(pid);
    if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    g_autofree char *why = status < 0             ? g_strdup("took too long")
                           : WIFSIGNALED(status) ? g_strdup_printf("was ended by signal %d", WTERMSIG(status))
                                                 : g_strdup_printf("ended with status %d", WEXITSTATUS(status));
    return fail(error, argv[0], why);
}

bool
target_deliver(const FeedbackConf *conf, const TargetMail *mail, GError **error)
{
    switch (conf->target) {
    case FEEDBACK_TO_LMTP:
        return deliver_lmtp(conf->target_value, mail, error);
    case FEEDBACK_TO_MAILDIR:
        return deliver_maildir(conf->target_value, mail, error);
    case FEEDBACK_TO_COMMAND:
        return deliver_command(conf->argv, mail, error);
    case FEEDBACK_TO_SENDER:
    case FEEDBACK_TO_ADDRESS:
        break;
    }
    g_assert_not_reached();
}
