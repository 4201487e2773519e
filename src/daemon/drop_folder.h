/* The folder in which sendmail leaves mail while no daemon runs (drop-dir): anybody may put files there, nobody but the
 * daemon can list it. Everything in it is judged as made by an enemy. Blocking; one thread at a time. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct DropFolder DropFolder;

/* A mail's file, open. */
typedef struct {
    char *name;
    char *id; /* of the entry it becomes: the name's own, whenever it is read */
    int fd;
    uid_t uid;
} DropFile;

void drop_file_free(DropFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DropFile, drop_file_free)

/* Makes the folder if it is not there. Refuses one of somebody else, or a link. max_bytes: larger files are no mail. */
DropFolder *drop_folder_open(const char *path, gint64 max_bytes, GError **error);
void drop_folder_close(DropFolder *self);

typedef struct {
    GPtrArray *files; /* of DropFile: a few of each owner, all owners in turn */
    guint useless;    /* put aside or removed: not a mail */
    bool more;        /* there may be others */
} DropScan;

/* Goes on where the last scan stopped, as far as a bounded number of names. waiting: the uids (as pointers) whose files
 * are left for later. */
void drop_folder_scan(DropFolder *self, GHashTable *waiting, DropScan *scan);

/* The names there are, and the ids they stand for: calls visit for each mail, and removes those for which it returns
 * true. */
void drop_folder_sift(DropFolder *self, bool (*visit)(const char *id, void *user), void *user);

/* The mail is accepted. Quick; drop_folder_sync() makes it last. False: the file is still there. */
bool drop_folder_remove(DropFolder *self, const char *name);
void drop_folder_sync(DropFolder *self);

/* Moves a file to the folder `failed` for the operator, or removes it when that is full. */
typedef enum { DROP_KEPT, DROP_REMOVED, DROP_STUCK } DropEnd;
DropEnd drop_folder_fail(DropFolder *self, const char *name);
