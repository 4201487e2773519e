/* A client for the benchmark: a crowd of connections that hang on. `plain` and `tls` have said EHLO, read the answer and
 * rest; `slow` is a mixture of those who send a byte every ten seconds (in a command, in a message, in a TLS handshake)
 * and those who ask for ever and read nothing. Who is thrown out comes again. Prints a line once all are there, and at
 * the end of its input how many came again. */
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 4, ROUND_US = 10 * 1000 * 1000, ASK_RECIPIENTS = 900, BLOCKED_MS = 20 };

typedef enum { AT_REST, IN_COMMAND, IN_DATA, IN_HANDSHAKE, NOT_READING } Kind;

typedef struct {
    Kind kind;
    int fd;
    size_t sent; /* of what it says slowly, or of what it asks */
} Guest;

typedef struct {
    int port, tls_port;
    bool tls;
    guint n;
    Guest *guests;
    GString *asks;
    SSL_CTX *context;
    guint again;
} Crowd;

typedef struct {
    Crowd *crowd;
    guint from, to;
} Share;

static void
give_up(const char *what)
{
    perror(what);
    exit(1);
}

static int
connect_to(int port, bool reads)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((guint16) port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), little = 1;

    if (fd < 0)
        give_up("socket");
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!reads) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    }
    if (connect(fd, (struct sockaddr *) &to, sizeof to) < 0)
        give_up("connect");
    return fd;
}

/* --- at rest ------------------------------------------------------------------------------------- */

/* Reads up to the end of a reply, whose last line has a space after its code; returns its code. */
static int
read_reply(int fd, SSL *ssl)
{
    char text[4096];
    size_t n = 0;

    while (n < sizeof text - 1) {
        size_t room = sizeof text - 1 - n;
        int got = ssl ? SSL_read(ssl, text + n, (int) room) : (int) recv(fd, text + n, room, 0);
        if (got <= 0)
            return 0;
        n += (size_t) got;
        text[n] = '\0';
        if (n < 6 || text[n - 1] != '\n')
            continue;
        text[n - 1] = '\0';
        const char *last = strrchr(text, '\n');
        last = last ? last + 1 : text;
        if (strlen(last) > 3 && last[3] == ' ')
            return atoi(last);
        text[n - 1] = '\n';
    }
    return 0;
}

static bool
say(int fd, SSL *ssl, const char *text, int code)
{
    size_t n = strlen(text);
    ssize_t sent = ssl ? SSL_write(ssl, text, (int) n) : send(fd, text, n, MSG_NOSIGNAL);

    return sent == (ssize_t) n && read_reply(fd, ssl) == code;
}

/* The connection goes on without its SSL: nobody will say anything there any more. */
static bool
greet(Crowd *crowd, int fd)
{
    SSL *ssl = crowd->tls ? SSL_new(crowd->context) : NULL;
    bool fine = true;

    if (ssl) {
        SSL_set_fd(ssl, fd);
        fine = SSL_connect(ssl) == 1;
    }
    fine = fine && read_reply(fd, ssl) == 220 && say(fd, ssl, "EHLO crowd.test\r\n", 250);
    if (ssl)
        SSL_set_quiet_shutdown(ssl, 1);
    SSL_free(ssl);
    return fine;
}

/* --- slow ---------------------------------------------------------------------------------------- */

/* What it says byte by byte; the last one again and again. */
static const char *
slow_text(Kind kind)
{
    if (kind == IN_HANDSHAKE)
        return "\x16\x03\x01\x02\x01\x01\x02\x01\xfc\x03\x03 thirty-two bytes, as random as any";
    return kind == IN_COMMAND ? "NOOP x" : "x";
}

