/* When a notice that could not be handed over is tried again, and when no more. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What could not be reached, or has refused. */
typedef enum {
    AGAIN_TARGET, /* a server, program or folder: an hour at most */
    AGAIN_NOTICE, /* one notice, while others go: four hours at most */
} AgainWhat;

/* How long it is left alone after so many failures in a row, 1 or more. */
gint64 again_rest_ms(AgainWhat what, guint failures);

/* Whether what failed so is given up: it was refused for good (feedback/target.h), or is owed for longer than a mail is
 * kept. */
bool again_is_over(const GError *error, gint64 owed_ms, gint64 lifetime_ms);
