/* Who is asked for the daemon's list of suppressed addresses: the daemon, or where none answers the table that it has
 * left. SQLite's locks part us from one that runs all the same, or starts meanwhile. */
#pragma once

#include "shimta/shimta.h"

typedef struct ListSource ListSource;

/* NULL: it has complained, and *status says why. Goes into the daemon's folder if it is the table, and says so. */
ListSource *list_source_open(const Task *task, bool writes, int *status);
void list_source_free(ListSource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ListSource, list_source_free)

/* All rows, of the task's account if it has one: "account", "address", "sender", "kind", "source", "reason",
 * "since_ms", "expires_ms". An exit status. */
int list_source_list(ListSource *self, const LinkReader *reader);

/* "show", "add" or "remove" of an address; n: of its rows, or of those changed. An exit status. */
int list_source_ask(ListSource *self, const char *action, const char *address, const LinkReader *reader, gint64 *n);
