#include "sandbox/listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
set_error(GError **error, const char *address, const char *reason)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "cannot listen on %s: %s", address, reason);
}

static struct addrinfo *
resolve(const char *address, GError **error)
{
    const char *colon = strrchr(address, ':');
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
    };
    struct addrinfo *info = NULL;
    guint64 port;

    /* getaddrinfo(3) takes 99999 for a port. */
    if (!colon || colon == address || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL)) {
        set_error(error, address, "ADDRESS:PORT is needed");
        return NULL;
    }
    bool brackets = *address == '[' && colon[-1] == ']';
    const char *begin = brackets ? address + 1 : address;
    g_autofree char *host = g_strndup(begin, (size_t) (colon - begin) - (brackets ? 1 : 0));
    int rc = getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, colon + 1, &hints, &info);
    if (rc != 0)
        set_error(error, address, gai_strerror(rc));
    return rc == 0 ? info : NULL;
}

int
listener_open(const char *address, GError **error)
{
    struct addrinfo *info = resolve(address, error);
    int on = 1;

    if (!info)
        return -1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0
        || bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
        set_error(error, address, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(info);
    return fd;
}

char *
listener_name(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char host[NI_MAXHOST] = "";
    char port[NI_MAXSERV] = "";

    getsockname(fd, (struct sockaddr *) &address, &length);
    getnameinfo((struct sockaddr *) &address, length, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    return g_strdup_printf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}
