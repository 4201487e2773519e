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
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

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

/* -bd: in the background, as init scripts expect. */
static int
start_daemon(const Settings *settings)
{
    pid_t child = fork();

    if (child < 0) {
        complain("cannot fork: %s", strerror(errno));
        return EX_OSERR;
    }
    if (child > 0)
        return EX_OK;
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
