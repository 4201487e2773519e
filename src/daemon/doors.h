/* The doors of all listeners, as the configuration is read again. Loop thread. */
#pragma once

#include "daemon/door.h"

/* Doors whose address is still there go on with their new section, the others are closed, new ones opened. If one of
 * these cannot be, nothing has changed. *doors, of Door, owns them. */
bool doors_change(GPtrArray **doors, DoorWorld *world, const Settings *settings, GError **error);
