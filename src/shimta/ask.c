#include "shimta/ask.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_BYTES = 4096 };

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
    interrupted = number;
}

static Secret *
fail(GError **error, int code, const char *text)
{
    g_set_error_literal(error, G_FILE_ERROR, code, text);
    return NULL;
}

/* Signals are let through only here: one between a look and read() would be forgotten in read(). mask NULL: none is
 * waited for. */
static bool
may_read(const sigset_t *mask)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

    while (mask && ppoll(&input, 1, NULL, mask) < 0)
        if (errno != EINTR || interrupted)
            return false;
    return true;
}

/* Byte by byte: what follows the line is not ours. Returns the length, or -1. */
static gssize
read_line(char line[LINE_BYTES], gsize max, const sigset_t *mask, GError **error)
{
    gsize n = 0;

    while (n < LINE_BYTES) {
        ssize_t got = may_read(mask) ? read(STDIN_FILENO, line + n, 1) : -1;

        if (got < 0 && errno == EINTR && !interrupted)
            continue;
        if (got < 0)
            return fail(error, g_file_error_from_errno(errno), "no password was read"), -1;
        if (got == 0 && n == 0)
            return fail(error, G_FILE_ERROR_INVAL, "there is no password on standard input"), -1;
        if (got == 0 || line[n] == '\n')
            break;
        n++;
    }
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (n > max)
        return fail(error, G_FILE_ERROR_INVAL, "the password is too long"), -1;
    if (memchr(line, '\0', n))
        return fail(error, G_FILE_ERROR_INVAL, "the password has a NUL byte"), -1;
    line[n] = '\0';
    return (gssize) n;
}

static Secret *
take_line(gsize max, const sigset_t *mask, GError **error)
{
    char line[LINE_BYTES];
    Secret *made = read_line(line, MIN(max, LINE_BYTES - 1), mask, error) >= 0 ? secret_new(line) : NULL;

    explicit_bzero(line, sizeof line);
    return made;
}

static Secret *
ask_twice(const char *prompt, const char *again, gsize max, const sigset_t *mask, GError **error)
{
    fprintf(stderr, "%s", prompt);
    g_autoptr(Secret) first = take_line(max, mask, error);
    fputc('\n', stderr);
    if (!first)
        return NULL;
    fprintf(stderr, "%s", again);
    g_autoptr(Secret) second = take_line(max, mask, error);
    fputc('\n', stderr);
    if (!second)
        return NULL;
    if (strcmp(secret_reveal(first), secret_reveal(second)) != 0)
        return fail(error, G_FILE_ERROR_INVAL, "the two are not the same");
    return g_steal_pointer(&first);
}

/* The terminal shows what is typed again whatever ends this; a stop is put off, since the shell would be left with a
 * terminal that shows nothing. */
Secret *
ask_secret(const char *prompt, const char *again, gsize max, GError **error)
{
    static const int ends[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
    struct sigaction catch = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };
    struct sigaction before[G_N_ELEMENTS(ends)], stop;
    struct termios shown, hidden;
    sigset_t blocked, mask;

    if (!isatty(STDIN_FILENO))
        return take_line(max, NULL, error);
    if (tcgetattr(STDIN_FILENO, &shown) < 0)
        return fail(error, g_file_error_from_errno(errno), "the terminal cannot be asked for its state");
    interrupted = 0;
    sigemptyset(&blocked);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        sigaddset(&blocked, ends[i]);
        sigaction(ends[i], &catch, &before[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, &mask);
    sigaction(SIGTSTP, &ignore, &stop);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t) ECHO;
    Secret *made = NULL;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) < 0)
        fail(error, g_file_error_from_errno(errno), "the terminal cannot be told to show nothing");
    else
        made = ask_twice(prompt, again, max, &mask, error);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
        sigaction(ends[i], &before[i], NULL);
    sigaction(SIGTSTP, &stop, NULL);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (interrupted) /* as if we had not caught it */
        raise(interrupted);
    return made;
}
