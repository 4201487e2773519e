/* The daemon's folders, for commands that read them themselves where no daemon answers. */
#pragma once

#include <stdbool.h>

/* Goes there, as the folder's owner, so that no file in it becomes root's; from inside, since the owner may not get
 * there: with DynamicUser= the folder lies behind one of root's. Files are "./…" from then on. False sets errno. */
bool folder_enter(const char *folder);
