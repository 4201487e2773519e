#include "daemon/privilege.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char usual_user[] = "shimta";

/* What is there is the operator's to decide. */
static bool
hand_folder(const char *path, guint mode, const struct passwd *to, GError **error)
{
    if (access(path, F_OK) == 0)
        return true;
    if (!file_make_folder(path, mode, error))
        return false;
    if (lchown(path, to->pw_uid, to->pw_gid) == 0)
        return true;
    return error_set_errno(error, errno, "cannot give %s to %s", path, to->pw_name);
}

/* Of a unix socket; another address, or none, has no folder. */
static bool
hand_folder_of(const char *address, const struct passwd *to, GError **error)
{
    if (!address || *address != '/')
        return true;
    g_autofree char *folder = g_path_get_dirname(address);

    return hand_folder(folder, 0755, to, error);
}

static bool
hand_folders(const Settings *settings, const struct passwd *to, GError **error)
{
    if (!hand_folder(settings->conf.state_dir, 0711, to, error) ||
        !hand_folder_of(settings->conf.control_socket, to, error))
        return false;
    for (guint i = 0; i < settings->listens->len; i++) {
        const Listen *one = settings->listens->pdata[i];
        if (!hand_folder_of(one->conf.address, to, error))
            return false;
    }
    return hand_folder_of(settings->metrics.conf.address, to, error) &&
           hand_folder_of(settings->webhook.conf.address, to, error);
}

/* The saved user remains root's, and of what root may do only to bind small ports. */
static bool
become(const struct passwd *user, GError **error)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct caps[2] = { { 0 } };

    caps[0].effective = caps[0].permitted = 1u << CAP_NET_BIND_SERVICE;
    if (initgroups(user->pw_name, user->pw_gid) < 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
        setresuid(user->pw_uid, user->pw_uid, 0) < 0 || syscall(SYS_capset, &header, caps) < 0)
        return error_set_errno(error, errno, "cannot become user %s", user->pw_name);
    return true;
}

static bool
stay(const char *wanted, const struct passwd *user, GError **error)
{
    if (!wanted || (user && user->pw_uid == geteuid()))
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM, "only root can become user %s", wanted);
    return false;
}

bool
privilege_lower(const Settings *settings, GError **error)
{
    const char *wanted = settings->conf.user;
    const struct passwd *user = getpwnam(wanted ? wanted : usual_user);

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (geteuid() != 0)
        return stay(wanted, user, error);
    if (!user && !wanted) {
        log_event(LOG_NOTICE, "still-root", "text", "there is no user shimta to become, and no user = …", NULL);
        return true;
    }
    if (!user) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM, "there is no user %s", wanted);
        return false;
    }
    return user->pw_uid == 0 || (hand_folders(settings, user, error) && become(user, error));
}

bool
privilege_drop(GError **error)
{
    uid_t uid = geteuid();

    if (uid == 0)
        return true;
    if (setresuid(uid, uid, uid) < 0) /* of all threads; the last root that goes takes the capabilities along */
        return error_set_errno(error, errno, "cannot stay user %u", (guint) uid);
    if (setresuid((uid_t) -1, 0, (uid_t) -1) == 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM, "could become root again");
        return false;
    }
    return true;
}
