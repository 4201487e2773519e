#include "daemon/drop_folder.h"

#include "base/id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SCAN_NAMES = 2000,  /* looked at in one scan */
    SCAN_FILES = 200,   /* and taken */
    OWNER_FILES = 20,   /* of them, of one user */
    OWNER_FAILED = 200, /* that lie aside before nothing more is taken of him */
    NAME_DIGITS = 32,
    DRAFT_S = 24 * 3600, /* for as long as it may take to type a mail */
};

static const char prefix[] = "mail.";
static const char draft_prefix[] = "new.";
static const char failed_name[] = "failed";
static const char taken_name[] = "taken";

struct DropFolder {
    DIR *dir, *taken;
    int fd, taken_fd, failed_fd; /* the first two are the DIRs' */
    gint64 max_bytes;
    GHashTable *failed; /* owner (uid as pointer) -> files of his that lie aside */
    GHashTable *stuck;  /* ids of files in `taken` that are done with */
    bool full;          /* an owner has too many aside */
};

void
drop_file_free(DropFile *self)
{
    close(self->fd);
    g_free(self->id);
    g_free(self);
}

/* --- opening ------------------------------------------------------------------------------------- */

/* NULL: it is ours, with that mode. */
static const char *
fault_of(int fd, mode_t mode)
{
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0)
        return g_strerror(errno);
    if (info.st_uid != geteuid())
        return "it belongs to somebody else";
    if ((info.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
        return g_strerror(errno);
    return NULL;
}

/* A folder in it, or -1. */
static int
open_inner(int folder, const char *name, GError **error)
{
    mkdirat(folder, name, 0700); /* what is wrong shows when it is opened */
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char *fault = fault_of(fd, 0700);

    if (!fault)
        return fd;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot use \"%s\" in it: %s", name, fault);
    if (fd >= 0)
        close(fd);
    return -1;
}

static void
count_failed(DropFolder *self, uid_t owner)
{
    gpointer key = GUINT_TO_POINTER(owner);
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(self->failed, key)) + 1;

    g_hash_table_insert(self->failed, key, GUINT_TO_POINTER(n));
}

static bool
is_full(const DropFolder *self, uid_t owner)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(self->failed, GUINT_TO_POINTER(owner))) >= OWNER_FAILED;
}

static void
count_all_failed(DropFolder *self)
{
    int fd = openat(self->failed_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct stat info;

    self->full = false;
    g_hash_table_remove_all(self->failed);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] != '.' && fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
            count_failed(self, info.st_uid);
    }
    if (dir)
        closedir(dir);
}

DropFolder *
drop_folder_open(const char *path, GError **error)
{
    mkdir(path, 0700);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char *fault = fault_of(fd, 01733);
    g_autoptr(GError) cause = NULL;
    int taken = fault ? -1 : open_inner(fd, taken_name, &cause);
    int failed = taken < 0 ? -1 : open_inner(fd, failed_name, &cause);

    if (failed < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot use %s: %s", path, fault ? fault : cause->message);
        if (taken >= 0)
            close(taken);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    DropFolder *self = g_new0(DropFolder, 1);
    self->dir = fdopendir(fd);
    self->taken = fdopendir(taken);
    g_assert(self->dir && self->taken);
    self->fd = fd;
    self->taken_fd = taken;
    self->failed_fd = failed;
    self->max_bytes = G_MAXINT64;
    self->failed = g_hash_table_new(NULL, NULL);
    self->stuck = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    count_all_failed(self);
    return self;
}

/* Dots are doubled, and the envelope comes along. */
void
drop_folder_limit(DropFolder *self, gint64 mail_bytes)
{
    self->max_bytes = mail_bytes * 2 + (1 << 20);
}

void
drop_folder_close(DropFolder *self)
{
    if (!self)
        return;
    closedir(self->dir);
    closedir(self->taken);
    close(self->failed_fd);
    g_hash_table_unref(self->failed);
    g_hash_table_unref(self->stuck);
    g_free(self);
}

/* --- the end of a file --------------------------------------------------------------------------- */

bool
drop_folder_remove(DropFolder *self, const DropFile *file)
{
    if (unlinkat(self->taken_fd, file->id, 0) == 0 || errno == ENOENT)
        return true;
    g_hash_table_add(self->stuck, g_strdup(file->id));
    return false;
}

bool
drop_folder_fail(DropFolder *self, const DropFile *file)
{
    if (renameat(self->taken_fd, file->id, self->failed_fd, file->id) < 0) {
        g_hash_table_add(self->stuck, g_strdup(file->id));
        return false;
    }
    count_failed(self, file->uid);
    return true;
}

void
drop_folder_sync(DropFolder *self)
{
    fsync(self->taken_fd);
    fsync(self->failed_fd);
}

/* --- what is found ------------------------------------------------------------------------------- */

typedef struct {
    GHashTable *owners; /* uid -> files of his in this scan */
    GHashTable *waiting;
    DropScan *found;
} Look;

static bool
is_name_of_mail(const char *name)
{
    const char *digits = name + strlen(prefix);

    return g_str_has_prefix(name, prefix) && strlen(digits) == NAME_DIGITS &&
           strspn(digits, "0123456789abcdef") == NAME_DIGITS;
}

/* Not more than its share of one owner. */
static bool
look_has_room(Look *self, uid_t owner)
{
    gpointer key = GUINT_TO_POINTER(owner);
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(self->owners, key));

    if (n >= OWNER_FILES || self->found->files->len >= SCAN_FILES) {
        self->found->more = true;
        return false;
    }
    g_hash_table_insert(self->owners, key, GUINT_TO_POINTER(n + 1));
    return true;
}

