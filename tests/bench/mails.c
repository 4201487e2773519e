/* A client for the benchmark: mails of 2 KB, each on a connection of its own, by some threads for some seconds. Prints how
 * many a second were answered 250, how many not, and how long one took from connect() to that answer: median and 99th
 * percentile in microseconds. */
#include <arpa/inet.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int port;
    gint64 until_us;
    gulong pause_us;
    const GString *message;
    GArray *times; /* of gint64 */
    guint failed;
} Load;

/* Reads a reply, whose last line has a space after its code. */
static bool
read_reply(int fd, char digit)
{
    char text[2048];
    size_t n = 0;

    while (n < sizeof text) {
        ssize_t got = recv(fd, text + n, sizeof text - n, 0);
        if (got <= 0)
            return false;
        n += (size_t) got;
        const char *before = n > 1 && text[n - 1] == '\n' ? memrchr(text, '\n', n - 1) : NULL;
        const char *last = before ? before + 1 : text;
        if (text[n - 1] == '\n' && text + n - last > 4 && last[3] == ' ')
            return last[0] == digit;
    }
    return false;
}

static bool
say(int fd, const char *text, char digit)
{
    size_t n = strlen(text);

    return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t) n && read_reply(fd, digit);
}

static bool
send_mail(const Load *self, int fd)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((guint16) self->port) };

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (struct sockaddr *) &to, sizeof to) == 0 && read_reply(fd, '2')
           && say(fd, "EHLO shop.test\r\n", '2') && say(fd, "MAIL FROM:<shop@example.jp>\r\n", '2')
           && say(fd, "RCPT TO:<yamada@example.org>\r\n", '2') && say(fd, "DATA\r\n", '3')
           && say(fd, self->message->str, '2');
}

static void *
run(void *user)
{
    Load *self = user;

    for (gint64 start; (start = g_get_monotonic_time()) < self->until_us;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool fine = send_mail(self, fd);
        gint64 took = g_get_monotonic_time() - start;
        if (fine)
            g_array_append_val(self->times, took);
        else
            self->failed++;
        send(fd, "QUIT\r\n", 6, MSG_NOSIGNAL);
        close(fd);
        g_usleep(self->pause_us);
    }
    return NULL;
}

static int
compare(const void *a, const void *b)
{
    const gint64 *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static GString *
make_message(void)
{
    GString *text = g_string_new("From: shop@example.jp\r\nTo: yamada@example.org\r\nSubject: order\r\n"
                                 "Date: Sat, 07 Nov 2026 09:30:00 +0900\r\nMessage-ID: <1@example.jp>\r\n\r\n");

    while (text->len < 2000)
        g_string_append(text, "Thank you for your order. It will be on its way in three days.\r\n");
    return g_string_append(text, ".\r\n");
}

int
main(int argc, char **argv)
{
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(gint64));
    guint failed = 0;

    if (argc != 5) {
        fputs("usage: mails PORT SECONDS THREADS PAUSE-MS\n", stderr);
        return 2;
    }
    GString *message = make_message();
    guint n = (guint) CLAMP(atoi(argv[3]), 1, 1000);
    int seconds = MAX(1, atoi(argv[2]));
    g_autofree Load *loads = g_new0(Load, n);
    g_autofree GThread **threads = g_new0(GThread *, n);
    for (guint i = 0; i < n; i++) {
        loads[i] = (Load) { .port = atoi(argv[1]), .pause_us = (gulong) atoi(argv[4]) * 1000, .message = message };
        loads[i].until_us = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
        loads[i].times = g_array_new(FALSE, FALSE, sizeof(gint64));
        threads[i] = g_thread_new("mails", run, &loads[i]);
    }
    for (guint i = 0; i < n; i++) {
        g_thread_join(threads[i]);
        g_array_append_vals(times, loads[i].times->data, loads[i].times->len);
        g_array_unref(loads[i].times);
        failed += loads[i].failed;
    }
    g_array_sort(times, compare);
    const gint64 *took = (const gint64 *) times->data;
    guint at = times->len;
    printf("%u %u %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", at / (guint) seconds, failed, at ? took[at / 2] : 0,
           at ? took[(guint64) at * 99 / 100] : 0);
    g_string_free(message, TRUE);
    return 0;
}
