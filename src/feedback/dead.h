/* Notices that were given up, for the operator: a Maildir "dead" in the state folder. Blocks; worker thread. */
#pragma once

#include <glib.h>

enum { DEAD_MAX = 10000 }; /* more are not kept */

/* The same id is kept once. The file's name, or NULL with error. Caller frees. */
char *dead_keep(const char *folder, const char *id, const GString *bytes, GError **error);
