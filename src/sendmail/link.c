#include "config.h"
#include "sendmail/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void
link_init(Link *self, int fd)
{
    *self = (Link) { .fd = fd, .silence_ms = LINK_COMMAND_MS };
}

static void
link_trace(const Link *self, const char *mark, const char *bytes, size_t n)
{
    if (self->trace)
        fprintf(stderr, "%s %.*s\n", mark, (int) n, bytes);
}

LinkResult
link_send(Link *self, const char *bytes, size_t n, bool early)
{
    while (n > 0) {
        struct pollfd poller = { .fd = self->fd, .events = early ? POLLIN | POLLOUT : POLLOUT };
        ssize_t sent = send(self->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent >= 0) {
            bytes += sent;
            n -= (size_t) sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return early ? LINK_ANSWERED : LINK_LOST; /* its last words may be waiting */
        int ready = poll(&poller, 1, self->silence_ms);
        if (ready == 0)
            return LINK_LOST;
        if (ready > 0 && early && (poller.revents & POLLIN))
            return LINK_ANSWERED;
    }
    return LINK_OK;
}

LinkResult
link_wait_input(Link *self, int fd)
{
    struct pollfd pollers[] = { { .fd = fd, .events = POLLIN }, { .fd = self->fd, .events = POLLIN } };

    while (poll(pollers, 2, -1) < 0) {
        if (errno != EINTR)
            return LINK_LOST;
    }
    return pollers[1].revents ? LINK_ANSWERED : LINK_OK;
}

static LinkResult
link_fill(Link *self)
{
    struct pollfd poller = { .fd = self->fd, .events = POLLIN };

    memmove(self->in, self->in + self->start, self->end - self->start);
    self->end -= self->start;
    self->start = 0;
    if (self->end == sizeof self->in)
        return LINK_NONSENSE;
    for (;;) {
        ssize_t got = recv(self->fd, self->in + self->end, sizeof self->in - self->end, MSG_DONTWAIT);
        if (got > 0) {
            self->end += (size_t) got;
            return LINK_OK;
        }
        if (got == 0)
            return LINK_LOST;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return LINK_LOST;
        if (poll(&poller, 1, self->silence_ms) == 0)
            return LINK_LOST;
    }
}

/* One line without its end. It stays valid until the next call. */
static LinkResult
link_line(Link *self, const char **line, size_t *n)
{
    const char *newline;

    while (!(newline = memchr(self->in + self->start, '\n', self->end - self->start))) {
        LinkResult result = link_fill(self);
        if (result != LINK_OK)
            return result;
    }
    *line = self->in + self->start;
    *n = (size_t) (newline - *line);
    self->start += *n + 1;
    if (*n > 0 && (*line)[*n - 1] == '\r')
        --*n;
    link_trace(self, "<", *line, *n);
    return LINK_OK;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of an enhanced code such as "5.1.10" at text, or 0. */
static size_t
dsn_length(const char *text, size_t n)
{
    size_t i = 0, digits = 0, dots = 0;

    for (; i < n && (is_digit(text[i]) || text[i] == '.'); i++) {
        if (text[i] != '.' ? ++digits > 3 : (digits == 0 || ++dots > 2))
            return 0;
        if (text[i] == '.')
            digits = 0;
    }
    return dots == 2 && digits > 0 && text[1] == '.' && (i == n || text[i] == ' ') ? i : 0;
}

/* Moves the enhanced code at the front of *text to the reply. */
static void
reply_take_dsn(Reply *self, const char **text, size_t *n)
{
    size_t dsn = dsn_length(*text, *n);

    if (dsn == 0)
        return;
    memcpy(self->dsn, *text, dsn);
    self->dsn[dsn] = '\0';
    size_t skip = dsn < *n ? dsn + 1 : dsn;
    *text += skip;
    *n -= skip;
}

static void
reply_add(Reply *self, const char *text, size_t n)
{
    size_t used = strlen(self->text);

    if (used > 0 && used < sizeof self->text - 1)
        self->text[used++] = '\n';
    if (n > sizeof self->text - 1 - used)
        n = sizeof self->text - 1 - used;
    memcpy(self->text + used, text, n);
    self->text[used + n] = '\0';
}

LinkResult
link_reply_each(Link *self, Reply *reply, void (*each)(const char *text, size_t n, void *user), void *user)
{
    bool more = true;

    reply->code = 0;
    reply->dsn[0] = reply->text[0] = '\0';
    while (more) {
        const char *line;
        size_t n;
        LinkResult result = link_line(self, &line, &n);
        if (result != LINK_OK)
            return result;
        bool valid = n >= 3 && line[0] >= '2' && line[0] <= '5' && is_digit(line[1]) && is_digit(line[2]) &&
                     (n == 3 || line[3] == ' ' || line[3] == '-');
        if (!valid)
            return LINK_NONSENSE;
        reply->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        more = n > 3 && line[3] == '-';
        size_t head = n > 3 ? 4 : n;
        line += head;
        n -= head;
        reply_take_dsn(reply, &line, &n);
        if (each && more && reply->code < 300)
            each(line, n, user);
        else
            reply_add(reply, line, n);
    }
    return LINK_OK;
}

LinkResult
link_reply(Link *self, Reply *reply)
{
    return link_reply_each(self, reply, NULL, NULL);
}
