#include "io/listener.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 32 * 1024 };

struct Listener {
    union {
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    Endpoint endpoint;
    int lock;   /* -1: none */
    char *file; /* of a unix socket made here, or NULL */
    ListenerAccepted accepted;
    void *user;
};

static bool
fail(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);

static bool
fail(GError **error, int errnum, const char *format, ...)
{
    va_list args;
    IoError code = errnum == EADDRINUSE ? IO_ERROR_IN_USE : errnum == EACCES ? IO_ERROR_DENIED : IO_ERROR_SYSTEM;

    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, IO_ERROR, code, "%s: %s", what, g_strerror(errnum));
    return false;
}

/* --- inherited sockets --------------------------------------------------------------------------- */

enum { INHERITED_FIRST = 3 };

static guint
inherited_count(void)
{
    const char *pid = g_getenv("LISTEN_PID"), *fds = g_getenv("LISTEN_FDS");
    guint64 n = 0, who = 0;

    if (!pid || !fds || !g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT, &who, NULL) || who != (guint64) getpid())
        return 0;
    return g_ascii_string_to_unsigned(fds, 10, 0, 1000, &n, NULL) ? (guint) n : 0;
}

static bool
is_listening(int fd)
{
    int on = 0;
    socklen_t n = sizeof on;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on;
}

/* Descriptors that were taken have been made close-on-exec; the service manager leaves them otherwise. */
static bool
inherited_is_free(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && !(flags & FD_CLOEXEC) && is_listening(fd);
}

static int
inherited_take(const char *name, const Endpoint *wanted)
{
    guint n = inherited_count();
    const char *list = g_getenv("LISTEN_FDNAMES");
    g_auto(GStrv) names = g_strsplit(list ? list : "", ":", -1);
    guint named = g_strv_length(names);
    int best = -1;

    for (guint i = 0; i < n; i++) {
        Endpoint local;
        int fd = INHERITED_FIRST + (int) i;
        if (!inherited_is_free(fd))
            continue;
        if (endpoint_local(fd, &local) && endpoint_equal(&local, wanted)) {
            best = fd;
            break;
        }
        if (best < 0 && i < named && strcmp(names[i], name) == 0)
            best = fd;
    }
    if (best >= 0)
        fcntl(best, F_SETFD, FD_CLOEXEC);
    return best;
}

guint
listener_forget_inherited(void)
{
    guint n = inherited_count(), left = 0;

    for (guint i = 0; i < n; i++) {
        int fd = INHERITED_FIRST + (int) i;
        if (inherited_is_free(fd)) {
            close(fd);
            left++;
        }
    }
    g_unsetenv("LISTEN_PID");
    g_unsetenv("LISTEN_FDS");
    g_unsetenv("LISTEN_FDNAMES");
    return left;
}

/* --- sockets made here --------------------------------------------------------------------------- */

/* True if the file is no socket that answers: nobody is robbed when it goes. */
static bool
is_stale(const Endpoint *endpoint)
{
    struct stat st;
    const char *path = endpoint->addr.un.sun_path;

    if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, &endpoint->addr.any, endpoint->length) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* Held as long as the socket: two daemons starting at once must not take each other's file for stale. */
static int
lock_path(const char *path, GError **error)
{
    g_autofree char *lock = g_strconcat(path, ".lock", NULL);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        fail(error, errno, "cannot open '%s'", lock);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        fail(error, errno == EWOULDBLOCK ? EADDRINUSE : errno, "another process holds '%s'", lock);
        close(fd);
        return -1;
    }
    return fd;
}

static bool
bind_path(Listener *self, int fd, guint mode, GError **error)
{
    const Endpoint *endpoint = &self->endpoint;
    const char *path = endpoint->addr.un.sun_path;
    g_autofree char *folder = g_path_get_dirname(path);

    g_autoptr(GError) cause = NULL;

    if (!file_make_folder(folder, 0755, &cause)) {
        bool denied = g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_ACCES);
        g_set_error_literal(error, IO_ERROR, denied ? IO_ERROR_DENIED : IO_ERROR_SYSTEM, cause->message);
        return false;
    }
    self->lock = lock_path(path, error);
    if (self->lock < 0)
        return false;
    if (is_stale(endpoint))
        unlink(path);
    if (bind(fd, &endpoint->addr.any, endpoint->length) < 0)
        return fail(error, errno, "cannot listen on '%s'", path);
    self->file = g_strdup(path);
    return chmod(path, (mode_t) mode) == 0 || fail(error, errno, "cannot set the mode of '%s'", path);
}

