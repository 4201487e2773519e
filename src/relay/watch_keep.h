/* Lines of watched mails that the journal cannot take: kept, as far as there is room, until it can. What is too much is lost,
 * and the log says how many. Loop thread. */
#pragma once

#include "relay/journal.h"

/* Writes the line, or keeps it. True: it is in the journal. */
bool watch_keep_write(Journal *journal, JournalLine *line);

/* Tries those that are kept. How many are in the journal now. */
guint watch_keep_again(Journal *journal);

/* The end: those that are left are lost. */
void watch_keep_end(Journal *journal);
