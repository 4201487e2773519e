#include "config.h"
#include "sendmail/submit.h"
#include "sendmail/complain.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define NO_CONNECTION "no connection to shimtad at %s: %s"

int
submit_sysexit(const Reply *reply)
{
    static const struct { int code; const char *dsn; int status; } rows[] = {
        { 0, "5.1.", EX_NOUSER },   { 554, "5.5.4", EX_USAGE }, { 0, "5.6.", EX_DATAERR },
        { 0, "5.3.4", EX_DATAERR }, { 0, "5.3.5", EX_CONFIG }, { 0, "5.7.", EX_NOPERM },   { 552, "", EX_DATAERR },
    };

    if (reply->code < 400)
        return EX_PROTOCOL;
    if (reply->code < 500)
        return EX_TEMPFAIL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].dsn);
        bool whole = n > 0 && rows[i].dsn[n - 1] != '.';
        bool same = whole ? strcmp(reply->dsn, rows[i].dsn) == 0 : strncmp(reply->dsn, rows[i].dsn, n) == 0;
        if (same && (rows[i].code == 0 || rows[i].code == reply->code))
            return rows[i].status;
    }
    return EX_UNAVAILABLE;
}

static long long
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Connects once; 0 or errno. */
static int
submit_connect(int *fd, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return errno;
    if (connect(*fd, (const struct sockaddr *) &address, sizeof address) == 0)
        return 0;
    int problem = errno;
    close(*fd);
    *fd = -1;
    return problem;
}

/* Not there, not listening, or more callers than it accepts at once: each passes while a daemon restarts. */
static bool
may_pass(int problem)
{
    return problem == ENOENT || problem == ECONNREFUSED || problem == EAGAIN || problem == EINTR;
}

static int
submit_to_daemon(Submission *self, const Settings *settings)
{
    long long until = now_ms() + settings->wait_ms;
    long pause_ms = 10;
    int problem;

    while ((problem = submit_connect(&self->fd, settings->socket)) != 0) {
        long long left = until - now_ms();
        if (!may_pass(problem) || left <= 0)
            break;
        if (pause_ms > left)
            pause_ms = (long) left;
        struct timespec pause = { .tv_sec = 0, .tv_nsec = pause_ms * 1000000 };
        nanosleep(&pause, NULL);
        pause_ms = pause_ms < 100 ? pause_ms * 2 : 200;
    }
    if (problem == 0)
        return EX_OK;
    if (may_pass(problem))
        self->away = problem;
    else
        complain(NO_CONNECTION, settings->socket, strerror(problem));
    return problem == EACCES || problem == EPERM ? EX_NOPERM : EX_TEMPFAIL;
}

void
submit_complain_away(const Submission *self, const Settings *settings)
{
    complain(NO_CONNECTION, settings->socket, strerror(self->away));
}

int
submit_exec(const Settings *settings, const char *option)
{
    static char path[PATH_MAX];
    const char *args[5] = { "shimtad" };
    int n = 1;

    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof "shimtad");
    if (length > 0) {
        path[length] = '\0';
        strcpy(strrchr(path, '/') + 1, "shimtad");
        if (option)
            args[n++] = option;
        if (settings->file) {
            args[n++] = "-c";
            args[n++] = settings->file;
        }
        signal(SIGPIPE, SIG_DFL);
        execv(path, (char *const *) args);
    }
    complain("cannot run %s: %s", length > 0 ? path : "shimtad", strerror(errno));
    return EX_OSERR;
}

static int
submit_to_child(Submission *self, const Settings *settings)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        complain("cannot make a socket pair: %s", strerror(errno));
        return EX_OSERR;
    }
    self->child = fork();
    if (self->child < 0) {
        complain("cannot fork: %s", strerror(errno));
        return EX_OSERR;
    }
    if (self->child == 0) {
        dup2(ends[1], STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        _exit(submit_exec(settings, "--stdio"));
    }
    close(ends[1]);
    self->fd = ends[0];
    return EX_OK;
}

int
submit_open(Submission *self, const Settings *settings)
{
    *self = (Submission) { .fd = -1 };
    return settings->direct ? submit_to_child(self, settings) : submit_to_daemon(self, settings);
}

int
submit_close(Submission *self)
{
    int status = 0;

    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    if (self->child <= 0)
        return EX_OK;
    while (waitpid(self->child, &status, 0) < 0) {
        if (errno != EINTR)
            return EX_OK;
    }
    self->child = 0;
    if (!WIFEXITED(status))
        return EX_OK;
    return WEXITSTATUS(status) == EX_CONFIG || WEXITSTATUS(status) == EX_OSERR ? WEXITSTATUS(status) : EX_OK;
}
