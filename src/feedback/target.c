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

enum {
    HURRY_MS = 1000, /* once the daemon stops */
    LOOK_MS = 20,
    REPLY_BYTES = 4096,
};

static bool
fail(GError **error, GFileError code, const char *what, const char *why)
{
    g_set_error(error, G_FILE_ERROR, (gint) code, "%s: %s", what, why);
    return false;
}

/* --- patience ------------------------------------------------------------------------------------ */

typedef struct {
    const gint *stopping;
    gint64 end_ms;
    bool hurries;
} Patience;

static Patience
patience_of(const TargetMail *mail)
{
    return (Patience) { mail->stopping, clock_monotonic() + mail->patience_ms, false };
}

static bool
patience_is_over(Patience *self)
{
    gint64 now_ms = clock_monotonic();

    if (!self->hurries && self->stopping && g_atomic_int_get(self->stopping) != 0) {
        self->hurries = true;
        self->end_ms = MIN(self->end_ms, now_ms + HURRY_MS);
    }
    return now_ms >= self->end_ms;
}

/* --- LMTP (RFC 2033) ----------------------------------------------------------------------------- */

typedef struct {
    int fd;
    Patience patience;
} Peer;

/* One whose line is full is as good as one who is not there. */
static bool
connect_to(Peer *self, const char *path, GError **error)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof at.sun_path)
        return fail(error, G_FILE_ERROR_NAMETOOLONG, path, "the path is too long");
    g_strlcpy(at.sun_path, path, sizeof at.sun_path);
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return (self->fd >= 0 && connect(self->fd, (struct sockaddr *) &at, sizeof at) == 0) ||
           error_set_errno(error, errno, "cannot reach '%s'", path);
}

/* False: he has been waited for long enough, or is gone. */
static bool
wait_for_peer(Peer *self, short events)
{
    while (!patience_is_over(&self->patience)) {
        struct pollfd one = { self->fd, events, 0 };
        int n = poll(&one, 1, LOOK_MS * 5);
        if (n != 0)
            return n > 0 || errno == EINTR;
    }
    return false;
}

static bool
put_all(Peer *self, const char *bytes, gsize n)
{
    while (n > 0) {
        ssize_t sent = send(self->fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_peer(self, POLLOUT))))
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (gsize) sent;
    }
    return true;
}

static bool
get_byte(Peer *self, char *c)
{
    ssize_t n;

    while ((n = recv(self->fd, c, 1, 0)) < 0 && (errno == EINTR || errno == EAGAIN)) {
        if (errno == EAGAIN && !wait_for_peer(self, POLLIN))
            return false;
    }
    return n == 1;
}

/* The last line of a reply, without its end; a peer that never ends one is cut off. */
static bool
read_reply(Peer *self, char line[REPLY_BYTES])
{
    gsize total = 0, n = 0;

    for (char c; total < 16 * REPLY_BYTES && get_byte(self, &c); total++) {
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
    return false;
}

static GFileError
meaning_of(const char *line)
{
    return *line == '5' ? G_FILE_ERROR_PERM : G_FILE_ERROR_FAILED;
}

/* The reply that is due. about: what is refused is this bounce, unless the server goes away (RFC 5321, section 3.8). */
static bool
hear(Peer *self, char want, bool about, GError **error)
{
    char line[REPLY_BYTES];

    if (!read_reply(self, line))
        return fail(error, G_FILE_ERROR_AGAIN, "the LMTP server", "no answer");
    if (line[0] == want)
        return true;
    about = about && strncmp(line, "421", 3) != 0;
    g_autofree char *clean = g_utf8_make_valid(line, (gssize) MIN(strlen(line), 300));
    return fail(error, about ? meaning_of(line) : G_FILE_ERROR_NXIO, "the LMTP server said", clean);
}

static bool
say(Peer *self, const char *command, gsize n, GError **error)
{
    return put_all(self, command, n) || fail(error, G_FILE_ERROR_AGAIN, "the LMTP server", "it went away");
}

static bool
ask(Peer *self, const char *command, char want, bool about, GError **error)
{
    return say(self, command, strlen(command), error) && hear(self, want, about, error);
}

static bool
put_message(Peer *self, const TargetMail *mail, GError **error)
{
    g_autoptr(GString) out = g_string_sized_new(mail->n + 64);

    for (gsize i = 0; i < mail->n; i++) {
        if (mail->bytes[i] == '.' && (i == 0 || mail->bytes[i - 1] == '\n'))
            g_string_append_c(out, '.');
        g_string_append_c(out, mail->bytes[i]);
    }
    g_string_append(out, g_str_has_suffix(out->str, "\r\n") ? ".\r\n" : "\r\n.\r\n");
    return say(self, out->str, out->len, error);
}

static bool
deliver_lmtp(const char *path, const TargetMail *mail, GError **error)
{
    g_autofree char *to = g_strdup_printf("RCPT TO:<%s>\r\n", mail->sender);
    Peer peer = { .fd = -1, .patience = patience_of(mail) };
    bool done = connect_to(&peer, path, error) && hear(&peer, '2', false, error) &&
                ask(&peer, "LHLO shimta\r\n", '2', false, error) &&
                ask(&peer, "MAIL FROM:<>\r\n", '2', false, error) && ask(&peer, to, '2', true, error) &&
                ask(&peer, "DATA\r\n", '3', true, error) && put_message(&peer, mail, error) &&
                hear(&peer, '2', true, error);

    if (done)
        put_all(&peer, "QUIT\r\n", 6);
    if (peer.fd >= 0)
        close(peer.fd);
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

/* A file is there after a crash only if its folder knows it. */
static bool
sync_folder(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (!done)
        error_set_errno(error, errno, "cannot write '%s'", path);
    if (fd >= 0)
        close(fd);
    return done;
}

/* The same bounce has the same name: it is there once. */
static bool
deliver_maildir(const char *path, const TargetMail *mail, GError **error)
{
    g_autofree char *draft = g_strdup_printf("%s/tmp/%s.shimta", path, mail->id);
    g_autofree char *new = g_strdup_printf("%s/new", path);
    g_autofree char *final = g_strdup_printf("%s/%s.shimta", new, mail->id);
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
    return done && sync_folder(new, error);
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
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1); /* not all of libcurl's close themselves */
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
wait_for(pid_t pid, const TargetMail *mail)
{
    Patience patience = patience_of(mail);
    int status = -1;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (patience_is_over(&patience)) {
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
    int status = wait_for(pid, mail);
    if (status < 0)
        return fail(error, G_FILE_ERROR_AGAIN, argv[0], "took too long");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    g_autofree char *why = WIFSIGNALED(status) ? g_strdup_printf("was ended by signal %d", WTERMSIG(status))
                                               : g_strdup_printf("ended with status %d", WEXITSTATUS(status));
    return fail(error, G_FILE_ERROR_FAILED, argv[0], why);
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
