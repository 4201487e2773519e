#include "base/secret.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_LINE_BYTES = 4096 };

/* Lives in pages of its own: madvise() works on pages. */
struct Secret {
    size_t mapped;
    char text[];
};

Secret *
secret_new(const char *text)
{
    size_t length = strlen(text);
    size_t mapped = sizeof(Secret) + length + 1;
    Secret *self = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (self == MAP_FAILED)
        g_error("cannot map a secret: %s", g_strerror(errno));
    madvise(self, mapped, MADV_DONTDUMP);
    self->mapped = mapped;
    memcpy(self->text, text, length + 1);
    return self;
}

/* systemd gives its credentials to the service by an access-control list, whose mask stat()
 * shows as the group's bits. */
static bool
secret_is_credential(const char *path)
{
    const char *folder = g_getenv("CREDENTIALS_DIRECTORY");
    if (!folder || !*folder)
        return false;

    g_autofree char *inside = g_canonicalize_filename(path, NULL);
    g_autofree char *top = g_canonicalize_filename(folder, NULL);
    return g_str_has_prefix(inside, top) && inside[strlen(top)] == '/';
}

static bool
secret_check_file(int fd, const char *path, size_t max, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    if (!S_ISREG(st.st_mode)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is not a regular file", path);
        return false;
    }
    mode_t forbidden = secret_is_credential(path) ? 037 : 077;
    if (st.st_mode & forbidden) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    "%s holds a secret, but others than its owner have access (mode %04o): chmod 600 it",
                    path, (guint) st.st_mode & 07777);
        return false;
    }
    if (st.st_size > (off_t) max) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is longer than %zu bytes", path, max);
        return false;
    }
    return true;
}

/* Fills buf, which has room for n bytes and one more. Returns the length, or -1. */
static gssize
secret_read(int fd, char *buf, size_t n, const char *path, GError **error)
{
    size_t length = 0;

    while (length < n) {
        ssize_t got = read(fd, buf + length, n - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            error_set_errno(error, errno, "cannot read %s", path);
            return -1;
        }
        if (got == 0)
            break;
        length += got;
    }
    buf[length] = '\0';
    return length;
}

/* The text, or its first line, which must not be empty. */
static Secret *
secret_from_text(char *text, size_t length, bool line, const char *path, GError **error)
{
    if (strlen(text) != length) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s holds a NUL byte", path);
        return NULL;
    }
    if (line)
        text[strcspn(text, "\r\n")] = '\0';
    if (line && !*text) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is empty", path);
        return NULL;
    }
    return secret_new(text);
}

static Secret *
secret_open(const char *path, size_t max, bool line, GError **error)
{
    /* O_NONBLOCK: a FIFO must not hang the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot read %s", path);
        return NULL;
    }

    Secret *self = NULL;
    if (secret_check_file(fd, path, max, error)) {
        g_autofree char *text = g_malloc(max + 1);
        gssize length = secret_read(fd, text, max, path, error);
        if (length >= 0)
            self = secret_from_text(text, length, line, path, error);
        explicit_bzero(text, max + 1);
    }
    close(fd);
    return self;
}

Secret *
secret_load(const char *path, GError **error)
{
    return secret_open(path, SECRET_LINE_BYTES, true, error);
}

Secret *
secret_load_text(const char *path, size_t max, GError **error)
{
    return secret_open(path, max, false, error);
}

/* The secret is compared again and again where the guess is longer: every byte of it costs the same. */
bool
secret_matches(const Secret *self, const char *bytes, size_t n)
{
    size_t length = strlen(self->text);
    volatile guint8 different = length != n;

    for (size_t i = 0, at = 0; i < n; i++) {
        different |= (guint8) bytes[i] ^ (guint8) self->text[at];
        at++;
        at &= (size_t) -(at < length);
    }
    return !different;
}

const char *
secret_reveal(const Secret *self)
{
    return self->text;
}

void
secret_free(Secret *self)
{
    if (!self)
        return;

    size_t mapped = self->mapped;
    explicit_bzero(self, mapped);
    munmap(self, mapped);
}
