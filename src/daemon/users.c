#include "daemon/users.h"

#include "io/worker.h"

#include <glib.h>
#include <grp.h>
#include <pwd.h>

enum { PASSWD_BYTES = 64 * 1024, MOST_GROUPS = 65536 };

struct Users {
    uv_loop_t *loop;
    GHashTable *names;  /* uid -> char * */
    GHashTable *groups; /* uid -> char ** */
};

struct UserLookup {
    Users *users;
    uid_t uid;
    char *name;
    char **groups;
    Work *work;
    void (*done)(void *user);
    void *user;
};

Users *
users_new(uv_loop_t *loop)
{
    Users *self = g_new0(Users, 1);

    self->loop = loop;
    self->names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    self->groups = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify) g_strfreev);
    return self;
}

void
users_free(Users *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->names);
    g_hash_table_unref(self->groups);
    g_free(self);
}

const char *
users_known(const Users *self, uid_t uid)
{
    return g_hash_table_lookup(self->names, GUINT_TO_POINTER(uid));
}

bool
users_are_fresh(const Users *self, uid_t uid)
{
    return g_hash_table_contains(self->groups, GUINT_TO_POINTER(uid));
}

char **
users_groups(const Users *self, uid_t uid)
{
    return g_hash_table_lookup(self->groups, GUINT_TO_POINTER(uid));
}

void
users_forget(Users *self)
{
    g_hash_table_remove_all(self->groups);
}

/* Those without a name count for nothing. */
static char **
groups_of(const char *name, gid_t first)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *buf = g_malloc(PASSWD_BYTES);
    g_autofree gid_t *ids = NULL;
    int room = 64, n;

    do {
        n = room;
        ids = g_renew(gid_t, ids, room);
        room *= 2;
    } while (getgrouplist(name, first, ids, &n) < 0 && room <= MOST_GROUPS);
    for (int i = 0; i < MIN(n, room / 2); i++) {
        struct group entry, *found = NULL;
        if (getgrgid_r(ids[i], &entry, buf, PASSWD_BYTES, &found) == 0 && found)
            g_ptr_array_add(names, g_utf8_make_valid(entry.gr_name, -1));
    }
    g_ptr_array_add(names, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

static void
lookup_run(void *user)
{
    UserLookup *self = user;
    struct passwd entry, *found = NULL;
    g_autofree char *buf = g_malloc(PASSWD_BYTES);

    if (getpwuid_r(self->uid, &entry, buf, PASSWD_BYTES, &found) == 0 && found) {
        self->name = g_utf8_make_valid(entry.pw_name, -1);
        self->groups = groups_of(entry.pw_name, entry.pw_gid);
    } else {
        self->name = g_strdup_printf("uid=%u", self->uid);
    }
}

static void
lookup_free(void *user)
{
    UserLookup *self = user;

    g_free(self->name);
    g_strfreev(self->groups);
    g_free(self);
}

static void
lookup_done(void *user)
{
    UserLookup *self = user;

    gpointer uid = GUINT_TO_POINTER(self->uid);

    /* A name stays where it is: mails on their way have it. */
    if (!g_hash_table_contains(self->users->names, uid))
        g_hash_table_insert(self->users->names, uid, g_steal_pointer(&self->name));
    g_hash_table_insert(self->users->groups, uid, g_steal_pointer(&self->groups));
    self->done(self->user);
    lookup_free(self);
}

UserLookup *
users_look_up(Users *self, uid_t uid, void (*done)(void *user), void *user)
{
    static const WorkOps ops = { lookup_run, lookup_done, lookup_free };
    UserLookup *lookup = g_new0(UserLookup, 1);

    lookup->users = self;
    lookup->uid = uid;
    lookup->done = done;
    lookup->user = user;
    lookup->work = work_start(self->loop, &ops, lookup);
    return lookup;
}

void
users_cancel(UserLookup **lookup)
{
    UserLookup *self = *lookup;

    *lookup = NULL;
    if (self)
        work_cancel(&self->work);
}
