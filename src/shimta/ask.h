/* Secrets typed by people or written into a pipe. */
#pragma once

#include "base/secret.h"

/* On a terminal asks for it without showing it, and once more (again); from anything else standard input's first line
 * is taken. At most max bytes. Waits; NULL and G_FILE_ERROR: nothing came, the two differ, or the wait was interrupted
 * (G_FILE_ERROR_INTR). */
Secret *ask_secret(const char *prompt, const char *again, gsize max, GError **error);