static bool
bind_address(Listener *self, int fd, const char *address, GError **error)
{
    int on = 1, off = 0;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (self->endpoint.addr.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, &self->endpoint.addr.any, self->endpoint.length) < 0)
        return fail(error, errno, "cannot listen on '%s'", address);
    return true;
}

static int
make_socket(Listener *self, const char *address, guint mode, GError **error)
{
    int fd = socket(self->endpoint.addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        fail(error, errno, "cannot make a socket for '%s'", address);
        return -1;
    }
    bool bound = endpoint_is_unix(&self->endpoint) ? bind_path(self, fd, mode, error)
                                                   : bind_address(self, fd, address, error);
    if (bound && listen(fd, SOMAXCONN) == 0)
        return fd;
    if (bound)
        fail(error, errno, "cannot listen on '%s'", address);
    close(fd);
    return -1;
}

/* --- listening ----------------------------------------------------------------------------------- */

/* What the system keeps of output for each of its connections, which have it from here. Left alone it would be megabytes
 * for a peer that asks and asks and reads nothing. */
static void
bound_output(int fd)
{
    int bytes = OUTPUT_BYTES;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static void
listener_free(Listener *self)
{
    if (self->file)
        unlink(self->file);
    if (self->lock >= 0)
        close(self->lock);
    g_free(self->file);
    g_free(self);
}

static void
on_closed(uv_handle_t *handle)
{
    listener_free(handle->data);
}

Listener *
listener_open(uv_loop_t *loop, const char *name, const char *address, guint mode, GError **error)
{
    Listener *self = g_new0(Listener, 1);

    self->lock = -1;
    int fd = -1;
    if (endpoint_parse(address, &self->endpoint, error)) {
        fd = inherited_take(name, &self->endpoint);
        if (fd < 0)
            fd = make_socket(self, address, mode, error);
    }
    if (fd < 0) {
        listener_free(self);
        return NULL;
    }
    endpoint_local(fd, &self->endpoint);
    int failed;
    if (endpoint_is_unix(&self->endpoint)) {
        uv_pipe_init(loop, &self->handle.pipe, 0);
        failed = uv_pipe_open(&self->handle.pipe, fd);
    } else {
        bound_output(fd);
        uv_tcp_init(loop, &self->handle.tcp);
        failed = uv_tcp_open(&self->handle.tcp, fd);
    }
    g_assert(failed == 0);
    self->handle.tcp.data = self;
    return self;
}

static void
on_connection(uv_stream_t *server, int status)
{
    Listener *self = server->data;
    Endpoint peer;

    Conn *conn = status == 0 ? conn_accept(server) : NULL;
    if (!conn)
        return;
    if (endpoint_peer(conn_fd(conn), &peer))
        self->accepted(conn, &peer, self->user);
    else
        conn_close_now(conn);
}

bool
listener_start(Listener *self, ListenerAccepted accepted, void *user, GError **error)
{
    self->accepted = accepted;
    self->user = user;
    int failed = uv_listen((uv_stream_t *) &self->handle, SOMAXCONN, on_connection);
    return failed == 0 || fail(error, -failed, "cannot listen");
}

int
listener_fd(const Listener *self)
{
    uv_os_fd_t fd = -1;

    uv_fileno((const uv_handle_t *) &self->handle, &fd);
    return fd;
}

const Endpoint *
listener_endpoint(const Listener *self)
{
    return &self->endpoint;
}

void
listener_close(Listener *self)
{
    uv_close((uv_handle_t *) &self->handle, on_closed);
}

guint
listener_raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    return (guint) MIN(limit.rlim_cur, (rlim_t) G_MAXINT);
}
