#include "daemon/confine.h"

#include "base/file.h"
#include "base/log.h"
#include "daemon/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Moving files between folders came with version 2, and is forbidden wherever it is not known. */
enum { OLDEST_VERSION = 2, TRUNCATE_VERSION = 3 };

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* Links and pipes too: what others put into drop-dir is moved aside. */
static const guint64 changes = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                               LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                               LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                               LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;
static const guint64 never = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

static guint64
changes_known(long version)
{
    return version >= TRUNCATE_VERSION ? changes | LANDLOCK_ACCESS_FS_TRUNCATE : changes;
}

static bool
allow(int rules, const char *folder, guint64 what)
{
    struct landlock_path_beneath_attr rule = { .allowed_access = what };

    rule.parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return errno == ENOENT;
    long failed = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
    return failed == 0;
}

bool
confine_writes(const char *const *folders, const char **why)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    const struct landlock_ruleset_attr handled = { .handled_access_fs = changes_known(version) | never };

    *why = "the kernel has no Landlock, or an old one";
    if (version < OLDEST_VERSION)
        return false;
    *why = "Landlock does not work";
    int rules = (int) syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0)
        return false;
    bool allowed = true;
    for (guint i = 0; folders[i] && allowed; i++)
        allowed = allow(rules, folders[i], changes_known(version));
    bool done = allowed && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return done;
}

/* Later it could not be made. */
static void
add_folder_of(GPtrArray *folders, const char *file)
{
    if (!file || file[0] != '/')
        return;
    char *folder = g_path_get_dirname(file);
    file_make_folder(folder, 0755, NULL);
    g_ptr_array_add(folders, folder);
}

static void
add_maildirs(GPtrArray *folders, const RelaySettings *settings)
{
    for (guint i = 0; i < settings->accounts->len; i++) {
        const FeedbackConf *conf = &((const Provider *) settings->accounts->pdata[i])->feedback;
        if (conf->target != FEEDBACK_TO_MAILDIR)
            continue;
        file_make_folder(conf->target_value, 0700, NULL);
        g_ptr_array_add(folders, g_strdup(conf->target_value));
    }
}

void
confine(const Settings *settings)
{
    const DaemonConf *conf = &settings->conf;
    g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
    const char *why;

    if (!conf->confine)
        return;
    file_make_folder(conf->state_dir, 0711, NULL); /* what is wrong shows when it is used */
    g_ptr_array_add(folders, g_strdup(conf->state_dir));
    g_ptr_array_add(folders, g_strdup(conf->drop_dir));
    g_ptr_array_add(folders, g_strdup(conf->spool_folder ? conf->spool_folder : g_get_tmp_dir()));
    add_folder_of(folders, conf->control_socket);
    add_maildirs(folders, settings->relay);
    for (guint i = 0; i < settings->listens->len; i++) {
        const Listen *one = settings->listens->pdata[i];
        add_folder_of(folders, one->conf.address);
    }
    add_folder_of(folders, settings->metrics.conf.address);
    add_folder_of(folders, settings->webhook.conf.address);
    g_ptr_array_add(folders, NULL);
    if (confine_writes((const char *const *) folders->pdata, &why))
        log_event(LOG_INFO, "confined", "text", "writes only to its own folders, runs no programs", NULL);
    else
        log_event(LOG_NOTICE, "not-confined", "text", why, NULL);
}

void
confine_calls(const Settings *settings)
{
    const char *why;

    if (!settings->conf.confine)
        return;
    if (syscalls_confine(&why))
        log_event(LOG_INFO, "confined", "text", "only the system calls it needs", NULL);
    else
        log_event(LOG_NOTICE, "not-confined", "text", why, NULL);
}
