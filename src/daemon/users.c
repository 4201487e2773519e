#include "daemon/users.h"

#include "io/worker.h"

#include <glib.h>
#include <pwd.h>

enum { PASSWD_BYTES = 64 * 1024 };

struct Users {
    uv_loop_t *loop;
    GHashTable *names; /* uid -> char * */
};

struct UserLookup {
    Users *users;
    uid_t uid;
    char *name;
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
    return self;
}

void
users_free(Users *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->names);
    g_free(self);
}

const char *
users_known(const Users *self, uid_t uid)
{
    return g_hash_table_lookup(self->names, GUINT_TO_POINTER(uid));
}

static void
lookup_run(void *user)
{
    UserLookup *self = user;
    struct passwd entry, *found = NULL;
    g_autofree char *buf = g_malloc(PASSWD_BYTES);

    if (getpwuid_r(self->uid, &entry, buf, PASSWD_BYTES, &found) == 0 && found)
        self->name = g_utf8_make_valid(entry.pw_name, -1);
    else
        self->name = g_strdup_printf("uid=%u", self->uid);
}

static void
lookup_free(void *user)
{
    UserLookup *self = user;

    g_free(self->name);
    g_free(self);
}

static void
lookup_done(void *user)
{
    UserLookup *self = user;

    if (!users_known(self->users, self->uid))
        g_hash_table_insert(self->users->names, GUINT_TO_POINTER(self->uid), g_steal_pointer(&self->name));
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
