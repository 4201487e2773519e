/* A client for the benchmark: connections to a port where TLS comes first, each up to the server's banner, by some
 * threads for some seconds. Prints how many a second, and how many of them resumed a session. */
#include <arpa/inet.h>
#include <glib.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int port;
    bool resume;
    gint64 until_us;
    SSL_CTX *context;
    SSL_SESSION *ticket;
    guint done, resumed, failed;
} Load;

static int
on_ticket(SSL *ssl, SSL_SESSION *ticket)
{
    Load *self = SSL_get_app_data(ssl);

    if (!self->resume)
        return 0;
    SSL_SESSION_free(self->ticket);
    self->ticket = ticket;
    return 1;
}

static void
connect_once(Load *self)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((guint16) self->port) };
    char banner[512];

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL *ssl = SSL_new(self->context);
    SSL_set_app_data(ssl, (char *) self);
    SSL_set_fd(ssl, fd);
    if (self->ticket)
        SSL_set_session(ssl, self->ticket);
    bool fine = connect(fd, (struct sockaddr *) &to, sizeof to) == 0 && SSL_connect(ssl) == 1
                && SSL_read(ssl, banner, sizeof banner) > 3 && memcmp(banner, "220", 3) == 0;
    self->done += fine;
    self->failed += !fine;
    self->resumed += fine && SSL_session_reused(ssl);
    if (fine)
        SSL_write(ssl, "QUIT\r\n", 6);
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    close(fd);
}

static void *
run(void *user)
{
    Load *self = user;

    while (g_get_monotonic_time() < self->until_us)
        connect_once(self);
    return NULL;
}

int
main(int argc, char **argv)
{
    enum { THREADS = 4 };
    Load loads[THREADS];
    GThread *threads[THREADS];
    guint done = 0, resumed = 0, failed = 0;

    if (argc != 4) {
        fputs("usage: tls_load PORT SECONDS full|resumed\n", stderr);
        return 2;
    }
    int seconds = atoi(argv[2]);
    for (guint i = 0; i < THREADS; i++) {
        loads[i] = (Load) { .port = atoi(argv[1]), .resume = argv[3][0] == 'r' };
        loads[i].until_us = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
        loads[i].context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(loads[i].context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(loads[i].context, on_ticket);
        threads[i] = g_thread_new("load", run, &loads[i]);
    }
    for (guint i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
        done += loads[i].done;
        resumed += loads[i].resumed;
        failed += loads[i].failed;
        SSL_SESSION_free(loads[i].ticket);
        SSL_CTX_free(loads[i].context);
    }
    printf("%u %u %u\n", done / (guint) MAX(1, seconds), resumed / (guint) MAX(1, seconds), failed);
    return 0;
}
