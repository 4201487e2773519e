#include "daemon/notify.h"

#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* A manager that does not read must hold up no mail: nothing here is worth more than a second. */
static void
send_state(const char *state, int flags)
{
    static const struct timeval patience = { .tv_sec = 1 };
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* Linux's abstract namespace */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t length = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    (void) !sendto(fd, state, strlen(state), MSG_NOSIGNAL | flags, (struct sockaddr *) &to, length);
    close(fd);
}

void
notify(const char *state)
{
    send_state(state, 0);
}

static void
on_watchdog(uv_timer_t *timer)
{
    send_state("WATCHDOG=1", MSG_DONTWAIT); /* the next one follows soon */
}

void
notify_watchdog(uv_loop_t *loop, uv_timer_t *timer)
{
    const char *interval = g_getenv("WATCHDOG_USEC"), *pid = g_getenv("WATCHDOG_PID");
    guint64 us = 0, who = (guint64) getpid();

    uv_timer_init(loop, timer);
    uv_unref((uv_handle_t *) timer);
    if (pid && !g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT, &who, NULL))
        return;
    if (!interval || !g_ascii_string_to_unsigned(interval, 10, 1, G_MAXINT64, &us, NULL) || who != (guint64) getpid())
        return;
    guint64 half_ms = MAX(1, us / 2000);
    uv_timer_start(timer, on_watchdog, half_ms, half_ms);
}
