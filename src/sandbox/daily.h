/* The rule that a list may be asked for about once a day (api/customers-mail-cloud, section 7, "Frequency"). Used by
 * transaction.c on the server's thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Daily Daily;

/* At most so many questions of a kind in a day; 0: any number. */
Daily *daily_new(unsigned most);
void daily_free(Daily *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Daily, daily_free)

/* Counts a question of somebody for a list; false, and nothing counted, when he has had his of the day. Pages behind the
 * first, which is 0, belong to the question before them. */
bool daily_admit(Daily *self, const char *user, const char *list, guint64 page, gint64 now_us);