static void
look_add(Look *self, int fd, const struct stat *info, const char *id)
{
    DropFile *file = g_new0(DropFile, 1);

    file->id = g_strdup(id);
    file->fd = fd;
    file->uid = info->st_uid;
    file->left_ms = (gint64) info->st_mtime * 1000;
    g_ptr_array_add(self->found->files, file);
}

static int
open_file(int folder, const char *name, struct stat *info)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, info) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool
is_same(int folder, const char *name, const struct stat *info)
{
    struct stat now;

    return fstatat(folder, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == info->st_ino && now.st_dev == info->st_dev;
}

/* What is no mail. Somebody else's folder can neither be moved nor removed by us; it is passed over. No file is removed:
 * its owner may count on it. */
static void
put_aside(DropFolder *self, int folder, const char *name, const struct stat *info, DropScan *found)
{
    g_autofree char *id = id_queue();

    if (S_ISDIR(info->st_mode) && folder == self->fd)
        return;
    if (!is_full(self, info->st_uid)) {
        if (renameat(folder, name, self->failed_fd, id) < 0)
            return;
        count_failed(self, info->st_uid);
    } else if (S_ISREG(info->st_mode) || unlinkat(folder, name, 0) < 0) {
        self->full = true;
        return;
    }
    found->useless++;
}

/* Into our own folder, where its owner can no more exchange it, under the id of the mail it becomes. */
static bool
take(DropFolder *self, const char *name, const struct stat *info, const char *id, DropScan *found)
{
    struct stat other;

    if (renameat(self->fd, name, self->taken_fd, id) < 0)
        return false;
    if (is_same(self->taken_fd, id, info))
        return true;
    if (fstatat(self->taken_fd, id, &other, AT_SYMLINK_NOFOLLOW) == 0)
        put_aside(self, self->taken_fd, id, &other, found);
    return false;
}

/* Only what its owner made there is a mail: a second link could be to anything, and a pipe or device would keep us
 * waiting. */
static void
look_at(DropFolder *self, const char *name, Look *look)
{
    struct stat info;

    if (fstatat(self->fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0 ||
        g_hash_table_contains(look->waiting, GUINT_TO_POINTER(info.st_uid)))
        return;
    bool draft = g_str_has_prefix(name, draft_prefix) && S_ISREG(info.st_mode);
    if (draft && g_get_real_time() / G_USEC_PER_SEC - info.st_mtime < DRAFT_S)
        return;
    int fd = is_name_of_mail(name) && S_ISREG(info.st_mode) ? open_file(self->fd, name, &info) : -1;
    if (fd < 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1 || info.st_size > self->max_bytes) {
        put_aside(self, self->fd, name, &info, look->found);
    } else if (is_full(self, info.st_uid)) {
        self->full = true;
    } else if (look_has_room(look, info.st_uid)) {
        g_autofree char *id = id_queue();
        if (take(self, name, &info, id, look->found)) {
            look_add(look, fd, &info, id);
            look->found->taken++;
            return;
        }
    }
    if (fd >= 0)
        close(fd);
}

/* What was taken before and is not done with: deferred, or by a daemon that was killed. */
static void
look_at_taken(DropFolder *self, Look *look)
{
    rewinddir(self->taken);
    for (const struct dirent *entry; (entry = readdir(self->taken));) {
        struct stat info;
        const char *id = entry->d_name;

        if (*id == '.' || g_hash_table_contains(self->stuck, id) || fstatat(self->taken_fd, id, &info, AT_SYMLINK_NOFOLLOW) < 0 ||
            g_hash_table_contains(look->waiting, GUINT_TO_POINTER(info.st_uid)) || !look_has_room(look, info.st_uid))
            continue;
        int fd = open_file(self->taken_fd, id, &info);
        if (fd >= 0)
            look_add(look, fd, &info, id);
    }
}

/* It must not be found under its old name again once its mail is stored. */
static void
sync_taken(DropFolder *self)
{
    fsync(self->taken_fd);
    fsync(self->fd);
}

void
drop_folder_scan(DropFolder *self, GHashTable *waiting, DropScan *scan)
{
    g_autoptr(GHashTable) owners = g_hash_table_new(NULL, NULL);
    Look look = { owners, waiting, scan };

    *scan = (DropScan) { .files = g_ptr_array_new_with_free_func((GDestroyNotify) drop_file_free) };
    if (self->full)
        count_all_failed(self);
    look_at_taken(self, &look);
    for (guint seen = 0; seen < SCAN_NAMES; seen++) {
        const struct dirent *entry = readdir(self->dir);
        if (!entry) {
            rewinddir(self->dir);
            break;
        }
        scan->more |= seen + 1 == SCAN_NAMES;
        if (entry->d_name[0] != '.' && !g_str_equal(entry->d_name, failed_name) && !g_str_equal(entry->d_name, taken_name))
            look_at(self, entry->d_name, &look);
    }
    if (scan->taken > 0)
        sync_taken(self);
    scan->full = self->full;
}

void
drop_folder_sift(DropFolder *self, bool (*visit)(const char *id, void *user), void *user)
{
    rewinddir(self->taken);
    for (const struct dirent *entry; (entry = readdir(self->taken));) {
        if (entry->d_name[0] != '.' && visit(entry->d_name, user))
            unlinkat(self->taken_fd, entry->d_name, 0);
    }
}