/* Asks until nothing more goes, as nobody reads the answers. False: it was thrown out. */
static bool
ask_on(const Crowd *crowd, Guest *self)
{
    struct pollfd writable = { .fd = self->fd, .events = POLLOUT };
    ssize_t n;

    do {
        n = send(self->fd, crowd->asks->str + self->sent, crowd->asks->len - self->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            self->sent = (self->sent + (size_t) n) % crowd->asks->len;
    } while (n > 0 || (errno == EAGAIN && poll(&writable, 1, BLOCKED_MS) > 0));
    return errno == EAGAIN;
}

static void
enter(Crowd *crowd, Guest *self)
{
    self->sent = 0;
    bool tls = crowd->tls || self->kind == IN_HANDSHAKE;
    self->fd = connect_to(tls ? crowd->tls_port : crowd->port, self->kind != NOT_READING);
    if (self->kind == AT_REST) {
        if (!greet(crowd, self->fd))
            give_up("greeting");
        return;
    }
    if (self->kind == IN_HANDSHAKE)
        return;
    if (read_reply(self->fd, NULL) != 220 || !say(self->fd, NULL, "EHLO crowd.test\r\n", 250))
        give_up("greeting");
    if (self->kind == IN_DATA
        && (!say(self->fd, NULL, "MAIL FROM:<slow@example.jp>\r\n", 250)
            || !say(self->fd, NULL, "RCPT TO:<b@example.org>\r\n", 250) || !say(self->fd, NULL, "DATA\r\n", 354)))
        give_up("message");
    if (self->kind == NOT_READING)
        ask_on(crowd, self);
}

static bool
send_more(Guest *self)
{
    char waste[4096];
    ssize_t got;
    while ((got = recv(self->fd, waste, sizeof waste, MSG_DONTWAIT)) > 0)
        ;
    if (got == 0)
        return false;
    const char *text = slow_text(self->kind);
    const char *byte = text + MIN(self->sent, strlen(text) - 1);
    self->sent++;
    return send(self->fd, byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

static void
touch(Crowd *crowd, Guest *self)
{
    struct pollfd gone = { .fd = self->fd };

    if (self->kind == AT_REST || (self->kind == NOT_READING && poll(&gone, 1, 0) == 0)
        || (self->kind != NOT_READING && send_more(self)))
        return;
    close(self->fd);
    crowd->again++;
    enter(crowd, self);
}

/* --- the crowd ----------------------------------------------------------------------------------- */

static void *
enter_share(void *user)
{
    const Share *share = user;

    for (guint i = share->from; i < share->to; i++)
        enter(share->crowd, &share->crowd->guests[i]);
    return NULL;
}

static void
enter_all(Crowd *self)
{
    Share shares[THREADS];
    GThread *threads[THREADS];

    for (guint i = 0; i < THREADS; i++) {
        shares[i] = (Share) { self, self->n * i / THREADS, self->n * (i + 1) / THREADS };
        threads[i] = g_thread_new("crowd", enter_share, &shares[i]);
    }
    for (guint i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
}

static bool
input_ended(int ms)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

    return poll(&input, 1, ms) > 0;
}

/* Each guest has its turn once in a round, evenly. */
static void
hang_on(Crowd *self, bool slow)
{
    gint64 start = g_get_monotonic_time();

    for (guint64 turn = 0; !input_ended(slow ? 2 : -1);) {
        guint64 due = (guint64) (g_get_monotonic_time() - start) * self->n / ROUND_US;
        for (; turn < due; turn++)
            touch(self, &self->guests[turn % self->n]);
    }
}

int
main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: crowd PORT TLS-PORT NUMBER plain|tls|slow\n", stderr);
        return 2;
    }
    bool slow = strcmp(argv[4], "slow") == 0;
    Crowd crowd = { .port = atoi(argv[1]), .tls_port = atoi(argv[2]), .tls = strcmp(argv[4], "tls") == 0 };
    crowd.n = (guint) atoi(argv[3]);
    crowd.guests = g_new0(Guest, crowd.n);
    crowd.context = SSL_CTX_new(TLS_client_method());
    crowd.asks = g_string_new("MAIL FROM:<deaf@example.jp>\r\n");
    for (guint i = 0; i < ASK_RECIPIENTS; i++)
        g_string_append(crowd.asks, "RCPT TO:<b@example.org>\r\n");
    g_string_append(crowd.asks, "RSET\r\n");
    for (guint i = 0; i < crowd.n; i++)
        crowd.guests[i].kind = slow ? IN_COMMAND + i % 4 : AT_REST;
    enter_all(&crowd);
    printf("%u are there\n", crowd.n);
    fflush(stdout);
    hang_on(&crowd, slow);
    printf("%u came again\n", crowd.again);
    SSL_CTX_free(crowd.context);
    g_string_free(crowd.asks, TRUE);
    g_free(crowd.guests);
    return 0;
}
