/* sendmail, mailq and newaliases: modes. Mail goes to dialogue.c. */
#include "config.h"
#include "sendmail/ask.h"
#include "sendmail/bridge.h"
#include "sendmail/complain.h"
#include "sendmail/dialogue.h"
#include "sendmail/options.h"
#include "sendmail/settings.h"
#include "sendmail/submit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define START_MS 30000
#define STEP_MS 50

static const char usage[] =
    "usage: sendmail [-t] [-i] [-v] [-f sender] [-F name] [options] [--] [address ...]\n"
    "       sendmail -bs\n"
    "       sendmail -bv address ...\n"
    "       mailq\n"
    "       newaliases\n"
    "Reads a message from standard input and gives it to shimtad. See sendmail(8).\n";

/* A descriptor that the caller closed must not become a socket of ours. A closed standard input is opened so that it
 * cannot be read: an empty message would be worse than an error. */
static void
guard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void) !open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDWR);
    }
}

/* shimtad waits for its input with epoll, which refuses files and devices such as /dev/null. */
static bool
can_be_waited_for(int fd)
{
    struct stat file;

    return fstat(fd, &file) == 0 && (S_ISFIFO(file.st_mode) || S_ISSOCK(file.st_mode) || isatty(fd));
}

static int
speak_smtp(const Settings *settings)
{
    Submission submission;

    if (settings->direct && can_be_waited_for(STDIN_FILENO))
        return submit_exec(settings, "--stdio");
    int status = submit_open(&submission, settings);
    if (status != EX_OK) {
        if (submission.away)
            submit_complain_away(&submission, settings);
        fputs("421 4.3.2 Mail service is not available\r\n", stdout);
        return status;
    }
    status = bridge_run(submission.fd);
    submit_close(&submission);
    return status;
}

/* The daemon says there that it is ready, as to a service manager. -1: it cannot. */
static int
open_notify(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t n = sizeof(sa_family_t); /* any abstract one */
    char name[sizeof address.sun_path + 1];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *) &address, n) == 0) {
        n = sizeof address;
        getsockname(fd, (struct sockaddr *) &address, &n);
        snprintf(name, sizeof name, "@%.*s", (int) (n - sizeof(sa_family_t) - 1), address.sun_path + 1);
        setenv("NOTIFY_SOCKET", name, 1);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Until the daemon is ready or has ended. One that takes its time does so alone. */
static int
await_daemon(pid_t child, int notify)
{
    char text[256];
    int ended = 0;

    for (int waited = 0; waited < START_MS; waited += STEP_MS) {
        struct pollfd poller = { .fd = notify, .events = POLLIN };
        if (poll(&poller, 1, STEP_MS) > 0) {
            ssize_t n = recv(notify, text, sizeof text - 1, 0);
            text[n > 0 ? n : 0] = '\0';
            if (strstr(text, "READY=1"))
                return EX_OK;
        }
        if (waitpid(child, &ended, WNOHANG) == child)
            return WIFEXITED(ended) ? WEXITSTATUS(ended) : EX_SOFTWARE;
    }
    return EX_OK;
}

/* -bd: in the background, as init scripts expect. */
static int
start_daemon(const Settings *settings)
{
    int notify = open_notify();
    pid_t child = fork();

    if (child < 0) {
        complain("cannot fork: %s", strerror(errno));
        return EX_OSERR;
    }
    if (child > 0)
        return await_daemon(child, notify);
    setsid();
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    guard_descriptors();
    _exit(submit_exec(settings, NULL));
}

static int
check(const Options *options, const Settings *settings)
{
    Settings own = *settings;

    if (options->file && getuid() != 0)
        own.file = options->file;
    return submit_exec(&own, "-n");
}

static int
run(const Options *options, const Settings *settings)
{
    switch (options->mode) {
    case MODE_SEND:
        return dialogue_run(options, settings);
    case MODE_SMTP:
        return speak_smtp(settings);
    case MODE_DAEMON:
        return start_daemon(settings);
    case MODE_DAEMON_FOREGROUND:
        return submit_exec(settings, NULL);
    case MODE_CHECK:
        return check(options, settings);
    case MODE_PRINT_QUEUE:
    case MODE_COUNT_QUEUE:
    case MODE_RUN_QUEUE:
    case MODE_VERIFY:
    case MODE_ROUTE:
    case MODE_ALIASES:
        return ask_run(options, settings);
    case MODE_VERSION:
        puts("sendmail (" PACKAGE_NAME ") " PACKAGE_VERSION);
        return EX_OK;
    case MODE_HELP:
        fputs(usage, stdout);
        return EX_OK;
    case MODE_NOTHING:
        break;
    }
    return EX_OK;
}

int
main(int argc, char *argv[])
{
    static Options options;
    Settings settings;

    guard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* an ignored one, inherited, would lose the child's status */
    int status = options_parse(&options, argc, (const char *const *) argv);
    if (status == EX_OK)
        status = settings_read(&settings, options.file);
    if (status == EX_OK)
        status = run(&options, &settings);
    if (fflush(stdout) != 0 && status == EX_OK && options.mode != MODE_SEND)
        status = EX_IOERR;
    return status;
}
