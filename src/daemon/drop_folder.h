/* The folder in which sendmail leaves mail while no daemon runs (drop-dir): anybody may put files there, nobody but the
 * daemon can list it. Everything in it is judged as made by an enemy. What is taken goes to the folder `taken` in it first,
 * which only the daemon can use, under the id of the mail that it becomes; what is no mail, or was refused, to `failed`,
 * for the operator. Blocking; one thread at a time. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct DropFolder DropFolder;

/* A mail's file, open. */
typedef struct {
    char *id; /* of the entry it becomes, whenever it is read */
    int fd;
    uid_t uid;
    gint64 left_ms; /* when sendmail wrote it, or its owner says so */
} DropFile;

void drop_file_free(DropFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DropFile, drop_file_free)

/* Makes the folder if it is not there. Refuses one of somebody else, or a link. */
DropFolder *drop_folder_open(const char *path, GError **error);

/* Files that are larger than a mail of so many bytes can make them are no mail. Before each scan, never during one. */
void drop_folder_limit(DropFolder *self, gint64 mail_bytes);
void drop_folder_close(DropFolder *self);

typedef struct {
    GPtrArray *files; /* of DropFile: a few of each owner, all owners in turn */
    guint taken;      /* of them, for the first time */
    guint useless;    /* put aside: not a mail */
    bool full;        /* somebody has too many in `failed`: nothing more is taken of him */
    bool more;        /* there may be others */
} DropScan;

/* What was taken before comes first. Goes on where the last scan stopped, as far as a bounded number of names. waiting:
 * the uids (as pointers) whose files are left for later. Not while a file of the last scan is in hand: it would come
 * again. */
void drop_folder_scan(DropFolder *self, GHashTable *waiting, DropScan *scan);

/* The ids of what was taken: calls visit for each, and removes those for which it returns true. */
void drop_folder_sift(DropFolder *self, bool (*visit)(const char *id, void *user), void *user);

/* The mail is accepted. Quick; drop_folder_sync() makes it last. False: the file is still there, and is not found any
 * more. */
bool drop_folder_remove(DropFolder *self, const DropFile *file);

/* Moves a file to `failed`. Likewise. */
bool drop_folder_fail(DropFolder *self, const DropFile *file);
void drop_folder_sync(DropFolder *self);
