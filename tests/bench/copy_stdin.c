/* The least that handing over a mail can cost: standard input goes to a unix socket, and the exit waits for an answer.
 *   copy_stdin SOCKET            the client
 *   copy_stdin --listen SOCKET   its server, which reads to the end and answers with one byte; ends with its input */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
open_socket(const char *path, int (*join)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        exit(EXIT_FAILURE);
    strcpy(address.sun_path, path);
    if (join(fd, (const struct sockaddr *) &address, sizeof address) < 0)
        exit(EXIT_FAILURE);
    return fd;
}

static int
serve(const char *path)
{
    int fd = open_socket(path, bind);
    char buf[65536];

    if (listen(fd, 128) < 0)
        return EXIT_FAILURE;
    for (;;) {
        struct pollfd waits[2] = { { .fd = fd, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
        if (poll(waits, 2, -1) < 0 || waits[1].revents)
            return EXIT_SUCCESS;
        int client = accept(fd, NULL, NULL);
        while (read(client, buf, sizeof buf) > 0)
            continue;
        if (write(client, "k", 1) != 1)
            return EXIT_FAILURE;
        close(client);
    }
}

int
main(int argc, char **argv)
{
    if (argc == 3)
        return serve(argv[2]);
    if (argc != 2)
        return EXIT_FAILURE;
    int fd = open_socket(argv[1], connect);
    char buf[65536];
    ssize_t n;

    while ((n = read(0, buf, sizeof buf)) > 0) {
        if (write(fd, buf, (size_t) n) != n)
            return EXIT_FAILURE;
    }
    shutdown(fd, SHUT_WR);
    return read(fd, buf, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
