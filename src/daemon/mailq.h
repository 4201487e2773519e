/* The queue as mailq shows it: Postfix's shape, which monitors know how to read. Pure; any thread. */
#pragma once

#include "queue/store.h"

/* Appends an entry: a line with id (`*` behind it while it is tried, `!` while it is held), size, arrival and
 * sender, then its open recipients, each group below the reason why it waits. Every line ends in LF. */
void mailq_append(GString *out, const StoreRow *row);
