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
    FAILED_FILES = 1000,
    TIME_DIGITS = 12,
    RANDOM_DIGITS = 20,
};

static const char prefix[] = "mail.";
static const char draft_prefix[] = "new.";
static const char failed_name[] = "failed";

struct DropFolder {
    DIR *dir;
    int fd; /* dir's */
    gint64 max_bytes;
    guint failed; /* files that were put aside */
};

void
drop_file_free(DropFile *self)
{
    close(self->fd);
    g_free(self->name);
    g_free(self->id);
    g_free(self);
}

/* --- opening ------------------------------------------------------------------------------------- */

static guint
count_files(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    guint n = 0;

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n > 2 ? n - 2 : 0;
}

static const char *
fault_of(int fd)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return g_strerror(errno);
    if (info.st_uid != geteuid())
        return "it belongs to somebody else";
    if ((info.st_mode & 07777) != 01733 && fchmod(fd, 01733) < 0)
        return g_strerror(errno);
    if (mkdirat(fd, failed_name, 0700) < 0 && errno != EEXIST)
        return g_strerror(errno);
    if (fstatat(fd, failed_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return g_strerror(errno);
    return S_ISDIR(info.st_mode) && info.st_uid == geteuid() ? NULL : "somebody has made a \"failed\" in it";
}

DropFolder *
drop_folder_open(const char *path, gint64 max_bytes, GError **error)
{
    mkdir(path, 0700); /* what is wrong shows when it is opened */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char *fault = fd < 0 ? g_strerror(errno) : fault_of(fd);
    DIR *dir = fault ? NULL : fdopendir(fd);

    if (!dir) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot use %s: %s", path, fault ? fault : "no memory");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    DropFolder *self = g_new0(DropFolder, 1);
    self->dir = dir;
    self->fd = fd;
    self->max_bytes = max_bytes;
    self->failed = count_files(fd, failed_name);
    return self;
}

void
drop_folder_close(DropFolder *self)
{
    if (!self)
        return;
    closedir(self->dir);
    g_free(self);
}

/* --- files --------------------------------------------------------------------------------------- */

/* NULL: not a name that sendmail gives. */
static char *
id_of(const char *name)
{
    const char *digits = name + strlen(prefix);
    char time[TIME_DIGITS + 1];

    if (!g_str_has_prefix(name, prefix) || strlen(digits) != TIME_DIGITS + RANDOM_DIGITS ||
        strspn(digits, "0123456789abcdef") != TIME_DIGITS + RANDOM_DIGITS)
        return NULL;
    g_strlcpy(time, digits, sizeof time);
    return id_queue_of(g_ascii_strtoull(time, NULL, 16), g_ascii_strtoull(digits + TIME_DIGITS + 4, NULL, 16));
}

bool
drop_folder_remove(DropFolder *self, const char *name)
{
    return unlinkat(self->fd, name, 0) == 0 || errno == ENOENT;
}

void
drop_folder_sync(DropFolder *self)
{
    fsync(self->fd);
}

DropEnd
drop_folder_fail(DropFolder *self, const char *name)
{
    g_autofree char *aside = g_strconcat(failed_name, "/", name, NULL);

    if (self->failed < FAILED_FILES && renameat(self->fd, name, self->fd, aside) == 0) {
        self->failed++;
        return DROP_KEPT;
    }
    return drop_folder_remove(self, name) ? DROP_REMOVED : DROP_STUCK;
}

/* Only what its owner made there: a second link could be to anything, and a pipe or device would keep us waiting. */
static DropFile *
file_open(const DropFolder *self, const char *name, char *id)
{
    int fd = openat(self->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info;
    bool good = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1 &&
                info.st_size <= self->max_bytes;

    if (!good) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    DropFile *file = g_new0(DropFile, 1);
    file->name = g_strdup(name);
    file->id = g_strdup(id);
    file->fd = fd;
    file->uid = info.st_uid;
    return file;
}

/* A draft is another sendmail's, for as long as it may take to type a mail. */
static bool
is_fresh_draft(const DropFolder *self, const char *name)
{
    struct stat info;

    return g_str_has_prefix(name, draft_prefix) && fstatat(self->fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(info.st_mode) && g_get_real_time() / G_USEC_PER_SEC - info.st_mtime < 24 * 3600;
}

/* A folder of somebody else can neither be moved nor removed by us; it is passed over. */
static bool
is_folder(const DropFolder *self, const char *name)
{
    struct stat info;

    return fstatat(self->fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(info.st_mode);
}

static void
scan_name(DropFolder *self, const char *name, DropScan *scan, GHashTable *owners)
{
    g_autofree char *id = id_of(name);
    g_autoptr(DropFile) file = id ? file_open(self, name, id) : NULL;

    if (!file) {
        if (is_folder(self, name) || is_fresh_draft(self, name))
            return;
        drop_folder_fail(self, name);
        scan->useless++;
        return;
    }
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(owners, GUINT_TO_POINTER(file->uid)));
    if (n >= OWNER_FILES || scan->files->len >= SCAN_FILES) {
        scan->more = true;
        return;
    }
    g_hash_table_insert(owners, GUINT_TO_POINTER(file->uid), GUINT_TO_POINTER(n + 1));
    g_ptr_array_add(scan->files, g_steal_pointer(&file));
}

void
drop_folder_scan(DropFolder *self, GHashTable *waiting, DropScan *scan)
{
    g_autoptr(GHashTable) owners = g_hash_table_new(NULL, NULL);
    guint seen = 0;

    *scan = (DropScan) { .files = g_ptr_array_new_with_free_func((GDestroyNotify) drop_file_free) };
    for (const struct dirent *entry; seen < SCAN_NAMES; seen++) {
        entry = readdir(self->dir);
        if (!entry) {
            rewinddir(self->dir);
            return;
        }
        struct stat info;
        if (entry->d_name[0] == '.' || fstatat(self->fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0 ||
            g_hash_table_contains(waiting, GUINT_TO_POINTER(info.st_uid)))
            continue;
        scan_name(self, entry->d_name, scan, owners);
    }
    scan->more = true;
}

void
drop_folder_sift(DropFolder *self, bool (*visit)(const char *id, void *user), void *user)
{
    rewinddir(self->dir);
    for (const struct dirent *entry; (entry = readdir(self->dir));) {
        g_autofree char *id = id_of(entry->d_name);
        if (id && visit(id, user))
            drop_folder_remove(self, entry->d_name);
    }
    rewinddir(self->dir);
}
