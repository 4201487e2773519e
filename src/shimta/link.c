#include "shimta/link.h"

#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct Link {
    int fd;
    FILE *in;
    char *path;
    char *line; /* the last one that was read */
    size_t room;
};

Link *
link_open(const char *path, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        error_set_errno(error, ENAMETOOLONG, "'%s'", path);
        return NULL;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) < 0) {
        error_set_errno(error, errno, "'%s'", path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    Link *self = g_new0(Link, 1);
    self->fd = fd;
    self->in = fdopen(fd, "r");
    self->path = g_strdup(path);
    return self;
}

void
link_free(Link *self)
{
    if (!self)
        return;
    fclose(self->in);
    free(self->line);
    g_free(self->path);
    g_free(self);
}

cJSON *
link_ask(Link *self, const cJSON *request, const LinkReader *reader, GError **error)
{
    g_autoptr(GBytes) text = json_print(request);
    gsize n;
    const char *bytes = g_bytes_get_data(text, &n);

    /* A daemon that refuses at once may have closed; its reason is there to read. */
    if (file_write_all(self->fd, bytes, n, self->path, NULL))
        file_write_all(self->fd, "\n", 1, self->path, NULL);
    for (ssize_t length; (length = getline(&self->line, &self->room, self->in)) > 0;) {
        g_autoptr(cJSON) row = json_parse(self->line, (size_t) length);
        const char *refusal = json_string(row, "error");
        if (!cJSON_IsObject(row))
            break;
        if (!cJSON_HasObjectItem(row, "done")) {
            if (reader && reader->row)
                reader->row(row, reader->user);
            continue;
        }
        if (!refusal)
            return g_steal_pointer(&row);
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s", refusal);
        return NULL;
    }
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PIPE, "shimtad has broken off");
    return NULL;
}
