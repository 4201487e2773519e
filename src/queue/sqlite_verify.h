/* Rows that no index leads to are found and made to be found; what was wrong is in the store's warning. Private to
 * queue/; the store's thread. */
#pragma once

#include "queue/sqlite.h"

/* The first part of a queue, all of one that is not very long, in a group of its own. */
bool sqlite_verify_start(SqliteStore *self, GError **error);

/* Some rows more, if it is time; in a group, which goes on whatever is found. */
void sqlite_verify_more(SqliteStore *self);
