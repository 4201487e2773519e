/* The least that handing over a mail can cost: `copy_stdin SOCKET` writes its standard input, a whole SMTP dialogue, to
 * a unix socket and reads the answers to their end. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char buf[65536];
    ssize_t n;

    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path)
        return EXIT_FAILURE;
    strcpy(address.sun_path, argv[1]);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *) &address, sizeof address) < 0)
        return EXIT_FAILURE;
    while ((n = read(STDIN_FILENO, buf, sizeof buf)) > 0) {
        if (write(fd, buf, (size_t) n) != n)
            return EXIT_FAILURE;
    }
    while ((n = read(fd, buf, sizeof buf)) > 0)
        continue;
    return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
