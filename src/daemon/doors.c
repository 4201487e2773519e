#include "daemon/doors.h"

#include "base/log.h"

/* The place of an open door at that address which is not taken yet; or -1. */
static int
find_door(const GPtrArray *doors, const Listen *listen, const GPtrArray *taken)
{
    for (guint i = 0; i < doors->len; i++) {
        if (!taken->pdata[i] && door_is_at(doors->pdata[i], listen->conf.address))
            return (int) i;
    }
    return -1;
}

typedef struct {
    GPtrArray *doors;
    DoorWorld *world;
    GPtrArray *sections; /* for each door its next one; NULL: it is gone */
    GPtrArray *opened;   /* the doors of the other sections */
} Change;

static bool
open_others(Change *self, const Settings *settings, GError **error)
{
    for (guint i = 0; i < settings->listens->len; i++) {
        Listen *listen = settings->listens->pdata[i];
        int place = find_door(self->doors, listen, self->sections);
        Door *door = place < 0 ? door_open(self->world, listen, error) : NULL;
        if (place >= 0)
            self->sections->pdata[place] = listen;
        else if (door)
            g_ptr_array_add(self->opened, door);
        else
            return false;
    }
    return true;
}

bool
doors_change(GPtrArray **doors, DoorWorld *world, const Settings *settings, GError **error)
{
    g_autoptr(GPtrArray) opened = g_ptr_array_new_with_free_func((GDestroyNotify) door_close);
    g_autoptr(GPtrArray) sections = g_ptr_array_new();

    g_ptr_array_set_size(sections, (int) (*doors)->len);
    if (!open_others(&(Change) { *doors, world, sections, opened }, settings, error))
        return false;
    for (guint i = 0; i < sections->len; i++) {
        Door *door = g_ptr_array_steal_index(*doors, 0);
        if (sections->pdata[i]) {
            door_change(door, sections->pdata[i]);
            g_ptr_array_add(opened, door);
        } else {
            log_event(LOG_NOTICE, "closed", "listener", door_listen(door)->name, NULL);
            door_close(door);
        }
    }
    g_ptr_array_unref(*doors);
    *doors = g_steal_pointer(&opened);
    return true;
}
