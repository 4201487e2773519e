/* How long a client between two commands is waited for: by its listener, by its session's whole time, and less while
 * most connections are taken. Pure. */
#pragma once

#include "daemon/settings.h"

/* Whether connections run short: more than 80 of 100 are taken, until less than 60 are. */
typedef struct {
    guint max;
    bool on;
} Stress;

/* True: it has begun, or is over. */
bool stress_turns(Stress *self, guint now);

/* Milliseconds, 1 at least, until a command must have come; age_ms is the session's. */
gint64 patience_command_ms(const ListenConf *conf, gint64 age_ms, bool stress);

/* Milliseconds, 1 at least, until more of a message must have come, of those that its rate grants: it may outlast its
 * session's time by as much again. */
gint64 patience_data_ms(const ListenConf *conf, gint64 age_ms, gint64 granted_ms);

/* How long a reply is held back: the client has made so many errors since its last mail, seen of them before. 0: not
 * at all. */
gint64 patience_error_ms(const Listen *listen, guint errors, guint seen, bool stress);
