#include "sandbox/crowd.h"

struct Crowd {
    unsigned limit;
    unsigned peak;
    GHashTable *users;          /* name -> how many, none with 0 */
};

Crowd *
crowd_new(unsigned limit)
{
    Crowd *self = g_new0(Crowd, 1);

    self->limit = limit;
    self->users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return self;
}

void
crowd_free(Crowd *self)
{
    if (!self)
        return;
    g_hash_table_destroy(self->users);
    g_free(self);
}

bool
crowd_enter(Crowd *self, const char *user)
{
    unsigned now = GPOINTER_TO_UINT(g_hash_table_lookup(self->users, user));

    if (now >= self->limit)
        return false;
    g_hash_table_replace(self->users, g_strdup(user), GUINT_TO_POINTER(now + 1));
    self->peak = MAX(self->peak, now + 1);
    return true;
}

void
crowd_leave(Crowd *self, const char *user)
{
    unsigned now = GPOINTER_TO_UINT(g_hash_table_lookup(self->users, user));

    g_assert(now > 0);
    if (now == 1)
        g_hash_table_remove(self->users, user);
    else
        g_hash_table_replace(self->users, g_strdup(user), GUINT_TO_POINTER(now - 1));
}

unsigned
crowd_peak(const Crowd *self)
{
    return self->peak;
}
