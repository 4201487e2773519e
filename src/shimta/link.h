/* The daemon's control socket (daemon/control.h) from the other side. Blocks. */
#pragma once

#include "http/json.h"

#include <stdbool.h>

typedef struct Link Link;

/* Sets an error of G_FILE_ERROR. */
Link *link_open(const char *path, GError **error);
void link_free(Link *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Link, link_free)

/* Called for each row of an answer, which is borrowed. */
typedef struct {
    void (*row)(const cJSON *row, void *user);
    void *user;
} LinkReader;

/* Asks one thing. Returns the last line of the answer; NULL: the daemon refused, or went away. Caller deletes. */
cJSON *link_ask(Link *self, const cJSON *request, const LinkReader *reader, GError **error);
