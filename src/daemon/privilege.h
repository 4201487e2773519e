/* From root to the daemon's user, in two steps: between them files are made as that user and sockets still opened as
 * root would. For main(), before and after threads have begun. */
#pragma once

#include "daemon/settings.h"

/* As root: becomes the user of `user`, or shimta where that is not set and there is one; makes the folders he needs and
 * cannot make. Other users stay who they are, which must be the one that is set. */
bool privilege_lower(const Settings *settings, GError **error);

/* Nothing is left to go back to. */
bool privilege_drop(GError **error);
