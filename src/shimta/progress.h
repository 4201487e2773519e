/* One line on standard error, where that is a terminal, about what takes longer than a second. */
#pragma once

#include <glib.h>

/* what: a literal, or outlives progress_end(). */
void progress_begin(const char *what);

/* How far it is. */
void progress_tell(guint requests, guint64 rows);

/* Shows it, if it is time to; call it some times a second. */
void progress_tick(void);

/* Takes it away, before something else is printed. */
void progress_hide(void);
void progress_end(void);
